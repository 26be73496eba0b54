import { ChandlerError } from '../domain/errors.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';

export interface DeliveryEntries {
  /** Everything, the non-secret entries included: what a Service Binding consumer expects in one place. */
  secret: Record<string, string>;
  configMap: Record<string, string>;
}

/**
 * The only entries that are known not to be secret. An entry we do not know goes into the Secret alone; so do
 * `username` and what contains a password (`uri`, `jdbc-url`).
 */
const publicEntries = new Set([
  'type',
  'provider',
  'host',
  'hostname',
  'port',
  'database',
  'sslmode',
  'vhost',
  'virtual-host',
]);

const keyPattern = /^[-._a-zA-Z0-9]{1,253}$/;
const maximumBytes = 1024 * 1024;

/**
 * OSBAPI credentials as entries of a Secret and a ConfigMap: numbers and booleans as text, nested values as JSON text,
 * null left out, `type` and `provider` present (Service Binding specification, "Well-known Secret Entries").
 *
 * Names stay as they are (`jdbc-url`, `root.crt`). As files they always work; with `envFrom`, Kubernetes before 1.34
 * skips names that are no C identifiers, and newer ones take them although a shell cannot read them.
 * @throws ChandlerError `DeliveryRejected` when a name is no valid key or all is larger than 1 MiB
 */
export function deliveryEntries(type: string, credentials: JsonObject): DeliveryEntries {
  const secret: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries({ provider: 'chandler', ...credentials, type })) {
    if (value === null) continue;
    if (!keyPattern.test(key) || key === '.' || key.startsWith('..')) {
      throw rejected(`The credentials have an entry whose name cannot be a key of a Secret: ${shown(key)}.`);
    }
    secret[key] = entryText(value);
  }
  const bytes = Object.entries(secret).reduce(
    (sum, [key, text]) => sum + key.length + Buffer.byteLength(text),
    0,
  );
  if (bytes > maximumBytes)
    throw rejected('The credentials are larger than the 1 MiB that a Secret can hold.');
  const open = Object.entries(secret).filter(([key]) => publicEntries.has(key));
  return { secret: { ...secret }, configMap: Object.fromEntries(open) };
}

function entryText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function shown(key: string): string {
  return JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}...` : key);
}

function rejected(sentence: string): ChandlerError {
  return new ChandlerError('DeliveryRejected', { sentence });
}
