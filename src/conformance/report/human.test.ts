import { expect, it } from 'vitest';
import {
  leaksIn,
  leakyReport,
  sampleExchange,
  sampleReport,
  sampleResult,
} from '../../../test/support/conformance-report.ts';
import { humanReport } from './human.ts';

const plain = { failOn: 'client', verbose: false } as const;

it('failures come first, the gravest at the top, each with what decided it', () => {
  const first = sampleExchange({ body: { a: "it's" } }, { status: 201 });
  const last = sampleExchange({ path: '/v2/y', method: 'GET' }, { status: 500, json: { description: 'oh' } });
  const text = humanReport(
    sampleReport([
      sampleResult({ outcome: 'failed', level: 'should', title: 'it should be', message: 'is not' }),
      sampleResult({ outcome: 'failed', items: [4, 5], message: 'expected 200', exchanges: [first, last] }),
      sampleResult({ outcome: 'failed', level: 'client', title: 'it helps' }),
      sampleResult({ outcome: 'blocked', id: 'one', message: 'PUT was answered 500' }),
      sampleResult({ outcome: 'blocked', id: 'two', message: 'PUT was answered 500' }),
      sampleResult({ outcome: 'not applicable', group: 'Catalog' }),
      sampleResult({}),
    ]),
    plain,
  );
  expect(text).toBe(`Conformance of http://broker.example/base
requests as in the specification, X-Broker-API-Version: 2.17
plans: db/small
The curl lines need BROKER=http://broker.example and AUTH=name:password (or the token) in the environment.

Failed, must (the specification says MUST): 1

✗ [4, 5] it is so (sample)
    expected 200
    $ curl -s -i -u "$AUTH" -H 'x-broker-api-version: 2.17' "$BROKER"'/base/v2/y?accepts_incomplete=true'
    < 500 {"description":"oh"}

Failed, client-needed (the specification does not ask for it, but a platform or client library in use needs it): 1

✗ [1] it helps (sample)
    

Failed, should (the specification says SHOULD or recommends it): 1

✗ [1] it should be (sample)
    is not

Blocked (the broker did not get as far as the rule): 2
- PUT was answered 500
    one, two

              passed  failed must  failed client-needed  failed should  blocked  not applicable
Catalog            ·            ·                     ·              ·        ·               1
Bind               1            1                     1              1        2               ·
all                1            1                     1              1        2               1

2 failures at must and client-needed level (and 1 below it). 2 checks could not be tried, so there is no verdict on them.

1.2 s, 7 requests
`);
});

it('with --verbose shows every exchange of a failure in full', () => {
  const long = 'x'.repeat(2000);
  const exchanges = [
    sampleExchange({ path: '/v2/first' }, { headers: { 'x-one': '1' }, text: `<p>\n${long}` }),
    sampleExchange({ path: '/v2/second' }, undefined),
  ];
  const report = sampleReport([sampleResult({ outcome: 'failed', exchanges })]);
  const text = humanReport(report, { ...plain, verbose: true });
  expect(text).toContain(
    `/v2/first?accepts_incomplete=true'\n    < 200 after 12 ms\n    < x-one: 1\n    < <p>\n    < ${long}\n`,
  );
  expect(text).toContain(
    "/v2/second?accepts_incomplete=true'\n    < no answer after 12 ms: other side closed\n",
  );
  expect(humanReport(report, plain)).not.toContain('/v2/first');
});

it('says what could not be cleaned up, with the DELETE that does, also after a poll', () => {
  const path = '/v2/service_instances/i/last_operation';
  const last = sampleExchange(
    { endpoint: 'poll instance', method: 'GET', path },
    { json: { state: 'in progress' } },
  );
  const entry = {
    instanceId: 'i',
    bindingId: undefined,
    plans: [{ serviceId: 's', planId: 'p' }],
    refused: false,
    unanswered: false,
  };
  const text = humanReport(sampleReport([], { leftovers: [{ entry, last }] }), plain);
  expect(text).toContain(`Not cleaned up, delete by hand: 1
- instance i
    $ curl -s -i -u "$AUTH" -X DELETE -H 'x-broker-api-version: 2.17' "$BROKER"'/base/v2/service_instances/i?accepts_incomplete=true&service_id=s&plan_id=p'
    < 200 {"state":"in progress"}`);
});

it.each([[false], [true]])('holds no credential (verbose: %s)', (verbose) => {
  const text = humanReport(leakyReport(), { ...plain, verbose });
  expect(text).toContain('you sent Basic [redacted], [redacted] for [redacted]');
  expect(text).toContain('characters that are no JSON');
  expect(leaksIn(text)).toEqual([]);
});

it('spells out what a terminal would obey, and colours nothing unless it is told how', () => {
  const exchanges = [sampleExchange({}, { text: '\u001b[2J\u009b gone' })];
  const report = sampleReport([
    sampleResult({ outcome: 'failed', message: '\u001b]0;title\u0007', exchanges }),
  ]);
  for (const verbose of [true, false]) {
    const text = humanReport(report, { ...plain, verbose });
    expect(text).toContain('\\u001b[2J\\u009b gone');
    expect(text).toContain('\\u001b]0;title\\u0007');
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
  }
  expect(humanReport(report, { ...plain, paint: (colour, text) => `<${colour}>${text}` })).toContain(
    '<red>✗',
  );
});
