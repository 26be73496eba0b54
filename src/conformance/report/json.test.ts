import { expect, it } from 'vitest';
import {
  leaksIn,
  leakyReport,
  sampleExchange,
  sampleReport,
  sampleResult,
} from '../../../test/support/conformance-report.ts';
import { type JsonReport, jsonReport } from './json.ts';

it('has the documented shape', () => {
  const exchange = sampleExchange({ body: { a: 1 } }, { status: 500, headers: { server: 'x' }, json: {} });
  const failed = sampleResult({ outcome: 'failed', message: 'no', exchanges: [exchange] });
  const entry = { instanceId: 'i', bindingId: undefined, plans: [], refused: false, unanswered: false };
  const report = sampleReport([failed], { leftovers: [{ entry, last: exchange }] });
  const curl = (method: string, rest: string) =>
    `curl -s -i -u "$AUTH" -X ${method} -H 'x-broker-api-version: 2.17'${rest} "$BROKER"'/base/v2/x?accepts_incomplete=true'`;
  expect(JSON.parse(jsonReport(report, { verbose: false }))).toEqual({
    version: 1,
    url: 'http://broker.example/base',
    platform: 'specification',
    plans: ['db/small'],
    startedAt: '2026-01-02T03:04:05.678Z',
    milliseconds: 1234,
    interrupted: false,
    requests: 7,
    summary: { passed: 0, failed: { must: 1, client: 0, should: 0 }, blocked: 0, notApplicable: 0 },
    results: [
      {
        id: 'sample',
        items: [1],
        level: 'must',
        group: 'Bind',
        title: 'it is so',
        plan: 'db/small',
        outcome: 'failed',
        message: 'no',
        milliseconds: 5,
        exchanges: [
          {
            request: {
              method: 'PUT',
              path: '/base/v2/x?accepts_incomplete=true',
              headers: { authorization: '[redacted]', 'x-broker-api-version': '2.17' },
              body: '{"a":1}',
            },
            response: { status: 500, headers: { server: 'x' }, body: '{}' },
            fault: null,
            milliseconds: 12,
            curl: curl('PUT', ` -H 'content-type:' -d '{"a":1}'`),
          },
        ],
      },
    ],
    leftovers: [{ instanceId: 'i', bindingId: null, answer: '500 {}', curl: curl('DELETE', '') }],
  });
});

it('has the exchanges of passed checks only when it is verbose', () => {
  const report = sampleReport([
    sampleResult({ plan: undefined, exchanges: [sampleExchange({}, undefined)] }),
  ]);
  const exchangesOf = (verbose: boolean) =>
    (JSON.parse(jsonReport(report, { verbose })) as JsonReport).results[0]?.exchanges;
  expect(exchangesOf(false)).toEqual([]);
  expect(exchangesOf(true)).toMatchObject([{ response: null, fault: 'other side closed' }]);
});

it.each([[false], [true]])('holds no credential (verbose: %s)', (verbose) => {
  const text = jsonReport(leakyReport(), { verbose });
  expect(text).toContain('you sent Basic [redacted], [redacted] for [redacted]');
  expect(leaksIn(text)).toEqual([]);
});
