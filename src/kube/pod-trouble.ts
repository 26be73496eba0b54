import type { JsonObject } from '../lib/json.ts';
import { asJson, jsonAt, numberAt, objectsAt, textAt } from './json-at.ts';
import { sentence, type Trouble } from './trouble.ts';
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

/** Why a pod does not come up, or undefined when nothing is known to be wrong. */
export function podTrouble(pod: KubeObject): Trouble | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  const json = asJson(pod);
  const object = `Pod ${pod.metadata.name}`;
  const subject = templateOf(pod);
  const scheduled = objectsAt(json, 'status', 'conditions').find((each) => each.type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    const detail = textAt(scheduled, 'message') ?? textAt(scheduled, 'reason');
    return {
      ...{ cause: 'Unschedulable', object, subject },
      sentence: sentence(`${object} cannot be scheduled`, detail),
    };
  }
  if (textAt(json, 'status', 'phase') === 'Failed') {
    const detail = textAt(json, 'status', 'reason') ?? firstExit(json);
    return {
      ...{ cause: 'PodFailed', object, subject, retrying: true },
      sentence: sentence(`${object} failed`, detail),
    };
  }
  const images = imagesByContainer(json);
  for (const container of containerStatuses(json)) {
    const trouble = containerTrouble(container, images);
    if (trouble !== undefined) {
      return { object, subject, ...trouble, sentence: `${object}: ${trouble.sentence}` };
    }
  }
  return undefined;
}

type ContainerTrouble = Omit<Trouble, 'object' | 'subject'> & { subject?: string };

function containerTrouble(container: JsonObject, images: Map<string, string>): ContainerTrouble | undefined {
  const reason = textAt(container, 'state', 'waiting', 'reason') ?? '';
  const message = textAt(container, 'state', 'waiting', 'message');
  const name = textAt(container, 'name') ?? '';
  if (imageReasons.has(reason)) {
    const image = images.get(name) ?? textAt(container, 'image') ?? 'unknown';
    return {
      ...{ cause: 'ImageNotPulled', subject: image },
      sentence: sentence(`the image ${image} of container ${name} cannot be pulled (${reason})`, message),
    };
  }
  if (startReasons.has(reason)) {
    return {
      cause: 'NotStarted',
      sentence: sentence(`container ${name} cannot be started (${reason})`, message),
    };
  }
  return crashOf(name, container, reason === 'CrashLoopBackOff');
}

/** One that crashed before and runs again may be ready soon: its trouble is not over, and no reason to give up. */
function crashOf(name: string, container: JsonObject, isLoop: boolean): ContainerTrouble | undefined {
  const end = jsonAt(container, 'state', 'terminated') ?? jsonAt(container, 'lastState', 'terminated');
  const restarts = numberAt(container, 'restartCount') ?? 0;
  const crashed = restarts > 0 && container.ready !== true && (numberAt(end, 'exitCode') ?? 0) !== 0;
  if (!isLoop && !crashed) return undefined;
  return {
    cause: 'CrashLoop',
    sentence: `container ${name} keeps crashing (${exitOf(end)}, ${restarts} restarts).`,
    ...(isLoop ? {} : { retrying: true }),
  };
}

/** What names the template that the pod was made from, so that another pod of it has the same trouble. */
function templateOf({ metadata }: KubeObject): string {
  const [owner] = objectsAt(metadata as JsonObject, 'ownerReferences');
  const revision = metadata.labels?.['controller-revision-hash'] ?? '';
  return owner === undefined ? metadata.name : `${textAt(owner, 'name') ?? ''} ${revision}`.trim();
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
