import type { Diagnosis } from '../domain/diagnosis.ts';
import { findTroubles } from '../kube/find-troubles.ts';
import { eventLines } from '../kube/object-events.ts';
import type { TroubleCause } from '../kube/trouble.ts';
import type { KubeObject } from '../kube/types.ts';
import { labelKeys } from '../lib/labels.ts';
import type { CloserLook } from './look-closer.ts';

/** What who asked for the instance can do. */
const advice: Record<TroubleCause, string> = {
  QuotaExceeded: 'Choose a smaller plan, or ask your platform admin for a larger quota.',
  CreateRefused: 'Ask your platform admin: the cluster does not allow what this plan makes.',
  ClaimPending: 'Ask your platform admin for the storage that this plan needs.',
  VolumeNotMounted: 'Ask your platform admin: a volume of this instance cannot be used.',
  Unschedulable: 'Choose a smaller plan, or ask your platform admin for more room in the cluster.',
  ImageNotPulled:
    'Ask your platform admin: the image of this plan is wrong, or its registry does not answer.',
  NotStarted: 'Ask your platform admin: this plan names something that the cluster does not have.',
  CrashLoop: 'Check the parameters, or ask your platform admin, who can read its log.',
  ConditionFailed: 'Check the parameters, or ask your platform admin.',
  OperatorSilent: 'Ask your platform admin to start the operator, then try again.',
  NotProgressing: 'Check the parameters, or ask your platform admin, who can see what its pods wait for.',
  PodFailed: 'Ask your platform admin.',
};

const mostEvents = 10;

/** What is wrong, and whether it is being tried again at this very moment. */
export interface Finding {
  diagnosis: Diagnosis;
  isRetrying: boolean;
}

/**
 * The trouble that may have caused all other, of these resources and of what carries no id of any. Pure.
 * @param observed what the watcher saw; a closer look is newer
 */
export function diagnose(
  resourceIds: ReadonlySet<string>,
  observed: readonly KubeObject[],
  look: CloserLook | undefined,
): Finding | undefined {
  const concerns = ({ metadata }: KubeObject) => {
    const id = metadata.labels?.[labelKeys.resource];
    return id === undefined || resourceIds.has(id);
  };
  const isLookedAt = ({ kind }: KubeObject) => kind === 'Pod' || kind === 'PersistentVolumeClaim';
  const watched = observed.filter(concerns);
  const newest =
    look === undefined
      ? watched
      : [
          ...[...look.pods, ...look.claims, ...look.makers].filter(concerns),
          ...watched.filter((each) => !isLookedAt(each)),
        ];
  const trouble = findTroubles(newest, look?.events)[0];
  if (trouble === undefined) return undefined;
  const { retrying, ...rest } = trouble;
  const isWatched = findTroubles(watched)[0]?.subject === trouble.subject;
  return {
    isRetrying: retrying === true,
    diagnosis: {
      ...rest,
      advice: advice[trouble.cause],
      ...(isWatched ? {} : { fromLook: true }),
      ...(look === undefined ? {} : { events: eventLines(look.events, mostEvents) }),
    },
  };
}
