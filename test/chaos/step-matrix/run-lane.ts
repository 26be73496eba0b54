/**
 * Runs cells of the step matrix one after the other, each with a real process that is armed for it. Whoever ends the
 * operation of one cell is the process of the next, so that each cell costs one start; it is armed for another type of
 * operation, and so does not fall over the work of the first.
 */
import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { TestBroker } from '../../support/broker.ts';
import { eventually } from '../../support/cluster.ts';
import { queryDatabase } from '../../support/postgres.ts';
import type { QuickHome } from '../../support/quick-broker.ts';
import { type Attempt, type Platform, send, type Verb } from './platform.ts';

export const modes = ['error', 'kill', 'pause'] as const;

export interface Cell {
  verb: Verb;
  when: 'before' | 'after';
  step: string;
  mode: (typeof modes)[number];
}

const typeOf = (verb: Verb) => (verb === 'rotate' ? 'bind' : verb);
export const rowOf = ({ verb, when, step }: Omit<Cell, 'mode'>) => `${verb}.${when}.${step}`;
const failpointOf = ({ verb, when, step }: Cell) => `${typeOf(verb)}.${when}.${step}`;

/** What is done between two cells. */
export interface Lane {
  home: QuickHome;
  platform: Platform;
  /** Every process of this lane, gone ones too. */
  processes: TestBroker[];
}

/** Takes cells until none is left for it, and tells of each how it ended: `ok`, or what was wrong. */
export async function runLane(
  lane: Lane,
  cells: Cell[],
  tell: (cell: Cell, verdict: string) => void,
): Promise<void> {
  const left = [...cells];
  let cell = left.shift();
  let broker: TestBroker | undefined;
  while (cell !== undefined) {
    const next = takeNext(left, cell);
    const armed = next !== undefined && typeOf(next.verb) !== typeOf(cell.verb) ? next : undefined;
    let successor: TestBroker | undefined;
    const survivor = async () => {
      successor = await start(lane, armed);
      return successor;
    };
    try {
      broker ??= await start(lane, cell);
      await runCell(lane, cell, broker, survivor);
      tell(cell, isRefused(cell) ? 'swept: login' : 'ok');
    } catch (thrown) {
      tell(cell, thrown instanceof Error ? thrown.message : String(thrown));
    }
    await broker?.kill('SIGKILL');
    if (armed === undefined) await successor?.kill('SIGKILL');
    broker = armed === undefined ? undefined : successor;
    cell = next;
  }
  await broker?.kill('SIGKILL');
}

/** What cannot be revoked is left to its server, which goes with its instance: but not in this test. */
function isRefused({ verb, when, step, mode }: Cell): boolean {
  return verb === 'deprovision' && when === 'before' && step === 'revoke-login' && mode === 'error';
}

/** One of another type where there is one. */
function takeNext(left: Cell[], { verb }: Cell): Cell | undefined {
  const index = left.findIndex((each) => typeOf(each.verb) !== typeOf(verb));
  return index < 0 ? left.shift() : left.splice(index, 1)[0];
}

async function start({ home, processes }: Lane, cell: Cell | undefined): Promise<TestBroker> {
  const broker = await home.start({
    CHANDLER_LEASE_SECONDS: '5',
    CHANDLER_QUICK_WAIT_MS: '0',
    ...(cell === undefined ? {} : { CHANDLER_FAILPOINT: `${failpointOf(cell)}:${cell.mode}` }),
  });
  processes.push(broker);
  return broker;
}

