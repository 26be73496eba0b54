import { oldPods } from '../kube/old-pods.ts';
import { podTrouble, readiness } from '../kube/readiness.ts';
import { serviceDnsName } from '../kube/service-dns-name.ts';
import type { KubeObject } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import { labelKeys } from '../lib/labels.ts';

/** Name of a resource's main object, and Helm release name: unique in any namespace. */
export function resourceName(target: { name: string }, resourceId: string): string {
  return `${target.name}-${resourceId}`;
}

/** What the inventory says was applied for one resource, reduced to what readiness needs. */
export interface AppliedItem {
  kind: string;
  name: string;
  objectUid?: string;
  appliedGeneration?: number;
}

export type ResourceState =
  | { kind: 'ready' }
  /** `message` is public progress text; `pollAfterMs` says when to look again, where no watch tells of changes. */
  | { kind: 'waiting'; message: string; pollAfterMs?: number }
  | { kind: 'failed'; message: string };

/**
 * Pure: from the applied objects of a resource and what the watcher last saw of them, whether the resource is ready.
 * One object that failed for good fails it, whatever the others still wait for.
 * @param observed what is seen of the instance, pods included
 */
export function resourceState(
  resourceId: string,
  applied: readonly AppliedItem[],
  observed: readonly KubeObject[],
): ResourceState {
  const byUid = new Map(observed.map((object) => [object.metadata.uid, object]));
  const states = applied.map((item) =>
    itemState(
      resourceId,
      item,
      item.objectUid === undefined ? undefined : byUid.get(item.objectUid),
      observed,
    ),
  );
  return (
    states.find(({ kind }) => kind === 'failed') ??
    states.find(({ kind }) => kind === 'waiting') ?? { kind: 'ready' }
  );
}

function itemState(
  resourceId: string,
  item: AppliedItem,
  object: KubeObject | undefined,
  observed: readonly KubeObject[],
): ResourceState {
  if (object === undefined) return waiting(resourceId, item, 'not seen yet');
  if ((object.metadata.generation ?? 0) < (item.appliedGeneration ?? 0)) {
    return waiting(resourceId, item, 'its last change was not seen yet');
  }
  const state = readiness(object);
  switch (state.status) {
    case 'current':
      return { kind: 'ready' };
    case 'in-progress':
      return waiting(resourceId, item, troubleOf(resourceId, observed) ?? state.message);
    case 'failed':
      return { kind: 'failed', message: `${resourceId}: ${state.message}` };
    case 'terminating':
      return { kind: 'failed', message: `${resourceId}: ${nameOf(item)} is being deleted` };
  }
}

function waiting(resourceId: string, item: AppliedItem, message: string): ResourceState {
  return { kind: 'waiting', message: `${resourceId}: waiting for ${nameOf(item)}: ${message}` };
}

function nameOf(item: AppliedItem): string {
  return `${item.kind} ${item.name}`;
}

function troubleOf(resourceId: string, observed: readonly KubeObject[]): string | undefined {
  const old = new Set(oldPods(observed));
  for (const object of observed) {
    const isOurs = object.metadata.labels?.[labelKeys.resource] === resourceId;
    const trouble =
      object.kind === 'Pod' && isOurs && !old.has(object) ? podTrouble(object)?.sentence : undefined;
    if (trouble !== undefined) return trouble;
  }
  return undefined;
}

/**
 * What expressions read under a resource's id: its `name`, and its Services as
 * `services.<component>.{name,host,port}`, keyed by their label `app.kubernetes.io/component`, else by name.
 */
export function resourceOutputs(
  target: { name: string },
  resourceId: string,
  observed: readonly KubeObject[],
): JsonObject {
  const services: JsonObject = {};
  for (const object of observed) {
    if (object.kind !== 'Service' || object.metadata.labels?.[labelKeys.resource] !== resourceId) continue;
    const { name, namespace, labels } = object.metadata;
    const ports = (object.spec as { ports?: { port: number }[] } | undefined)?.ports ?? [];
    services[labels?.['app.kubernetes.io/component'] ?? name] = {
      name,
      host: serviceDnsName({ name, namespace: namespace ?? '' }),
      ...(ports[0] === undefined ? {} : { port: ports[0].port }),
    };
  }
  return { name: resourceName(target, resourceId), services };
}
