/** The step matrix of some verbs: every step, before and after, times everything that may become of a process there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseStep, spellStep } from '../../../src/domain/steps.ts';
import { CrashPoint } from '../../support/crash-point.ts';
import { printMatrix } from '../../support/print-matrix.ts';
import { present } from '../../support/worker-harness.ts';
import { type Cell, columns, isPossible, type Lane, openLane, operationType, runCell } from './run-cell.ts';
import type { Verb } from './scenes.ts';

const whens = ['before', 'after'] as const;
/** Most of the time of a cell Postgres works, so several run at a time; vitest's own `maxConcurrency` allows five. */
const laneCount = 5;

/**
 * @param steps every step of each verb, in no particular order
 * @param late what a process that was past its lease check leaves behind when it goes on after its work was undone, by
 * cell; everything else leaves nothing
 */
export function describeMatrix(
  steps: Partial<Record<Verb, readonly string[]>>,
  late: Readonly<Record<string, readonly string[]>>,
): void {
  const lanes: Lane[] = [];
  const free: Lane[] = [];
  const verdicts = new Map<string, string>();
  const verbs = Object.entries(steps) as [Verb, readonly string[]][];

  beforeAll(async () => {
    for (let count = 0; count < laneCount; count += 1) lanes.push(await openLane());
    free.push(...lanes);
  });
  afterAll(async () => {
    const rows = verbs.flatMap(([verb, names]) =>
      names.flatMap((step) => whens.map((when) => ({ verb, when, step }))),
    );
    printMatrix(columns, rows.map(rowName), (row, column) => verdicts.get(`${row} ${column}`) ?? '-');
    for (const lane of lanes) await lane.close();
  });

  /** Runs at most as many at a time as there are lanes: `maxConcurrency`. */
  async function inLane<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = present(free.pop());
    try {
      return await work(lane);
    } finally {
      free.push(lane);
    }
  }

  describe.concurrent.each(verbs)('%s', (verb, names) => {
    const cells = names.flatMap((step) =>
      whens.flatMap((when) => columns.map((column): Cell => ({ verb, when, step, column }))),
    );
    test.each(cells.filter(isPossible).map((cell) => [`${rowName(cell)} ${cell.column}`, cell] as const))(
      '%s',
      (name, cell) =>
        inLane(async (lane) => {
          verdicts.set(name, 'FAILED');
          const left = await runCell(cell, lane);
          expect(left.toSorted()).toEqual((late[name] ?? []).toSorted());
          verdicts.set(name, left.length === 0 ? 'ok' : `swept: ${left.join(', ')}`);
        }),
    );

    test('has no other steps', () =>
      inLane(async ({ harness, scenes }) => {
        const scene = await scenes.of(verb);
        const point = new CrashPoint();
        harness.startWorker(point.parts(harness.store, { owner: 'followed', leaseSeconds: 15 }));
        await scene.ask(point.acceptingStore(harness.store));
        await harness.untilFinished(await scene.operation());
        await harness.stopAll();
        const type = operationType(verb);
        expect([...new Set(point.steps)].toSorted()).toEqual(
          names.map((name) => `${type}.${name}`).toSorted(),
        );
        for (const name of names) {
          const step = { verb: type, when: 'after', name } as const;
          expect(parseStep(spellStep(step)), name).toEqual(step);
        }
      }));
  });
}

/** As CHANDLER_FAILPOINT spells it, but for rotations. */
function rowName({ verb, when, step }: Omit<Cell, 'column'>): string {
  return `${verb}.${when}.${step}`;
}
