/**
 * Hostile requests over all routes, one after the other: no 5xx, no hang, and no row from a 4xx. `make fuzz` sends
 * 20,000; CHANDLER_FUZZ_REQUESTS says another number, CHANDLER_FUZZ_SEED repeats a run.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OsbBroker, startOsbBroker } from '../support/osb-broker.ts';
import type { Answer, Sent } from '../support/osb-client.ts';
import { type RecordedEvent, recordingEvents } from '../support/recording-events.ts';
import { asCurl, hostileRequest } from './hostile-requests.ts';

const count = Number(process.env.CHANDLER_FUZZ_REQUESTS ?? 2000);
const seed = Number(process.env.CHANDLER_FUZZ_SEED ?? Date.now() % 1_000_000);
const longestMs = 15_000;

let broker: OsbBroker;
const events: RecordedEvent[] = [];

beforeAll(async () => {
  broker = await startOsbBroker({ settings: { quickWaitMs: 50 }, events: recordingEvents(events) });
});
afterAll(() => broker.close());

async function countRows(): Promise<string> {
  const rows = await broker.query(
    `select (select count(*) from service_instances) as instances,
            (select count(*) from service_bindings) as bindings,
            (select count(*) from operations) as operations`,
  );
  return JSON.stringify(rows);
}

/** What a platform was told of everything that is at rest; a refused request must not change a word of it. */
async function restingState(): Promise<string> {
  const rows = await broker.query(
    `select md5(coalesce(string_agg(t.line, '|' order by t.line), '')) as digest from (
       select concat(uid, state, usable, plan_id, plan_revision, parameters_sealed, context_sealed, dashboard_url) as line
       from service_instances where state not in ('provisioning', 'updating', 'deprovisioning')
       union all
       select concat(uid, state, parameters_sealed, credentials_sealed) as line
       from service_bindings where state not in ('binding', 'unbinding')) t`,
  );
  return JSON.stringify(rows);
}

async function isIdle(): Promise<boolean> {
  return (await broker.query(`select 1 from operations where state = 'in progress' limit 1`)).length === 0;
}

async function sendInTime(sent: Sent): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${longestMs} ms`)), longestMs);
  });
  try {
    return await Promise.race([broker.send(sent), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What is wrong with an answer, whatever the request was. */
function faultOf({ status, json, text }: Answer, isHead: boolean): string | undefined {
  if (status >= 500) return `${status} ${text}`;
  if (isHead || status === 304) return undefined;
  if (typeof json !== 'object' || Array.isArray(json)) return `no JSON object: ${text}`;
  if (status < 400) return undefined;
  if (typeof json.error !== 'string' || !/^[A-Z][A-Za-z]+$/.test(json.error)) return `no error word: ${text}`;
  return typeof json.description === 'string' && json.description !== ''
    ? undefined
    : `no description: ${text}`;
}

it(`${count} hostile requests get no 5xx, do not hang, and leave no row when they are refused (seed ${seed})`, {
  timeout: 1_800_000,
}, async () => {
  const begun = performance.now();
  const statuses = new Map<number, number>();
  const requests = fc.sample(hostileRequest, { numRuns: count, seed });
  for (const sent of requests) {
    const rows = await countRows();
    const resting = (await isIdle()) ? await restingState() : undefined;
    let answer: Answer;
    try {
      answer = await sendInTime(sent);
    } catch (thrown) {
      throw new Error(`${String(thrown)}\n${asCurl(broker.url, sent)}`, { cause: thrown });
    }
    const fault = faultOf(answer, sent.method === 'HEAD');
    if (fault !== undefined) throw new Error(`${fault}\n${asCurl(broker.url, sent)}`);
    if (answer.status >= 400) {
      expect(await countRows(), `${answer.text}\n${asCurl(broker.url, sent)}`).toBe(rows);
      if (resting !== undefined) expect(await restingState(), asCurl(broker.url, sent)).toBe(resting);
    }
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const table = [...statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${status}: ${times}`);
  console.log(`${count} requests in ${seconds} s, seed ${seed}: ${table.join(', ')}`);
  // A run that only ever was refused would have tried nothing.
  for (const status of [200, 202, 400, 404, 409, 422])
    expect(statuses.get(status) ?? 0, `${status}`).toBeGreaterThan(0);
});

it('none of it put a credential into an event', () => {
  const text = JSON.stringify(events);
  expect(events.length).toBeGreaterThan(count / 2);
  expect(text).not.toContain('correct horse');
  expect(text).not.toContain('battery staple');
  expect(broker.fake.passwords.size).toBeGreaterThan(0);
  for (const password of broker.fake.passwords) expect(text).not.toContain(password);
});
