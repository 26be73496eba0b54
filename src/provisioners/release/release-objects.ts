/** From the checked objects of a chart to what a release of Helm is made of. */

import { ChandlerError } from '../../domain/errors.ts';
import { isHook } from '../../helm/releases.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { JsonObject } from '../../lib/json.ts';
import { annotationKeys, labelKeys } from '../../lib/labels.ts';
import { digestOf } from '../apply-object.ts';
import { labelObject } from '../label-object.ts';
import { resourceName } from '../resource-state.ts';
import type { DesiredObject, InstanceTarget } from '../types.ts';
import { accessObjects, namesAccess } from './access-objects.ts';

/**
 * What Chandler applies itself (helm's access, and what is cluster-scoped, for helm may reach no further than the
 * namespace), what helm applies, and the hooks that helm runs. What helm applies carries a digest over all of it: so
 * whatever changes in the release, each object shows whether helm has been there since.
 * @param objects of the chart, checked against the policy
 * @throws ChandlerError `ChartRejected`, KubeError
 */
export async function releaseObjects(
  objects: readonly KubeObject[],
  target: InstanceTarget,
  resourceId: string,
): Promise<DesiredObject[]> {
  refuseAccess(objects, target, resourceId);
  const isForHelm = ({ metadata }: KubeObject) => metadata.namespace !== undefined;
  const byHelm = objects.filter(isForHelm).map((object) => marked(object, target, resourceId));
  const outside = objects.filter((object) => !isForHelm(object));
  const hook = outside.find((object) => isHook(asJson(object)));
  if (hook !== undefined) {
    const sentence = `The chart of the resource ${resourceId} has a hook that is cluster-scoped: ${hook.kind} ${hook.metadata.name}.`;
    throw new ChandlerError('ChartRejected', { sentence });
  }
  const digest = digestOf(byHelm.map(asJson)).slice(0, 32);
  const access = await accessObjects(byHelm, target, resourceId);
  return [
    ...[...access, ...outside].map((object) => ({
      resourceId,
      object: labelObject(object, target, resourceId),
    })),
    ...byHelm.map((object): DesiredObject => {
      const annotations = { ...object.metadata.annotations, [annotationKeys.release]: digest };
      const whole = { ...object, metadata: { ...object.metadata, annotations } };
      return { resourceId, object: whole, by: isHook(asJson(object)) ? 'hook' : 'helm' };
    }),
  ];
}

/** The digest that a release carries; undefined when helm has nothing to apply. */
export function releaseDigest(desired: readonly DesiredObject[]): string | undefined {
  return desired.find(({ by }) => by !== undefined)?.object.metadata.annotations?.[annotationKeys.release];
}

/** As helm itself marks what it applies, so that nobody finds a difference. */
function marked(object: KubeObject, target: InstanceTarget, resourceId: string): KubeObject {
  const copy = labelObject(object, target, resourceId);
  copy.metadata.labels = { ...copy.metadata.labels, [labelKeys.managedBy]: 'Helm' };
  if (isHook(asJson(object))) return copy;
  copy.metadata.annotations = {
    ...copy.metadata.annotations,
    'meta.helm.sh/release-name': resourceName(target, resourceId),
    'meta.helm.sh/release-namespace': target.namespace,
  };
  return copy;
}

/** Nothing of the chart may act as helm: its account may do more than the policy lets a chart's roles do. */
function refuseAccess(objects: readonly KubeObject[], target: InstanceTarget, resourceId: string): void {
  const thief = objects.find((object) => namesAccess(object, target, resourceId));
  if (thief === undefined) return;
  const sentence = `The chart of the resource ${resourceId} may not name the ServiceAccount of helm, as ${thief.kind} ${thief.metadata.name} does.`;
  throw new ChandlerError('ChartRejected', { sentence });
}

function asJson(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}
