import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts';
import { kindOf, objectsAt, valueAt } from './read-object.ts';

const template = ['spec', 'template', 'spec'];
const podSpecPaths = new Map<string, readonly string[]>(
  Object.entries({
    Pod: ['spec'],
    PodTemplate: ['template', 'spec'],
    ReplicationController: template,
    'apps/DaemonSet': template,
    'apps/Deployment': template,
    'apps/ReplicaSet': template,
    'apps/StatefulSet': template,
    'batch/CronJob': ['spec', 'jobTemplate', ...template],
    'batch/Job': template,
  }),
);

/**
 * The pod specs that an object holds: of Kubernetes' own kinds where they are; of others whatever has a list of
 * containers as a pod has it, wherever it is.
 */
export function podSpecsOf(object: JsonObject): JsonObject[] {
  const path = podSpecPaths.get(kindOf(object));
  if (path === undefined) return looksLikePods(object);
  const spec = valueAt(object, ...path);
  return isJsonObject(spec) ? [spec] : [];
}

/** Walked without recursion: a chart may nest as deep as it likes. */
function looksLikePods(object: JsonObject): JsonObject[] {
  const found: JsonObject[] = [];
  const open: JsonValue[] = [object];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (Array.isArray(next)) open.push(...next);
    else if (isJsonObject(next)) {
      if (containersOf(next).length > 0) found.push(next);
      open.push(...Object.values(next));
    }
  }
  return found;
}

export function containersOf(spec: JsonObject): JsonObject[] {
  return ['initContainers', 'containers', 'ephemeralContainers'].flatMap((key) => objectsAt(spec, key));
}
