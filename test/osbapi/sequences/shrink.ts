/**
 * Makes a failing sequence small. Not by fast-check: it would try every smaller value in every position, thousands of
 * sequences against a real broker, and what is relative to the model ("the second that is held") would mean something
 * else as soon as a command before it is gone. Here the requests are known, and what counts is that there are few.
 */
import type { Deed } from './world.ts';

const mostTries = 400;

/** @param failureOf undefined when the sequence passes */
export async function shrink<Failure>(
  failing: readonly Deed[],
  failure: Failure,
  failureOf: (deeds: readonly Deed[]) => Promise<Failure | undefined>,
): Promise<{ deeds: readonly Deed[]; failure: Failure; tries: number }> {
  let smallest = { deeds: failing, failure };
  let tries = 0;
  const next = async (): Promise<boolean> => {
    for (const deeds of smaller(smallest.deeds)) {
      if (tries >= mostTries) return false;
      tries += 1;
      const seen = await failureOf(deeds);
      if (seen === undefined) continue;
      smallest = { deeds, failure: seen };
      return true;
    }
    return false;
  };
  while (await next());
  return { ...smallest, tries };
}

/** Sequences that are smaller in one way, the boldest first. */
function* smaller(deeds: readonly Deed[]): Generator<readonly Deed[]> {
  for (let size = Math.ceil(deeds.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = deeds.length - size; at >= 0; at -= size) yield deeds.toSpliced(at, size);
  }
  for (const [index, deed] of deeds.entries()) {
    for (const simple of simpler(deed)) yield deeds.with(index, simple);
  }
}

function* simpler(deed: Deed): Generator<Deed> {
  const { requests, fate, finish } = deed;
  if (requests.length > 1) {
    for (const index of requests.keys()) yield { ...deed, requests: requests.toSpliced(index, 1) };
  }
  if (finish !== undefined && requests.length > 0)
    yield { requests, ...(fate === undefined ? {} : { fate }) };
  if (fate !== undefined && fate !== 'works') yield { ...deed, fate: 'works' };
  if (fate === 'holds') {
    yield { ...deed, fate: 'refuses' };
    yield { ...deed, fate: 'breaks' };
  }
}