async function runCell(
  lane: Lane,
  cell: Cell,
  broker: TestBroker,
  startSurvivor: () => Promise<TestBroker>,
): Promise<void> {
  const attempt = await lane.platform.attempt(cell.verb, broker);
  if (cell.mode === 'error') {
    await send(broker, attempt.request);
    await ended(attempt, broker);
    expect(broker.log(), 'the failpoint was not reached').toContain(`failpoint ${failpointOf(cell)}`);
    await expectEnd(lane, cell, attempt, broker);
    return;
  }

  const { method, path, body } = attempt.request;
  const answer = broker.client.call(method, path, body).catch(() => undefined);
  await eventually(
    `the process comes to its failpoint`,
    async () => ((await stateOf(broker)) === (cell.mode === 'kill' ? 'gone' : 'stopped') ? true : undefined),
    30_000,
  );
  const before = await attempt.outside();
  const survivor = await startSurvivor();
  // Without an answer a platform asks again; with one it may.
  await send(survivor, attempt.request);
  await ended(attempt, survivor);
  if (cell.mode === 'pause') await goOnLate(lane, attempt, broker);
  await answer;
  const after = await attempt.outside();
  for (const [key, uid] of after) expect([key, before.get(key) ?? uid]).toEqual([key, uid]);
  await expectEnd(lane, cell, attempt, survivor);
}

/** SIGCONT, and time to do harm; it changes no row. */
async function goOnLate(lane: Lane, attempt: Attempt, broker: TestBroker): Promise<void> {
  const rows = await rowsOf(lane.home, attempt);
  process.kill(broker.pid, 'SIGCONT');
  const { uid } = await operationOf(lane.home, attempt);
  const isAwake = () =>
    broker.lines().some(({ message, operationUid }) => message === 'lease lost' && operationUid === uid);
  const deadline = Date.now() + 2_500;
  while (!isAwake() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await rowsOf(lane.home, attempt), 'the late process changed rows').toEqual(rows);
}

async function expectEnd(lane: Lane, cell: Cell, attempt: Attempt, broker: TestBroker): Promise<void> {
  const { uid, state } = await operationOf(lane.home, attempt);
  expect(state).toBe('succeeded');
  const lines = lane.processes.flatMap((each) => each.lines()).filter((line) => line.operationUid === uid);
  const ends = lines.filter(
    ({ message }) => message === 'operation succeeded' || message === 'operation failed',
  );
  // It ended, and its process with it before it could say so.
  const untold = cell.step === 'finish' && cell.when === 'after' && cell.mode !== 'pause';
  expect(ends.map(({ message }) => message)).toEqual(untold ? [] : ['operation succeeded']);
  await attempt.expectDone(broker, isRefused(cell));
}

async function ended({ path }: Attempt, { client }: TestBroker): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the operation did not end within 60 s')), 60_000);
  });
  await Promise.race([client.untilFinished(path, () => undefined), tooLate]);
  clearTimeout(timer);
}

async function stateOf({ pid }: TestBroker): Promise<'gone' | 'stopped' | 'running'> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const letter = text?.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3);
  if (letter === undefined || letter === 'Z' || letter === 'X') return 'gone';
  return letter === 'T' ? 'stopped' : 'running';
}

/** The newest operation on the instance or binding. */
async function operationOf(home: QuickHome, { path }: Attempt): Promise<{ uid: string; state: string }> {
  const [instance = '', binding] = path.split('/').filter((_part, index) => index === 3 || index === 5);
  const [row] = await queryDatabase<{ uid: string; state: string }>(
    home.databaseUrl,
    `select o.uid, o.state from operations o
     join service_instances i on i.uid = o.instance_uid left join service_bindings b on b.uid = o.binding_uid
     where i.instance_id = $1 and b.binding_id is not distinct from $2 order by o.position desc limit 1`,
    [instance, binding ?? null],
  );
  if (row === undefined) throw new Error(`there is no operation on ${path}`);
  return row;
}

/** All that Postgres knows of the instance, but what only says when somebody shall look again. */
async function rowsOf({ databaseUrl }: QuickHome, { path }: Attempt): Promise<unknown> {
  const instance = path.split('/')[3];
  return queryDatabase(
    databaseUrl,
    `with i as (select uid from service_instances where instance_id = $1)
     select 'i' as of, to_jsonb(t) as row from service_instances t where uid in (select uid from i)
     union all select 'b', to_jsonb(t) from service_bindings t where instance_uid in (select uid from i)
     union all select 'o', to_jsonb(t) - '{run_at,wakes}'::text[] from operations t where instance_uid in (select uid from i)
     union all select 'v', to_jsonb(t) from inventory t where instance_uid in (select uid from i)
     order by 1, 2`,
    [instance],
  );
}
