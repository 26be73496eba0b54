/** The claims that objects bring along, and how large they are: pure. */
import { asJson, jsonAt, objectsAt, textAt } from '../kube/json-at.ts';
import type { KubeObject } from '../kube/types.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { parseQuantity } from '../lib/quantity.ts';

/** Names of the claims that a StatefulSet makes from its templates, one per replica. */
export function claimsOf(object: KubeObject): string[] {
  return templatesOf(object).flatMap((template) => namesOf(template, object));
}

/** The claims of a StatefulSet, or a claim itself, with the size that it says. */
export function claimSizes(object: KubeObject): { name: string; size: string }[] {
  if (object.kind === 'PersistentVolumeClaim') {
    const size = storageRequest(asJson(object));
    return size === undefined ? [] : [{ name: object.metadata.name, size }];
  }
  return templatesOf(object).flatMap((template) => {
    const size = storageRequest(template);
    return size === undefined ? [] : namesOf(template, object).map((name) => ({ name, size }));
  });
}

export function storageRequest(claim: JsonObject): string | undefined {
  const request = jsonAt(claim, 'spec', 'resources', 'requests', 'storage');
  return typeof request === 'number' ? String(request) : textAt(request);
}

/** The object with templates that ask for no less than those that stand: no volume shrinks. */
export function largerTemplates(object: KubeObject, live: KubeObject): KubeObject {
  const standing = new Map(templatesOf(live).map((template) => [templateName(template), template]));
  const volumeClaimTemplates = templatesOf(object).map((template): JsonValue => {
    const before = standing.get(templateName(template));
    const size = before === undefined ? undefined : storageRequest(before);
    return size !== undefined && isLess(storageRequest(template), size) ? withSize(template, size) : template;
  });
  return { ...object, spec: { ...(object.spec as JsonObject), volumeClaimTemplates } };
}

/** Whether templates of the same names ask for the same sizes. */
export function sameTemplates(object: KubeObject, live: KubeObject): boolean {
  const standing = new Map(templatesOf(live).map((template) => [templateName(template), template]));
  return templatesOf(object).every((template) => {
    const before = standing.get(templateName(template));
    return before === undefined || !isLess(storageRequest(before), storageRequest(template));
  });
}

/** Whether a size is surely smaller. What is no quantity of ours, such as one with an exponent, is not. */
export function isLess(size: string | undefined, other: string | undefined): boolean {
  const [left, right] = [amount(size), amount(other)];
  return left !== undefined && right !== undefined && left < right;
}

/** The API server also writes plain bytes, of any number of digits. */
function amount(size: string | undefined): bigint | undefined {
  if (size === undefined) return undefined;
  return /^\d+$/.test(size) ? BigInt(size) * 1_000_000n : parseQuantity(size);
}

function templatesOf(object: KubeObject): JsonObject[] {
  return object.kind === 'StatefulSet' ? objectsAt(asJson(object), 'spec', 'volumeClaimTemplates') : [];
}

function templateName(template: JsonObject): string | undefined {
  return textAt(template, 'metadata', 'name');
}

function namesOf(template: JsonObject, set: KubeObject): string[] {
  const name = templateName(template);
  const { replicas, ordinals } = (set.spec ?? {}) as JsonObject;
  const count = typeof replicas === 'number' ? replicas : 1;
  const first = isJsonObject(ordinals) && typeof ordinals.start === 'number' ? ordinals.start : 0;
  if (name === undefined) return [];
  return Array.from({ length: count }, (_, index) => `${name}-${set.metadata.name}-${first + index}`);
}

function withSize(template: JsonObject, storage: string): JsonObject {
  const { spec } = template as { spec: JsonObject };
  const resources = (spec.resources ?? {}) as JsonObject;
  const requests = (resources.requests ?? {}) as JsonObject;
  return {
    ...template,
    spec: { ...spec, resources: { ...resources, requests: { ...requests, storage } } },
  };
}
