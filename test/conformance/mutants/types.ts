import type { PlatformName } from '../../../src/conformance/platforms/platform.ts';
import type { ReferenceMutant } from '../start-reference-broker.ts';

/** A reference broker with one rule broken, and the checks that must notice. */
export interface Mutant {
  id: string;
  /** Items of the list of rules. */
  items: readonly number[];
  /** What the broker now does; completes "the broker …". */
  what: string;
  /** `service/plan` that is checked. */
  plan: string;
  platform?: PlatformName;
  changes: readonly ReferenceMutant[];
  /** The checks and rules that are about what is broken: each of them must fail. */
  caughtBy: readonly string[];
  /** Checks whose requests show it to a rule for all answers, where `caughtBy` alone would send none. */
  shownBy?: readonly string[];
  /** Other checks of level must that may fail, and why that is the same fault. */
  also?: Readonly<Record<string, string>>;
}

/** A text of a file of the reference broker, which must be there once, and what stands there instead. */
export function change(file: string, find: string, replace: string): ReferenceMutant {
  return { file: `${file}.ts`, find, replace };
}
