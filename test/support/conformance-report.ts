/** A report with a bit of everything, for the tests of src/conformance/report and src/cli. */
import type { Report } from '../../src/conformance/check-broker.ts';
import type { Result } from '../../src/conformance/types.ts';
import type { Answer, Draft, Exchange } from '../../src/conformance/wire/exchange.ts';
import { Mask } from '../../src/conformance/wire/mask.ts';

const secrets = {
  password: 'broker "password"',
  basic: Buffer.from('checker:broker "password"').toString('base64'),
  credential: 'postgres://user:s3cret@db',
  cookie: 'session=abcdefgh',
};

export function sampleExchange(draft: Partial<Draft>, answer: Partial<Answer> | undefined): Exchange {
  const full: Draft = {
    endpoint: 'provision',
    method: 'PUT',
    path: '/v2/x',
    query: {},
    headers: {},
    ...draft,
  };
  const body = typeof full.body === 'object' ? JSON.stringify(full.body) : full.body;
  const text = answer?.text ?? JSON.stringify(answer?.json ?? {});
  return {
    draft: full,
    target: `/base${full.path}?accepts_incomplete=true`,
    headers: { authorization: `Basic ${secrets.basic}`, 'x-broker-api-version': '2.17' },
    body,
    answer: answer === undefined ? undefined : { status: 200, headers: {}, json: undefined, ...answer, text },
    fault: answer === undefined ? 'other side closed' : undefined,
    milliseconds: 12,
  };
}

export function sampleResult(result: Partial<Result>): Result {
  return {
    id: 'sample',
    items: [1],
    level: 'must',
    group: 'Bind',
    title: 'it is so',
    plan: 'db/small',
    outcome: 'passed',
    message: undefined,
    exchanges: [],
    milliseconds: 5,
    ...result,
  };
}

export function sampleReport(results: Result[], change: Partial<Report> = {}): Report {
  const mask = new Mask([secrets.password]);
  for (const { exchanges } of results) for (const exchange of exchanges) mask.learn(exchange);
  return {
    url: 'http://broker.example/base',
    platform: 'specification',
    plans: ['db/small'],
    results,
    leftovers: [],
    interrupted: false,
    requests: 7,
    startedAt: new Date('2026-01-02T03:04:05.678Z'),
    milliseconds: 1234,
    mask,
    ...change,
  };
}

const bindPath = '/v2/service_instances/i/service_bindings/b';
const bindDraft = { endpoint: 'bind', path: bindPath, instanceId: 'i', bindingId: 'b' } as const;

/** Every place where a broker may put what nobody should read. */
export function leakyReport(): Report {
  const json = { credentials: { uri: secrets.credential }, dashboard: 1 };
  const bound = sampleExchange(bindDraft, { status: 201, json });
  const noJson = sampleExchange(bindDraft, {
    status: 201,
    text: `uri=${secrets.credential}x not learnt: hunter2222`,
  });
  const echoed = sampleExchange(
    { body: { note: secrets.password, uri: secrets.credential } },
    {
      status: 400,
      headers: { 'set-cookie': secrets.cookie, 'x-echo': `Basic ${secrets.basic}` },
      json: { description: `you sent Basic ${secrets.basic}, ${secrets.password} for ${secrets.credential}` },
    },
  );
  const echoedAsText = sampleExchange(
    {},
    { status: 500, text: `<p>${secrets.basic} ${secrets.password} ${secrets.credential}` },
  );
  const cutShort = sampleExchange({}, { status: 500, text: `${'x'.repeat(580)}${secrets.basic}` });
  const path = `/v2/${encodeURIComponent(secrets.credential)}`;
  const faulty = {
    ...sampleExchange({ path }, undefined),
    fault: `no ${secrets.basic} ${secrets.credential}`,
  };
  const message = `expected 200, got ${secrets.basic} ${secrets.credential} ${JSON.stringify(secrets.password)}`;
  const failed = (...exchanges: Exchange[]) =>
    sampleResult({ outcome: 'failed', message, exchanges, plan: `db/${secrets.credential}` });
  const results = [
    failed(bound),
    failed(noJson),
    failed(echoed),
    failed(echoedAsText),
    failed(cutShort),
    failed(faulty),
    sampleResult({ outcome: 'blocked', message, exchanges: [echoed] }),
    sampleResult({ outcome: 'not applicable', message, exchanges: [bound] }),
    sampleResult({ exchanges: [bound] }),
  ];
  const entry = {
    instanceId: 'i',
    bindingId: 'b',
    plans: [{ serviceId: 's', planId: secrets.credential }],
    refused: false,
    unanswered: false,
  };
  return sampleReport(results, {
    plans: [`db/${secrets.credential}`, 'db/large'],
    leftovers: [{ entry, last: echoed }],
  });
}

/** @returns which secrets stand in the text, in any writing that a report might use */
export function leaksIn(text: string): string[] {
  const written = [
    ...Object.values(secrets),
    's3cret',
    secrets.basic.slice(0, 12),
    'hunter2222',
    'broker "password',
    'broker &quot;password',
  ];
  return written
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .filter((each) => text.includes(each));
}
