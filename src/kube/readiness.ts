/** Whether an object has become what its spec says: the rules of kstatus, pure, from one object alone. */
import { apiGroupOf } from '../lib/api-group.ts';
import type { JsonObject } from '../lib/json.ts';
import { asJson, numberAt, objectsAt, textAt } from './json-at.ts';
import { condition, conditionText, current, failed, inProgress, type Readiness } from './readiness-result.ts';
import type { KubeObject } from './types.ts';
import {
  daemonSetReadiness,
  deploymentReadiness,
  jobReadiness,
  podReadiness,
  replicaSetReadiness,
  statefulSetReadiness,
} from './workload-readiness.ts';

export { podTrouble } from './pod-trouble.ts';
export type { Readiness } from './readiness-result.ts';

/**
 * Readiness by kind and API group; objects of other kinds by `observedGeneration` and by their conditions, Stalled,
 * Reconciling, Ready and what widespread operators have beside them; an object that says nothing is current.
 */
export function readiness(object: KubeObject): Readiness {
  const json = asJson(object);
  if (object.metadata.deletionTimestamp !== undefined) {
    return { status: 'terminating', message: 'it is being deleted' };
  }
  const observed = numberAt(json, 'status', 'observedGeneration');
  const generation = object.metadata.generation;
  if (observed !== undefined && generation !== undefined && observed < generation) {
    return inProgress('the controller has not seen the last change yet');
  }
  switch (`${apiGroupOf(object.apiVersion)}/${object.kind}`) {
    case 'apps/Deployment':
      return deploymentReadiness(json);
    case 'apps/ReplicaSet':
      return replicaSetReadiness(json);
    case 'apps/StatefulSet':
      return statefulSetReadiness(json);
    case 'apps/DaemonSet':
      return daemonSetReadiness(json);
    case 'batch/Job':
      return jobReadiness(json);
    case '/Pod':
      return podReadiness(json, object);
    case '/PersistentVolumeClaim':
      return claimReadiness(json);
    case '/Service':
      return serviceReadiness(json);
    case '/Namespace':
      return namespaceReadiness(json);
    case 'apiextensions.k8s.io/CustomResourceDefinition':
      return definitionReadiness(json);
    default:
      return conditionsReadiness(json);
  }
}

function claimReadiness(object: JsonObject): Readiness {
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Bound') return current('the volume is bound');
  if (phase === 'Lost') return failed('the volume of the claim is lost');
  return { ...inProgress('the volume is not bound'), dependentsMayStart: true };
}

function serviceReadiness(object: JsonObject): Readiness {
  if (textAt(object, 'spec', 'type') !== 'LoadBalancer') return current('the Service exists');
  return objectsAt(object, 'status', 'loadBalancer', 'ingress').length > 0
    ? current('the load balancer has an address')
    : inProgress('the load balancer has no address');
}

function namespaceReadiness(object: JsonObject): Readiness {
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Terminating') return { status: 'terminating', message: 'it is being deleted' };
  return phase === 'Active' ? current('the namespace is active') : inProgress('the namespace is not active');
}

function definitionReadiness(object: JsonObject): Readiness {
  const names = condition(object, 'NamesAccepted');
  if (names?.status === 'False') return failed(conditionText(names, 'its names are taken'));
  const established = condition(object, 'Established');
  if (established?.status === 'True') return current('the kind is established');
  if (established?.status === 'False' && established.reason !== 'Installing') {
    return failed(conditionText(established, 'the kind cannot be established'));
  }
  return inProgress('the kind is not established');
}

/** What says that work goes on while it is True: by kstatus, of Strimzi, and of ACK, which tries again after a change. */
const holding = ['Reconciling', 'NotReady', 'ACK.Terminal'];
/** What holds an object back while it is there and not True: by kstatus, of Crossplane, ACK and RabbitMQ. */
const promising = ['Ready', 'Synced', 'ACK.ResourceSynced', 'ReconcileSuccess', 'AllReplicasReady'];

/** ACK.Terminal is no failure: it has no generation, and an update that mends its cause would fail by the old one. */
function conditionsReadiness(object: JsonObject): Readiness {
  const stalled = condition(object, 'Stalled');
  if (stalled?.status === 'True') return failed(conditionText(stalled, 'it is stalled'));
  const held = holding.map((type) => condition(object, type)).find((found) => found?.status === 'True');
  if (held !== undefined) return inProgress(conditionText(held, 'it is being reconciled'));
  const broken = promising
    .map((type) => condition(object, type))
    .find((found) => found !== undefined && found.status !== 'True');
  return broken === undefined ? current('it exists') : inProgress(conditionText(broken, 'it is not ready'));
}
