/** Several `chandler serve` on one database, that are killed, stopped and started again; and who took over what. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerHome, LogLine, TestBroker } from '../../support/broker.ts';
import { queryDatabase } from '../../support/postgres.ts';

/** An operation that a replica held when it was killed. */
interface LostOperation {
  uid: string;
  type: string;
  fence: number;
  killedAt: number;
}

export interface Takeover {
  uid: string;
  type: string;
  /** From the kill to the next claim; undefined when nobody claimed it since. */
  seconds: number | undefined;
}

export class Replicas {
  readonly #home: BrokerHome;
  readonly #databaseUrl: string;
  readonly #environments: Record<string, string>[];
  readonly #current: (TestBroker | undefined)[] = [];
  readonly #past: TestBroker[] = [];
  readonly #lost: LostOperation[] = [];
  kills = 0;

  /** @param databaseUrl for the test's own questions */
  constructor(home: BrokerHome, databaseUrl: string, environments: Record<string, string>[]) {
    this.#home = home;
    this.#databaseUrl = databaseUrl;
    this.#environments = environments;
  }

  /** @param howMany of them; all when absent */
  async start(howMany = this.count): Promise<void> {
    await Promise.all(Array.from({ length: howMany }, (_, index) => this.restart(index)));
  }

  get count(): number {
    return this.#environments.length;
  }

  urls(): string[] {
    return this.#current.flatMap((broker) => broker?.url ?? []);
  }

  at(index: number): TestBroker {
    const broker = this.#current[index];
    if (broker === undefined) throw new Error(`replica ${index} does not run`);
    return broker;
  }

  async restart(index: number): Promise<void> {
    const broker = await this.#home.start(this.#environments[index]);
    this.#current[index] = broker;
    this.#past.push(broker);
  }

  /** SIGKILL; remembers what the replica was working on. */
  async kill(index: number): Promise<void> {
    const broker = this.at(index);
    this.#current[index] = undefined;
    const killedAt = Date.now();
    await broker.kill('SIGKILL');
    this.kills += 1;
    // A claim that was on its way to Postgres lands after the death of who sent it.
    await sleep(100);
    const held = await queryDatabase<{ uid: string; type: string; fence: number }>(
      this.#databaseUrl,
      `select uid, type, fence from operations
       where state = 'in progress' and lease_until > clock_timestamp() and lease_owner like $1`,
      [`%-${broker.pid}-%`],
    );
    this.#lost.push(...held.map((operation) => ({ ...operation, killedAt })));
  }

  /** Kills one after the other and starts each again at once, until `done` settles. */
  async killInTurn(everyMs: number, done: Promise<unknown>): Promise<void> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    void done.then(over, over);
    for (let turn = 0; !isOver; turn += 1) {
      const next = sleep(everyMs);
      const index = turn % this.count;
      await this.kill(index);
      await this.restart(index);
      await next;
    }
  }

  /** What was done under SIGSTOP. */
  async whileStopped<T>(index: number, work: () => Promise<T>): Promise<T> {
    const { pid } = this.at(index);
    process.kill(pid, 'SIGSTOP');
    try {
      return await work();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }

  /** Of all replicas that ever ran. */
  lines(): LogLine[] {
    return this.#past.flatMap((broker) => broker.lines());
  }

  log(): string {
    return this.#past.map((broker) => broker.log()).join('');
  }

  takeovers(): Takeover[] {
    const claims = Map.groupBy(
      this.lines().filter(({ message }) => message === 'operation claimed'),
      ({ operationUid }) => operationUid,
    );
    return this.#lost.map(({ uid, type, fence, killedAt }) => {
      const times = (claims.get(uid) ?? [])
        .filter((claim) => (claim.fence ?? 0) > fence)
        .map(({ time }) => Date.parse(time));
      const seconds = times.length === 0 ? undefined : (Math.min(...times) - killedAt) / 1000;
      return { uid, type, seconds };
    });
  }
}
