/**
 * Hostile requests over all routes, one after the other: no 5xx, no hang, and no row from a 4xx. `make fuzz` sends
 * 20,000; CHANDLER_FUZZ_REQUESTS says another number, CHANDLER_FUZZ_SEED repeats a run.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEvents } from '../../src/telemetry/events.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { fakeRequests, type OsbBroker, startOsbBroker, untilOver } from '../support/osb-broker.ts';
import { type Answer, credential, otherCredential, type Sent } from '../support/osb-client.ts';
import { asCurl, freshPrefix, hostileRequest, placedCount, withPlaced } from './hostile-requests.ts';
import { placeBinding, placeInstance } from './matrix-conditions.ts';
import { bindingConditions, instanceConditions } from './matrix-words.ts';

const count = Number(process.env.CHANDLER_FUZZ_REQUESTS ?? 1500);
const seed = Number(process.env.CHANDLER_FUZZ_SEED ?? Date.now() % 1_000_000);
const longestMs = 15_000;

/** After so many requests everything placed is what they made of it. */
const placedFor = 500;

let broker: OsbBroker;
/** All that a real logger writes. */
const lines: string[] = [];

beforeAll(async () => {
  const destination = { write: (line: string) => void lines.push(line) };
  const events = createEvents(createLogger({ level: 'debug', destination }));
  broker = await startOsbBroker({ settings: { quickWaitMs: 50 }, events });
});
afterAll(() => broker.close());

interface PlacedIds {
  instanceId: string;
  bindingId: string;
}

/** An instance in each state of the state matrix, and an instance with a binding in each. */
async function placeAll(): Promise<PlacedIds[]> {
  const placed = await Promise.all([
    ...instanceConditions.map((condition) => placeInstance(broker, condition, 'slow', condition === 'ready')),
    ...bindingConditions.map((condition) => placeBinding(broker, condition, 'slow')),
  ]);
  expect(placed.length).toBe(placedCount);
  return placed.map(({ requests: { id: instanceId }, bindingId }) => ({ instanceId, bindingId }));
}

/** What lasts ten minutes would keep the worker busy, and many instances each comparison. */
async function removeAll(placed: readonly PlacedIds[]): Promise<void> {
  const fresh = await broker.query(
    `select instance_id from service_instances
     where platform = 'kubernetes' and state <> 'deprovisioned' and instance_id like '${freshPrefix}%'`,
  );
  const ids = [...placed.map(({ instanceId }) => instanceId), ...fresh.map((row) => String(row.instance_id))];
  for (const instanceId of ids) {
    const instance = await broker.store.findInstance({ platform: 'kubernetes', instanceId });
    if (instance === undefined) continue;
    const { externalName, serviceId, planId } = instance;
    if (broker.fake.instances.has(`${externalName}-server`)) {
      broker.fake.behave(externalName, { removeMilliseconds: 0, fail: '' });
    }
    const requests = fakeRequests(planId, instanceId, serviceId);
    await broker.send(requests.deprovision());
    expect((await untilOver(broker, requests.poll())).json, instanceId).toMatchObject({ state: 'succeeded' });
  }
}

async function countRows(): Promise<string> {
  const rows = await broker.query(
    `select (select count(*) from service_instances) as instances,
            (select count(*) from service_bindings) as bindings,
            (select count(*) from operations) as operations`,
  );
  return JSON.stringify(rows);
}

/** Instances on which nothing is in progress: only a request can change them. */
async function quietInstances(): Promise<string[]> {
  const rows = await broker.query(
    `select uid from service_instances i where state <> 'deprovisioned' and not exists
       (select 1 from operations o where o.instance_uid = i.uid and o.state = 'in progress')`,
  );
  return rows.map(({ uid }) => String(uid));
}

/** Every column of these instances and their bindings, and what platforms are told of their operations. */
async function digestOf(uids: readonly string[]): Promise<string> {
  const list = uids.map((uid) => `'${uid}'`).join(', ');
  const rows = await broker.query(
    `select md5(string_agg(t.line, '|' order by t.line)) as digest from (
       select i::text as line from service_instances i where uid in (${list})
       union all select b::text from service_bindings b where instance_uid in (${list})
       union all select concat(uid, type, state, description, error_code) from operations where instance_uid in (${list})
     ) t`,
  );
  return JSON.stringify(rows);
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
  let compared = 0;
  let placed: PlacedIds[] = [];
  for (const [index, hostile] of fc.sample(hostileRequest, { numRuns: count, seed }).entries()) {
    if (index % placedFor === 0) {
      await removeAll(placed);
      placed = await placeAll();
    }
    const sent = withPlaced(hostile, placed);
    const rows = await countRows();
    const quiet = await quietInstances();
    const before = quiet.length > 0 ? await digestOf(quiet) : undefined;
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
      if (before !== undefined) {
        compared += quiet.length;
        expect(await digestOf(quiet), `${answer.text}\n${asCurl(broker.url, sent)}`).toBe(before);
      }
    }
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const table = [...statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${status}: ${times}`);
  console.log(
    `${count} requests in ${seconds} s, seed ${seed}, ${compared} instances compared: ${table.join(', ')}`,
  );
  expect(compared).toBeGreaterThan(count);
  // A run that only ever was refused would have tried nothing.
  for (const status of [200, 202, 400, 404, 409, 422])
    expect(statuses.get(status) ?? 0, `${status}`).toBeGreaterThan(0);
});

it('none of it put a credential into a log line', () => {
  const log = lines.join('');
  expect(lines.length).toBeGreaterThan(count / 2);
  const secrets = ['correct horse', 'battery staple', credential, otherCredential, ...broker.fake.passwords];
  expect(broker.fake.passwords.size).toBeGreaterThan(0);
  expect(secrets.filter((secret) => log.includes(secret.replace('Basic ', '')))).toEqual([]);
});
