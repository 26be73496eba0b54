/** The row of a binding that has none, written from what was delivered for it, or from its login alone. */
import { randomUUID } from 'node:crypto';
import type { ServiceInstance } from '../../domain/instance.ts';
import type { KubeObject } from '../../kube/types.ts';
import { annotationKeys, labelKeys } from '../../lib/labels.ts';
import { bindingName } from '../../lib/names.ts';
import { generatePassword } from '../../lib/password.ts';
import { Redacted } from '../../lib/redacted.ts';
import type { AdoptedBinding } from '../../store/types.ts';
import { readSecretText } from './generated-values.ts';
import { loginOwner, type Orphan } from './group-findings.ts';
import { assertUid } from './live-objects.ts';
import { findIncarnation } from './names.ts';
import { OrphanRefused } from './orphan-refused.ts';
import type { OrphanDeps } from './work-on-orphans.ts';

/** Of an instance, what its bindings need to know. */
export type Owner = Pick<ServiceInstance, 'uid' | 'platform' | 'instanceId' | 'serviceId' | 'planId'>;

export interface LostBinding {
  row: AdoptedBinding;
  /** Namespace and name of what was delivered; empty for a login alone. */
  delivered: string[];
}

/**
 * Looks only.
 * @throws OrphanRefused when what was delivered does not add up to a binding of this instance, or a row is in the way
 * @throws ChandlerError `StoreUnavailable`; KubeError
 */
export async function readLostBinding(
  deps: OrphanDeps,
  orphan: Pick<Orphan, 'findings' | 'bindingUid'>,
  owner: Owner,
  state: AdoptedBinding['state'],
): Promise<LostBinding> {
  const { store, cluster } = deps;
  const objects = await deliveredObjects(deps, orphan);
  const places = new Set(objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  const [object] = objects;
  if (object === undefined) throw new OrphanRefused('What was delivered is gone by now. Look again.');
  if (places.size > 1) {
    throw new OrphanRefused(
      `Several objects claim to be delivered for this one binding: ${[...places].join(', ')}. Find out which is genuine, and delete the others with kubectl.`,
    );
  }
  const uid = assertUid(orphan.bindingUid, `${object.kind} ${[...places].join('')}`);
  const { name, namespace = '', labels = {}, annotations = {} } = object.metadata;
  const bindingId = annotations[annotationKeys.bindingId];
  const isOfOwner =
    labels[labelKeys.instance] === owner.uid &&
    annotations[annotationKeys.platform] === owner.platform &&
    annotations[annotationKeys.instanceId] === owner.instanceId;
  if (bindingId === undefined || !isOfOwner) {
    throw new OrphanRefused(
      `The labels and annotations of ${object.kind} ${namespace}/${name} do not belong to one binding of ${owner.platform}/${owner.instanceId}: somebody changed them, or made it up.`,
    );
  }
  const { platform } = owner;
  const names = { installationId: store.installationId, platform, osbId: bindingId };
  const incarnation = findIncarnation((each) => bindingName({ ...names, incarnation: each }), name);
  await assertNoRow(deps, owner, bindingId, name);
  await assertOnlyClaim(deps, owner, { uid, namespace, name });
  const password = await readSecretText(cluster, { namespace, name, key: 'password' });
  if (password === undefined && state === 'binding') {
    throw new OrphanRefused(
      `There is no password in a Secret ${namespace}/${name}: this binding can only be removed, and bound anew.`,
    );
  }
  return {
    row: {
      ...{ uid, incarnation, externalName: name, state, bindingId },
      ...bindingOf(owner),
      password: password ?? new Redacted(generatePassword()),
      delivery: { cluster: cluster.name, namespace },
    },
    delivered: objects.map(({ kind }) => `${kind} ${namespace}/${name}`),
  };
}

/** Under an id that no platform uses, for the login does not tell by which one it was asked for. */
export function readLostLogin(orphan: Orphan, owner: Owner): AdoptedBinding {
  const [finding] = orphan.findings;
  const externalName = loginOwner({ name: finding?.name ?? '' });
  if (!/^b-[a-z2-7]{20}$/.test(externalName)) {
    throw new OrphanRefused(`${finding?.name} is not a name that Chandler gives to a login.`);
  }
  return {
    ...{ uid: randomUUID(), incarnation: 1, externalName, state: 'unbinding', bindingId: externalName },
    ...bindingOf(owner),
    password: new Redacted(generatePassword()),
  };
}

function bindingOf({ uid, platform, instanceId, serviceId, planId }: Owner) {
  return { platform, instanceId, instanceUid: uid, serviceId, planId, context: {}, parameters: {} };
}

/** As they are now; the Secret, which tells most, first. */
async function deliveredObjects(
  { cluster }: OrphanDeps,
  { findings }: Pick<Orphan, 'findings'>,
): Promise<KubeObject[]> {
  const found: KubeObject[] = [];
  for (const { kind, apiVersion, objectKind, namespace, name, objectUid } of findings) {
    if (kind !== 'object without row') continue;
    const object = await cluster.get({ apiVersion, kind: objectKind, namespace, name });
    if (object !== undefined && object.metadata.uid === objectUid) found.push(object);
  }
  return found;
}

/**
 * The name of a binding can be worked out by anybody who sees its labels, so a forged Secret may bear that of a genuine
 * one, and would take over its login. Looks at what stands, since a sweep may not have seen all of it yet.
 */
async function assertOnlyClaim(
  { store, cluster }: OrphanDeps,
  owner: Owner,
  { uid, namespace, name }: { uid: string; namespace: string; name: string },
): Promise<void> {
  const labelSelector = `${labelKeys.installation}=${store.installationId},${labelKeys.instance}=${owner.uid}`;
  const places = new Set<string>();
  let others = false;
  for (const kind of ['Secret', 'ConfigMap']) {
    const found = await cluster.list({ apiVersion: 'v1', kind }, { labelSelector, metadataOnly: true });
    for (const { metadata } of found.filter((each) => each.metadata.name === name)) {
      places.add(`${metadata.namespace}/${name}`);
      const isOwn = metadata.namespace === namespace && metadata.labels?.[labelKeys.binding] === uid;
      others ||= !isOwn;
    }
  }
  if (!others) return;
  throw new OrphanRefused(
    `Several claim to be the binding whose login is ${name}: ${[...places].sort().join(', ')}. At most one is genuine: find out which, and delete the others with kubectl.`,
  );
}

async function assertNoRow(
  { store }: OrphanDeps,
  { platform, instanceId }: Owner,
  bindingId: string,
  name: string,
): Promise<void> {
  const newest = await store.findBindingOrTombstone({ platform, instanceId, bindingId });
  if (newest === undefined) return;
  if (newest.state !== 'unbound') {
    throw new OrphanRefused(
      `Another binding lives under the same id ${platform}/${bindingId} (row ${newest.uid}, ${newest.state}). Let the platform delete that one first.`,
    );
  }
  if (newest.externalName === name) {
    throw new OrphanRefused(
      `The row ${newest.uid} says that a binding of this name was deleted, and does not know these objects. Delete ${name} with kubectl if nobody needs it.`,
    );
  }
}
