import type { JsonObject } from '../lib/json.ts';
import { asJson, jsonAt, numberAt, objectsAt, textAt } from './json-at.ts';
import type { KubeObject } from './types.ts';

const imageReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
]);
const startReasons = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);

/**
 * Why a pod does not come up, as one sentence for a person, or undefined when nothing is known to be wrong. Never
 * quotes what a container wrote (its termination message may be its log, and that may hold anything).
 */
export function podTrouble(pod: KubeObject): string | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  const json = asJson(pod);
  const name = `Pod ${pod.metadata.name}`;
  const scheduled = objectsAt(json, 'status', 'conditions').find((each) => each.type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    return sentence(
      `${name} cannot be scheduled`,
      textAt(scheduled, 'message') ?? textAt(scheduled, 'reason'),
    );
  }
  if (textAt(json, 'status', 'phase') === 'Failed') {
    return sentence(`${name} failed`, textAt(json, 'status', 'reason') ?? firstExit(json));
  }
  const images = imagesByContainer(json);
  for (const container of containerStatuses(json)) {
    const trouble = containerTrouble(container, images);
    if (trouble !== undefined) return `${name}: ${trouble}`;
  }
  return undefined;
}

function containerTrouble(container: JsonObject, images: Map<string, string>): string | undefined {
  const reason = textAt(container, 'state', 'waiting', 'reason') ?? '';
  const message = textAt(container, 'state', 'waiting', 'message');
  const name = textAt(container, 'name') ?? '';
  if (imageReasons.has(reason)) {
    const image = images.get(name) ?? textAt(container, 'image') ?? 'unknown';
    return sentence(`the image ${image} of container ${name} cannot be pulled (${reason})`, message);
  }
  if (startReasons.has(reason)) {
    return sentence(`container ${name} cannot be started (${reason})`, message);
  }
  if (reason === 'CrashLoopBackOff') {
    const restarts = numberAt(container, 'restartCount') ?? 0;
    return `container ${name} keeps crashing (${exitOf(jsonAt(container, 'lastState', 'terminated'))}, ${restarts} restarts).`;
  }
  return undefined;
}

function firstExit(pod: JsonObject): string | undefined {
  const failed = containerStatuses(pod)
    .map((container) => ({ container, end: jsonAt(container, 'state', 'terminated') }))
    .find(({ end }) => (numberAt(end, 'exitCode') ?? 0) !== 0);
  return failed && `container ${textAt(failed.container, 'name') ?? ''} ended with ${exitOf(failed.end)}`;
}

function exitOf(terminated: ReturnType<typeof jsonAt>): string {
  const code = numberAt(terminated, 'exitCode');
  const reason = textAt(terminated, 'reason');
  const known = reason === undefined || reason === 'Error' ? '' : ` ${reason}`;
  return code === undefined ? 'unknown exit code' : `exit code ${code}${known}`;
}

function containerStatuses(pod: JsonObject): JsonObject[] {
  return [
    ...objectsAt(pod, 'status', 'initContainerStatuses'),
    ...objectsAt(pod, 'status', 'containerStatuses'),
  ];
}

/** From the spec: the status names the image only once it is there. */
function imagesByContainer(pod: JsonObject): Map<string, string> {
  const containers = [...objectsAt(pod, 'spec', 'initContainers'), ...objectsAt(pod, 'spec', 'containers')];
  return new Map(containers.map((each) => [textAt(each, 'name') ?? '', textAt(each, 'image') ?? '']));
}

function sentence(start: string, detail: string | undefined): string {
  if (detail === undefined || detail.trim() === '') return `${start}.`;
  return `${start}: ${detail.trim().replace(/\.$/, '')}.`;
}
