/** Whole lives of service instances, many at the same time, and how each of their operations ended. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel, spread } from './numbers.ts';
import type { Bound, Ended, Platform } from './platform.ts';

const verbs = ['provision', 'bind', 'unbind', 'deprovision'] as const;
type Verb = (typeof verbs)[number];

interface Ending {
  verb: Verb;
  end: Ended;
  seconds: number;
}

interface Life {
  id: string;
  binding?: Bound;
}

export class Load {
  readonly #platform: Platform;
  readonly #lives: Life[] = [];
  readonly #endings: Ending[] = [];
  /** Logins that worked after their unbind. */
  letIn = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Provisions and binds; every other binding is unbound again. */
  async make(count: number, clients: number): Promise<void> {
    await inParallel(count, clients, () => this.#make());
  }

  /** Deprovisions everything that is there. */
  async remove(clients: number): Promise<void> {
    const lives = this.#lives.splice(0);
    await inParallel(lives.length, clients, async (index) => {
      const id = lives[index]?.id ?? '';
      await this.#timed('deprovision', this.#platform.deprovision(id));
    });
  }

  /** Starts a few lives every second, as long as it is told to, and waits until all have ended. */
  async stream(perSecond: number, during: Promise<unknown>, mostAtOnce: number): Promise<void> {
    const running = new Set<Promise<void>>();
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    void during.then(over, over);
    while (!isOver) {
      if (running.size < mostAtOnce) {
        const life = this.#make().finally(() => running.delete(life));
        running.add(life);
      }
      await sleep(1000 / perSecond);
    }
    await Promise.all(running);
  }

  /** What did not end as it should; empty when all did. */
  problems(): string[] {
    const bad = this.#endings.filter(({ verb, end }) =>
      verb === 'unbind' || verb === 'deprovision'
        ? end !== 'succeeded' && end !== 'gone'
        : end !== 'succeeded',
    );
    return [
      ...bad.map(({ verb, end }) => `${verb}: ${end}`),
      ...(this.letIn === 0 ? [] : [`${this.letIn} logins worked after their unbind`]),
    ];
  }

  count(verb: Verb): number {
    return this.#endings.filter((ending) => ending.verb === verb).length;
  }

  /** Lines for a table: each verb with its ends and its times. */
  rows(): string[][] {
    return verbs.map((verb) => {
      const of = this.#endings.filter((ending) => ending.verb === verb);
      const ends = [...Map.groupBy(of, ({ end }) => end)].map(([end, same]) => `${same.length} ${end}`);
      return [`${verb}s`, ends.join(', ') || 'none', spread(of.map(({ seconds }) => seconds))];
    });
  }

  async #make(): Promise<void> {
    const platform = this.#platform;
    const life: Life = { id: randomUUID() };
    const index = this.#lives.push(life) - 1;
    const { id } = life;
    if ((await this.#timed('provision', platform.provision(id))) !== 'succeeded') return;
    if (index % 10 === 0) await platform.repeatProvision(id);
    if (index % 10 === 1) await platform.conflictingProvision(id);
    await platform.fetch(id);
    await this.#timed(
      'bind',
      platform.bind(id).then((binding): Ended => {
        if (binding !== undefined) life.binding = binding;
        return binding === undefined ? 'failed' : 'succeeded';
      }),
    );
    const { binding } = life;
    if (binding === undefined || index % 2 === 1) return;
    await this.#timed('unbind', platform.unbind(id, binding));
    if (await platform.tryLogin(id, binding)) this.letIn += 1;
  }

  async #timed(verb: Verb, work: Promise<Ended>): Promise<Ended> {
    const startedAt = performance.now();
    const end = await work;
    this.#endings.push({ verb, end, seconds: (performance.now() - startedAt) / 1000 });
    return end;
  }
}
