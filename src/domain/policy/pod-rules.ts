/** What a pod may not have of its node. The rest is Pod Security's, which the namespace enforces. */
import type { JsonObject } from '../../lib/json.ts';
import { containersOf, podSpecsOf } from './pod-specs.ts';
import { kindOf, objectsAt, textsAt, told, unlessAllowed, valueAt } from './read-object.ts';
import type { Allowance, PlanPolicy, Rule } from './types.ts';

type Finding = [allowance: Allowance, says: string];

export const podRule: Rule = (object, question) =>
  [...findingsOfVolume(object), ...podSpecsOf(object).flatMap(findingsOfPod)].flatMap(([allowance, says]) =>
    unlessAllowed(question, allowance, [says]),
  );

function findingsOfPod(spec: JsonObject): Finding[] {
  const findings: Finding[] = [];
  for (const key of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (isOn(valueAt(spec, key))) findings.push([key, `sets ${key}`]);
  }
  for (const volume of objectsAt(spec, 'volumes')) {
    if (valueAt(volume, 'hostPath') === undefined) continue;
    findings.push(['hostPath', `mounts a path of the node (the hostPath volume ${told(volume.name)})`]);
  }
  if (isOn(valueAt(spec, 'securityContext', 'windowsOptions', 'hostProcess'))) {
    findings.push(['privileged', 'runs as a process of the node (hostProcess)']);
  }
  return [...findings, ...containersOf(spec).flatMap(findingsOfContainer)];
}

/** Pod Security `restricted` lets containers add this one. */
const harmlessCapability = 'NET_BIND_SERVICE';

function findingsOfContainer(container: JsonObject): Finding[] {
  const findings: Finding[] = [];
  const what = `the container ${told(container.name)}`;
  const port = objectsAt(container, 'ports').find(({ hostPort }) => (hostPort ?? 0) !== 0);
  if (port !== undefined) {
    findings.push(['hostPorts', `takes the port ${told(port.hostPort)} of the node (${what})`]);
  }
  const context = valueAt(container, 'securityContext');
  if (isOn(valueAt(context, 'privileged'))) findings.push(['privileged', `runs ${what} privileged`]);
  if (isOn(valueAt(context, 'windowsOptions', 'hostProcess'))) {
    findings.push(['privileged', `runs ${what} as a process of the node (hostProcess)`]);
  }
  const added = textsAt(context, 'capabilities', 'add').filter((name) => name !== harmlessCapability);
  if (added.length > 0) {
    findings.push(['capabilities', `gives ${what} the capabilities ${told(added.join(', '))}`]);
  }
  return findings;
}

/** A volume that is a path of a node reaches as far as a hostPath in a pod. */
function findingsOfVolume(object: JsonObject): Finding[] {
  if (kindOf(object) !== 'PersistentVolume') return [];
  return ['hostPath', 'local']
    .filter((key) => valueAt(object, 'spec', key) !== undefined)
    .map((key) => ['hostPath', `is a path of a node (${key})`]);
}

function isOn(value: ReturnType<typeof valueAt>): boolean {
  return value !== undefined && value !== false;
}

const ofTheNode: readonly Allowance[] = [
  'hostPath',
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'hostPorts',
  'privileged',
  'capabilities',
];

/**
 * The Pod Security level that the namespace of an instance enforces. A pod that has anything of its node passes none
 * but `privileged`, so that there only the rules of this file are left.
 */
export function podSecurityLevel({ allow = [] }: PlanPolicy): 'restricted' | 'baseline' | 'privileged' {
  if (allow.some((allowance) => ofTheNode.includes(allowance))) return 'privileged';
  return allow.includes('baseline') ? 'baseline' : 'restricted';
}
