/** What keeps an object from becoming ready and hardly passes by itself, and how it is said. */

/** In the order in which they are told: what may be the cause of those after it comes first. */
export const troubleCauses = [
  'QuotaExceeded',
  'CreateRefused',
  'ClaimPending',
  'VolumeNotMounted',
  'Unschedulable',
  'ImageNotPulled',
  'NotStarted',
  'CrashLoop',
  'ConditionFailed',
  'OperatorSilent',
  'NotProgressing',
  'PodFailed',
] as const;
export type TroubleCause = (typeof troubleCauses)[number];

export interface Trouble {
  cause: TroubleCause;
  /** `Kind name`. */
  object: string;
  /** What stays the same for as long as it is the same trouble: not the name of a pod that another one replaces. */
  subject: string;
  /** Public. Never quotes what a container wrote: that may hold anything. */
  sentence: string;
  /** It was so, and is being tried again just now: it may pass. */
  retrying?: true;
}

const longestDetail = 400;

/** A sentence of a start and what Kubernetes said of it, if it did. */
export function sentence(start: string, detail: string | undefined): string {
  const text = detail?.trim().replaceAll(/\s+/g, ' ').replace(/\.$/, '') ?? '';
  if (text === '') return `${start}.`;
  return `${start}: ${text.length > longestDetail ? `${text.slice(0, longestDetail)}…` : text}.`;
}
