/** One cell of the step matrix: what becomes of an operation whose process errs, dies or stands still at one step. */
import { expect, vi } from 'vitest';
import type { Operation, OperationType } from '../../../src/domain/operation.ts';
import type { Step } from '../../../src/domain/steps.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import type { Store } from '../../../src/store/types.ts';
import { CrashPoint, type Fate } from '../../support/crash-point.ts';
import { present, startWorkerHarness, type WorkerHarness } from '../../support/worker-harness.ts';
import { type Scene, Scenes, type Verb } from './scenes.ts';

/**
 * - `error`: the step fails once; the same worker tries again.
 * - `kill`: the process is gone; another worker takes over when the lease has run out.
 * - `pause`: it stands still until another worker has ended the operation, and then goes on.
 * - `overtaken`: it stands still until its own process has claimed the operation anew, and then goes on.
 * - `undone`: it stands still until another worker has ended the operation and its opposite, and then goes on.
 */
export const columns = ['error', 'kill', 'pause', 'overtaken', 'undone'] as const;
export type Column = (typeof columns)[number];

export interface Cell {
  verb: Verb;
  when: Step['when'];
  step: string;
  column: Column;
}

/** Where cells run one after the other; several of them side by side. */
export interface Lane {
  harness: WorkerHarness;
  scenes: Scenes;
  close(): Promise<void>;
}

/** What the process under test lacks, to see that the matrix notices. */
export interface Lack {
  /** It does not know how much time has passed, and so not that its lease ran out. */
  clock?: true;
  /** Its way to Postgres. */
  store?: (store: Store) => Store;
}

const leaseSeconds = 15;
const owner = 'doomed';
const fates: Record<Column, Fate> = {
  ...{ error: 'error', kill: 'kill', pause: 'pause', overtaken: 'pause', undone: 'pause' },
};

/** What the operations of a verb are called: a rotation is a bind. */
export function operationType(verb: Verb): OperationType {
  return verb === 'rotate' ? 'bind' : verb;
}

/** Whether the cell means anything: a verb has an opposite, and there is somebody to overtake. */
export function isPossible({ verb, when, step, column }: Cell): boolean {
  const isOver = when === 'after' && step === 'finish';
  if (column === 'overtaken') return step !== 'accept' && !isOver;
  if (column === 'undone') return verb !== 'deprovision' && verb !== 'unbind';
  return true;
}

/**
 * Runs a cell to its end and checks everything.
 * @returns what the late process left outside although it was undone: effects that were past their lease check
 */
export async function runCell(cell: Cell, { harness, scenes }: Lane, lack: Lack = {}): Promise<string[]> {
  const { verb, when, step, column } = cell;
  const scene = await scenes.of(verb);
  const point = new CrashPoint({ verb: operationType(verb), when, name: step }, fates[column]);
  try {
    return await new Run({ harness, scene, point, cell, lack }).toItsEnd();
  } finally {
    // Also when an assertion failed: what stands still may hold a connection.
    point.resume(0);
    await harness.stopAll();
    harness.events.splice(0);
  }
}

/** What goes on when the process that stood still does. */
interface Late {
  end(): Promise<void>;
}

class Run {
  readonly #harness: WorkerHarness;
  readonly #scene: Scene;
  readonly #point: CrashPoint;
  readonly #cell: Cell;
  readonly #lack: Lack;

  constructor(parts: { harness: WorkerHarness; scene: Scene; point: CrashPoint; cell: Cell; lack: Lack }) {
    this.#harness = parts.harness;
    this.#scene = parts.scene;
    this.#point = parts.point;
    this.#cell = parts.cell;
    this.#lack = parts.lack;
  }

  async toItsEnd(): Promise<string[]> {
    const { verb, when, step, column } = this.#cell;
    const harness = this.#harness;
    const scene = this.#scene;
    const late = step === 'accept' ? await this.#acceptThere() : await this.#workThere();
    const operation = await scene.operation();
    if (column === 'overtaken') await this.#overtake(operation, late);
    const before = uidsOf(scene.outside());
    if (column !== 'error') harness.startWorker();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    for (const { kind, metadata } of scene.outside()) {
      const key = `${kind} ${metadata.name}`;
      expect(metadata.uid, key).toBe(before.get(key) ?? metadata.uid);
    }
    if (column === 'undone') {
      await scene.expectDone();
      const undoing = await present(scene.undo).call(scene);
      expect(await harness.untilFinished(undoing)).toMatchObject({ state: 'succeeded' });
      await this.#goOnLate(operation, late);
      await this.#expectEndedOnce(operation);
      return present(scene.left).call(scene);
    }
    if (column === 'pause') await this.#goOnLate(operation, late);
    await this.#expectEndedOnce(operation);
    const refused = verb === 'deprovision' && step === 'revoke-login';
    await scene.expectDone(refused && when === 'before' && column === 'error');
    return [];
  }

