/**
 * Delivers credentials as a Secret and a ConfigMap of one name in the app's namespace.
 *
 * That namespace is not ours, and server-side apply adopts whatever it finds. So an object is first made bare, by POST:
 * it is either new and ours, or exists already and must carry our labels. Then it is applied under its uid, so that a
 * worker that comes late cannot bring back what was deleted meanwhile.
 */
import type { DeliveredObject } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import { KubeError, type KubeObject, type ObjectReference } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import { labelKeys } from '../lib/labels.ts';
import type { Redacted } from '../lib/redacted.ts';
import { deliveryEntries } from './delivery-entries.ts';
import type { Delivery, DeliveryDifference, DeliveryTarget } from './types.ts';

type Place = Pick<DeliveryTarget, 'cluster' | 'namespace' | 'name' | 'labels'>;
type Kind = DeliveredObject['kind'];

export function createDelivery(): Delivery {
  return { assertClaimable, deliver, withdraw, differences };
}

const assertClaimable: Delivery['assertClaimable'] = async (target) => {
  for (const kind of ['Secret', 'ConfigMap'] as const) {
    try {
      const found = await target.cluster.get(referenceOf(target, kind));
      if (found !== undefined) assertOurs(found, target);
    } catch (error) {
      throw toChandlerError(error, target, kind);
    }
  }
};

const deliver: Delivery['deliver'] = async (target, credentials) => {
  const { secret, configMap } = dataOf(target, credentials);
  const secretType = { type: `servicebinding.io/${target.type}` };
  // A Secret's type cannot change later, so the bare one has it already.
  return [
    await put(target, 'Secret', secretType, { ...secretType, data: secret }),
    await put(target, 'ConfigMap', {}, { data: configMap }),
  ];
};

/** The entries as the objects hold them. */
function dataOf(
  { type }: DeliveryTarget,
  credentials: Redacted<JsonObject>,
): Record<'secret' | 'configMap', Record<string, string>> {
  const { secret, configMap } = deliveryEntries(type, credentials.reveal());
  const encoded = Object.entries(secret).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { secret: Object.fromEntries(encoded), configMap };
}

const differences: Delivery['differences'] = async (target, credentials) => {
  const { secret, configMap } = dataOf(target, credentials);
  const found: DeliveryDifference[] = [];
  for (const [kind, wanted] of [['Secret', secret] as const, ['ConfigMap', configMap] as const]) {
    try {
      const live = await target.cluster.get(referenceOf(target, kind));
      if (live === undefined) {
        found.push({ kind, keys: Object.keys(wanted) });
        continue;
      }
      if (!isOurs(live, target)) continue;
      const data: Record<string, unknown> = { ...(live.data as object | undefined) };
      const keys = Object.keys(wanted).filter((key) => data[key] !== wanted[key]);
      if (keys.length > 0) found.push({ kind, uid: uidOf(live), keys });
    } catch (error) {
      throw toChandlerError(error, target, kind);
    }
  }
  return found;
};

const withdraw: Delivery['withdraw'] = async (target) => {
  for (const kind of ['Secret', 'ConfigMap'] as const) {
    try {
      const found = await target.cluster.get(referenceOf(target, kind));
      if (found?.metadata.uid === undefined || !isOurs(found, target)) continue;
      await target.cluster.delete(referenceOf(target, kind), { uid: found.metadata.uid });
    } catch (error) {
      throw toChandlerError(error, target, kind);
    }
  }
};

async function put(
  target: DeliveryTarget,
  kind: Kind,
  bare: object,
  content: object,
): Promise<DeliveredObject> {
  const { cluster, labels, annotations, name, namespace } = target;
  const identity = { apiVersion: 'v1', kind };
  try {
    for (let attempt = 1; ; attempt += 1) {
      const uid = await claim(target, { ...identity, metadata: { name, namespace, labels }, ...bare });
      try {
        const { object } = await cluster.apply({
          ...identity,
          metadata: { name, namespace, uid, labels, annotations },
          ...content,
        });
        return { kind, uid, resourceVersion: object.metadata.resourceVersion ?? '' };
      } catch (error) {
        // Deleted, and perhaps made anew, since we claimed it: look once more.
        if (attempt > 1 || !(error instanceof KubeError && error.reason === 'Conflict')) throw error;
      }
    }
  } catch (error) {
    throw toChandlerError(error, target, kind);
  }
}

/** Makes the bare object or finds it as ours; gives its uid. */
async function claim(target: Place, bare: KubeObject): Promise<string> {
  const kind = bare.kind as Kind;
  try {
    return uidOf(await target.cluster.create(bare));
  } catch (error) {
    if (!(error instanceof KubeError && error.reason === 'AlreadyExists')) throw error;
  }
  const found = await target.cluster.get(referenceOf(target, kind));
  if (found === undefined || (isOurs(found, target) && found.metadata.deletionTimestamp !== undefined)) {
    // An older life of it is just going; the next try finds the place free.
    throw new ChandlerError('ClusterUnreachable', {
      sentence: `The ${kind} ${target.name} of an earlier delivery is still being deleted.`,
    });
  }
  assertOurs(found, target);
  return uidOf(found);
}

function assertOurs(found: KubeObject, target: Place): void {
  if (isOurs(found, target)) return;
  throw new ChandlerError('AdoptionRefused', {
    sentence: `A ${found.kind} named ${target.name} exists already in namespace ${target.namespace} and does not belong to this service binding.`,
  });
}

/** Ours is what carries the installation and the binding it serves. */
function isOurs(object: KubeObject, target: Place): boolean {
  return [labelKeys.installation, labelKeys.binding].every(
    (key) => target.labels[key] !== undefined && object.metadata.labels?.[key] === target.labels[key],
  );
}

function referenceOf(target: Place, kind: Kind): ObjectReference {
  return { apiVersion: 'v1', kind, namespace: target.namespace, name: target.name };
}

function uidOf(object: KubeObject): string {
  if (object.metadata.uid === undefined)
    throw new KubeError(0, 'MalformedAnswer', 'An object came without a uid.');
  return object.metadata.uid;
}

/** Public sentences name the reason only: messages of the API server speak of its users and admission plugins. */
function toChandlerError(error: unknown, target: Place, kind: Kind): unknown {
  if (!(error instanceof KubeError)) return error;
  if (error.passing || error.status === 401) return new ChandlerError('ClusterUnreachable', { cause: error });
  const terminating = error.status === 403 && error.message.includes('because it is being terminated');
  if (terminating || error.status === 404) {
    return new ChandlerError('NamespaceMissing', {
      sentence: `The namespace ${target.namespace} does not exist or is being deleted.`,
      cause: error,
    });
  }
  const quota = error.status === 403 && error.message.includes('exceeded quota');
  const why = quota ? 'the quota of the namespace is used up' : error.reason || `status ${error.status}`;
  return new ChandlerError('DeliveryRejected', {
    sentence: `Kubernetes rejected the ${kind} of this service binding: ${why}.`,
    cause: error,
  });
}
