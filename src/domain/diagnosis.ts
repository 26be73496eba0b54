/** Why an operation does not get on, or failed: one sentence for who asked for it, the rest for an admin. */
export interface Diagnosis {
  /** A class, such as `ImageNotPulled`; the same for every instance that has this trouble. */
  cause: string;
  /** `Kind name` of what is in trouble. */
  object: string;
  /** What stays the same for as long as it is the same trouble. */
  subject: string;
  /** Public: what is wrong, and what who asked can do. */
  sentence: string;
  advice: string;
  /** Told by what a closer look found, which what is watched does not show. */
  fromLook?: true;
  /** The newest warnings of the namespace, one line each. */
  events?: string[];
}

/**
 * How long a trouble may last before the operation is given up, in seconds, where the plan does not say: longer than a
 * kubelet waits between two tries of an image or a container (300 s at most), so that one more is seen.
 */
export const defaultTroubleSeconds = 330;

export function isSameTrouble(one: Diagnosis | undefined, other: Diagnosis | undefined): boolean {
  return one?.cause === other?.cause && one?.subject === other?.subject;
}
