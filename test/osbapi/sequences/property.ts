/** The property: whatever is sent, in whatever order, Chandler answers as the model does, and leaves nothing behind. */
import fc from 'fast-check';
import { type OsbBroker, startOsbBroker } from '../../support/osb-broker.ts';
import type { Answer, Sent } from '../../support/osb-client.ts';
import { sequenceAsCurl } from './as-curl.ts';
import { sequences } from './commands.ts';
import { HeldService } from './held-service.ts';
import { shrink } from './shrink.ts';
import {
  canPerform,
  type Deed,
  newSequence,
  type Sequence,
  SequenceFailed,
  type Tested,
  World,
} from './world.ts';

/** Commands of one sequence, at most; about half of them find something to do. */
const longest = 50;

export type Send = (sent: Sent) => Promise<Answer>;

/** A broker whose service is steered. Quick verbs that are held turn into 202 soon. */
export async function startSteeredBroker(): Promise<{ broker: OsbBroker; service: HeldService }> {
  const service = new HeldService();
  const broker = await startOsbBroker({ settings: { quickWaitMs: 20 }, events: service.events });
  service.attach(broker);
  return { broker, service };
}

export interface Run {
  count: number;
  seed: number;
  /** Of an earlier failure: only this one is tried. */
  path?: string;
}

export interface Verdict {
  failed: boolean;
  /** Until the first that failed. */
  sequences: number;
  /** Of the smallest one that fails. */
  commands: number;
  report: string;
}

export async function checkSequences(tested: Tested, run: Run): Promise<Verdict> {
  const { count, seed, path } = run;
  let deeds: readonly Deed[] = [];
  const property = fc.asyncProperty(sequences(longest), async (steps) => {
    const sequence = newSequence();
    deeds = sequence.deeds;
    await inWorld(tested, sequence, (world) =>
      fc.asyncModelRun(() => ({ model: sequence, real: world }), steps),
    );
  });
  const details = await fc.check(property, {
    numRuns: count,
    seed,
    endOnFailure: true,
    ...(path === undefined ? {} : { path }),
  });
  const { failed, numRuns, errorInstance, counterexamplePath } = details;
  if (!failed) return { failed, sequences: numRuns, commands: 0, report: '' };
  if (!(errorInstance instanceof SequenceFailed)) throw errorInstance;

  const smallest = await shrink(deeds, errorInstance, (each) => failureOf(tested, each));
  const { entries, message } = smallest.failure;
  const commands = smallest.deeds.length;
  const report = [
    `Sequence ${numRuns} fails; ${deeds.length} commands, shrunk to ${commands} in ${smallest.tries} tries: ${message}`,
    '',
    sequenceAsCurl(tested.url, entries),
    '',
    `Once more: CHANDLER_SEED=${seed} CHANDLER_PATH='${counterexamplePath ?? ''}' make sequences`,
  ];
  return { failed, sequences: numRuns, commands, report: report.join('\n') };
}

/** Whether these commands fail as well. One that finds nothing to do any more is left out. */
async function failureOf(tested: Tested, deeds: readonly Deed[]): Promise<SequenceFailed | undefined> {
  const sequence = newSequence();
  try {
    await inWorld(tested, sequence, async (world) => {
      for (const deed of deeds) if (canPerform(sequence, deed)) await world.perform(sequence, deed);
    });
    return undefined;
  } catch (thrown) {
    if (thrown instanceof SequenceFailed) return thrown;
    throw thrown;
  }
}

async function inWorld(
  tested: Tested,
  sequence: Sequence,
  play: (world: World) => Promise<void>,
): Promise<void> {
  const world = new World(tested);
  try {
    await play(world);
    await world.end(sequence);
  } finally {
    world.letGo();
  }
}
