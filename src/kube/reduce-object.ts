import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { asJson } from './json-at.ts';
import type { KubeObject } from './types.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
/** Their content is what must not be copied; metadata tells all we need. */
const metadataOnlyKinds = new Set(['Secret', 'ConfigMap']);

/**
 * What of an observed object goes into Postgres: metadata, spec and status. Not the bookkeeping of field managers,
 * nothing of Secrets and ConfigMaps but their metadata, and no literal values of environment variables, because that is
 * where a chart that knows no better puts a password.
 */
export function reduceObject(object: KubeObject): KubeObject {
  const { managedFields: _bookkeeping, annotations, ...metadata } = object.metadata;
  const { [lastApplied]: _copy, ...kept } = annotations ?? {};
  const reduced: KubeObject = {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { ...metadata, ...(Object.keys(kept).length === 0 ? {} : { annotations: kept }) },
  };
  if (metadataOnlyKinds.has(object.kind)) return reduced;
  const { spec, status } = asJson(object);
  if (spec !== undefined) reduced.spec = withoutEnvironmentValues(spec);
  if (status !== undefined) reduced.status = status;
  return reduced;
}

function withoutEnvironmentValues(value: JsonValue, key = ''): JsonValue {
  if (Array.isArray(value)) {
    return value.map((item) => {
      const inside = withoutEnvironmentValues(item);
      return key === 'env' && isJsonObject(inside) ? withoutValue(inside) : inside;
    });
  }
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, withoutEnvironmentValues(item, name)]),
  );
}

function withoutValue({ value: _value, ...variable }: JsonObject): JsonObject {
  return variable;
}
