/** What is seen on stderr while a run is under way. */
import type { Listener } from '../../conformance/run-checks.ts';
import { type Group, groups, type Result } from '../../conformance/types.ts';
import type { Chosen } from './chosen.ts';

export interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

interface Tally {
  expected: number;
  outcomes: Partial<Record<Result['outcome'], number>>;
}

const clearLine = '\r\u001b[2K';

/** A line for each group that is done and, on a terminal, one below them with what is under way. */
export class Progress implements Omit<Listener, 'exchanged'> {
  readonly #output: Output;
  readonly #ids: ReadonlySet<string>;
  readonly #tallies: ReadonlyMap<Group, Tally>;
  readonly #running: string[] = [];
  #ended = false;

  constructor({ checks, rules }: Chosen, plans: number, output: Output) {
    this.#output = output;
    this.#ids = new Set([...checks, ...rules].map(({ id }) => id));
    const expected = (wanted: Group) =>
      [...checks.map(({ group, lane }) => ({ group, times: lane === 'broker' ? 1 : plans })), ...rules]
        .filter(({ group }) => group === wanted)
        .reduce((sum, one) => sum + ('times' in one ? one.times : 1), 0);
    this.#tallies = new Map(groups.map((group) => [group, { expected: expected(group), outcomes: {} }]));
  }

  started({ title }: { title: string }): void {
    this.#running.push(title);
    this.#refresh();
  }

  finished({ id, group, title, outcome }: Result): void {
    const index = this.#running.indexOf(title);
    if (index >= 0) this.#running.splice(index, 1);
    const tally = this.#tallies.get(group);
    // Where only rules are wanted, checks run for the sake of their answers.
    if (tally !== undefined && this.#ids.has(id)) {
      tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1;
      if (finishedIn(tally) === tally.expected) this.say(`${group}: ${inWords(tally)}`);
    }
    this.#refresh();
  }

  /** A line that stays. */
  say(line: string): void {
    this.#output.write(`${this.#output.isTTY === true ? clearLine : ''}${line}\n`);
    this.#refresh();
  }

  end(): void {
    if (this.#output.isTTY === true && !this.#ended) this.#output.write(clearLine);
    this.#ended = true;
  }

  #refresh(): void {
    if (this.#output.isTTY !== true || this.#ended) return;
    const tallies = [...this.#tallies.values()];
    const done = tallies.reduce((sum, tally) => sum + finishedIn(tally), 0);
    const all = tallies.reduce((sum, { expected }) => sum + expected, 0);
    const failed = tallies.reduce((sum, { outcomes }) => sum + (outcomes.failed ?? 0), 0);
    const line = `${done} of ${all} done, ${failed} failed: ${this.#running.at(-1) ?? 'cleaning up'}`;
    this.#output.write(`${clearLine}${line.slice(0, (this.#output.columns || 80) - 1)}`);
  }
}

function finishedIn({ outcomes }: Tally): number {
  return Object.values(outcomes).reduce((sum, count) => sum + count, 0);
}

function inWords({ outcomes }: Tally): string {
  const order = ['passed', 'failed', 'blocked', 'not applicable'] as const;
  const words = order.flatMap((outcome) => {
    const count = outcomes[outcome];
    return count === undefined ? [] : [`${count} ${outcome}`];
  });
  return words.join(', ');
}
