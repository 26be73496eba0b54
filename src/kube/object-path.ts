import { isDnsLabel, isDnsSubdomain } from '../lib/names.ts';
import type { ServedKind } from './discovery.ts';
import { KubeError } from './types.ts';

/**
 * The path of a collection. Names are checked here, before they become part of a path, because `..` survives encoding
 * (an HTTP library may normalise it into another namespace's path).
 * @throws KubeError 400 `InvalidName`
 */
export function collectionPath(served: ServedKind, namespace: string | undefined): string {
  const root = served.apiVersion === 'v1' ? '/api/v1' : `/apis/${served.apiVersion}`;
  const inside = namespace ?? '';
  if (inside === '') return `${root}/${served.plural}`;
  if (!served.namespaced) throw invalid(`A ${served.kind} has no namespace.`);
  if (!isDnsLabel(inside)) throw invalid(`${quoted(inside)} is not a valid namespace name.`);
  return `${root}/namespaces/${encodeURIComponent(inside)}/${served.plural}`;
}

/** The collection that one object of the kind belongs to. @throws KubeError 400 `InvalidName` */
export function homePath(served: ServedKind, namespace: string | undefined): string {
  if (served.namespaced && (namespace ?? '') === '') throw invalid(`A ${served.kind} needs a namespace.`);
  return collectionPath(served, namespace);
}

/** The path of one object. @throws KubeError 400 `InvalidName` */
export function objectPath(served: ServedKind, namespace: string | undefined, name: string): string {
  if (!isDnsSubdomain(name)) throw invalid(`${quoted(name)} is not a valid object name.`);
  return `${homePath(served, namespace)}/${encodeURIComponent(name)}`;
}

function invalid(message: string): KubeError {
  return new KubeError(400, 'InvalidName', message);
}

function quoted(text: unknown): string {
  return JSON.stringify(String(text).slice(0, 80));
}