  /** The request comes to the process under test; its platform repeats it where somebody is alive. */
  async #acceptThere(): Promise<Late> {
    const { column } = this.#cell;
    const { store } = this.#harness;
    const through = this.#point.acceptingStore(store);
    const answer = this.#scene.ask(through).catch(() => undefined);
    await this.#reached();
    if (column === 'error') {
      await answer;
      this.#harness.startWorker();
    } else await this.#loseTransaction();
    await this.#scene.ask(column === 'error' ? through : store);
    return { end: async () => void (await answer) };
  }

  /** The process under test claims the operation and comes to the step; then its lease has run out. */
  async #workThere(): Promise<Late> {
    const { store } = this.#harness;
    await this.#scene.ask(store);
    const doomed = this.#harness.startWorker(
      this.#point.parts(this.#lack.store?.(store) ?? store, { owner, leaseSeconds }),
    );
    await this.#reached();
    if (this.#cell.column !== 'error') {
      await this.#loseTransaction();
      await this.#harness.expireLeases();
    }
    return {
      end: async () => {
        // Stopped before, it would give up for that reason, whatever it knows of its lease.
        if (!this.#isOver()) await this.#point.ended;
        await doomed.stop(10_000);
      },
    };
  }

  /** Whether nothing is left to do for the tick once it goes on. */
  #isOver(): boolean {
    const { when, step } = this.#cell;
    return when === 'after' && (step === 'finish' || step === 'release');
  }

  /** Its process claims the operation anew, which raises the fence; what goes on late under the old one is void. */
  async #overtake({ uid }: Operation, late: Late): Promise<void> {
    const { store, query } = this.#harness;
    await query('update operations set run_at = clock_timestamp() where uid = $1', [uid]);
    // Not at once when the watcher holds the row to wake it.
    const claim = await vi.waitUntil(() => store.operationQueue.claim(owner, leaseSeconds), { interval: 10 });
    expect(claim.operation.uid).toBe(uid);
    await this.#goOnLate(claim.operation, late);
    await store.operationQueue.release(claim, { runAfterMs: 0, attempts: 0 });
  }

  /** Lets the late process go on to its end, and holds that it changed no row. */
  async #goOnLate(operation: Operation, late: Late): Promise<void> {
    const rows = await this.#rowsOf(operation);
    const ended = late.end();
    this.#point.resume(this.#lack.clock ? 0 : leaseSeconds * 1000);
    await ended;
    expect(await this.#rowsOf(operation)).toEqual(rows);
  }

  /** One change of state, and one line about it, unless the process ended between the two. */
  async #expectEndedOnce(operation: Operation): Promise<void> {
    const { column, when, step } = this.#cell;
    const ends = await this.#harness.query('select state from test_ends where operation = $1', [
      operation.uid,
    ]);
    expect(ends).toEqual([{ state: 'succeeded' }]);
    const isUntold = when === 'after' && step === 'finish' && (column === 'error' || column === 'kill');
    expect(this.#harness.eventsOf('operationSucceeded', operation)).toHaveLength(isUntold ? 0 : 1);
    expect(this.#harness.eventsOf('operationFailed', operation)).toEqual([]);
  }

  async #reached(): Promise<void> {
    const tooLate = new Promise<never>((_resolve, reject) => {
      setTimeout(() => reject(new Error('it never came to this step')), 5_000).unref();
    });
    await Promise.race([this.#point.reached, tooLate]);
  }

  /** Postgres ends a session that stands still within a transaction (idle_in_transaction_session_timeout). */
  async #loseTransaction(): Promise<void> {
    await this.#harness.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and state = 'idle in transaction'`,
    );
  }

  /** All that Postgres knows, but what only says when somebody shall look again, and what the watcher saw. */
  async #rowsOf({ instanceUid }: Operation): Promise<unknown[]> {
    const { query } = this.#harness;
    const tables = {
      service_instances: 'uid = $1',
      service_bindings: 'instance_uid = $1',
      operations: 'instance_uid = $1',
      inventory: 'instance_uid = $1',
    };
    const rows: unknown[] = [];
    for (const [table, where] of Object.entries(tables)) {
      rows.push(
        await query(
          `select to_jsonb(t) - '{run_at,wakes}'::text[] as row from ${table} t where ${where} order by t::text`,
          [instanceUid],
        ),
      );
    }
    return rows;
  }
}

function uidsOf(objects: readonly KubeObject[]): Map<string, string | undefined> {
  return new Map(objects.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.uid]));
}

export async function openLane(): Promise<Lane> {
  const harness = await startWorkerHarness();
  // One for all cells, so that none pays for mirroring what earlier ones made.
  const watcher = harness.startWatcher(harness.store, 'watcher', { forgotten: true });
  await noteEnds(harness);
  return {
    harness,
    scenes: new Scenes(harness),
    async close() {
      await watcher.stop();
      await harness.close();
    },
  };
}

/** Lets Postgres itself write down each end of an operation. */
async function noteEnds(harness: WorkerHarness): Promise<void> {
  await harness.query('create table test_ends (operation uuid, state text)');
  await harness.query(`create function test_note_end() returns trigger language plpgsql as $$
    begin
      if new.state <> old.state then insert into test_ends values (new.uid, new.state); end if;
      return null;
    end $$`);
  await harness.query(
    'create trigger test_note_end after update on operations for each row execute function test_note_end()',
  );
}
