/** The edge of the API server: checks that JSON is what the rest of the code takes it for. */
import { isJsonObject, type JsonValue } from '../lib/json.ts';
import { jsonAt, numberAt, objectsAt, textAt } from './json-at.ts';
import { type KindReference, KubeError, type KubeObject } from './types.ts';
import type { WatchEvent } from './watch.ts';

/** @throws KubeError 0 `MalformedAnswer` when it is no Kubernetes object */
export function toKubeObject(value: JsonValue): KubeObject {
  if (
    isJsonObject(value) &&
    typeof value.apiVersion === 'string' &&
    typeof value.kind === 'string' &&
    typeof jsonAt(value, 'metadata', 'name') === 'string'
  ) {
    return value as KubeObject;
  }
  throw malformed();
}

export interface ListPage {
  objects: KubeObject[];
  resourceVersion: string;
  /** Token of the next page; empty on the last. */
  next: string;
}

/** A page of a list. Items carry no kind of their own, or that of partial metadata: they get the one asked for. */
export function toListPage(value: JsonValue, kind: KindReference): ListPage {
  const resourceVersion = textAt(value, 'metadata', 'resourceVersion');
  if (resourceVersion === undefined) throw malformed();
  const objects = objectsAt(value, 'items').map((item) => toKubeObject({ ...item, ...named(kind) }));
  return { objects, resourceVersion, next: textAt(value, 'metadata', 'continue') ?? '' };
}

/** One line of a watch. @throws KubeError with the code of the Status for an `ERROR` event */
export function toWatchEvent(value: JsonValue, kind: KindReference): WatchEvent {
  const type = textAt(value, 'type');
  const object = jsonAt(value, 'object');
  if (type === 'ERROR') {
    throw new KubeError(
      numberAt(object, 'code') ?? 500,
      textAt(object, 'reason') ?? '',
      textAt(object, 'message') ?? 'The watch ended with an error.',
    );
  }
  const resourceVersion = textAt(object, 'metadata', 'resourceVersion');
  if (!isJsonObject(object) || resourceVersion === undefined) throw malformed();
  if (type === 'BOOKMARK') return { type, resourceVersion };
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
    return { type, object: toKubeObject({ ...object, ...named(kind) }) };
  }
  throw malformed();
}

function named({ apiVersion, kind }: KindReference): { apiVersion: string; kind: string } {
  return { apiVersion, kind };
}

function malformed(): KubeError {
  return new KubeError(
    0,
    'MalformedAnswer',
    'The API server sent something that is not a Kubernetes object.',
  );
}
