/** Credentials never leave the checker: not on a screen, not in a report, not in a CI log. */
import { isObject, type JsonValue } from '../json.ts';
import type { Exchange } from './exchange.ts';

const masked = '[redacted]';
const secretHeaders = new Set(['authorization', 'set-cookie', 'proxy-authorization']);
/** Fields of answers whose values are secret wherever they stand (spec, "Binding" and "Dashboard Client Object"). */
const secretFields = new Set(['credentials', 'dashboard_client', 'syslog_drain_url', 'volume_mounts']);
/** Fields of answers about bindings that may be shown; whatever else a broker puts there may be a credential. */
const openFields = new Set([
  ...['operation', 'metadata', 'endpoints', 'parameters', 'state', 'error', 'description'],
  ...['dashboard_url', 'service_id', 'plan_id', 'instance_usable', 'update_repeatable'],
]);
/** Shorter values stand in sentences by chance; what the user gave is masked all the same. */
const shortestSecret = 6;

/** Remembers what was secret in any answer, so that it is masked in every text, such as an error's description. */
export class Mask {
  readonly #secrets = new Set<string>();
  readonly #readable = new Set<string>();

  constructor(given: readonly string[] = []) {
    for (const secret of given) if (secret !== '') this.#hide(secret);
  }

  /** Values that a report cannot do without, even if a broker puts them into credentials: hosts, ids, names of plans. */
  leaveReadable(values: readonly string[]): void {
    for (const value of values) {
      this.#readable.add(value);
      for (const written of spellings(value)) this.#secrets.delete(written);
    }
  }

  /** Takes note of the secrets in an answer. */
  learn(exchange: Exchange): void {
    const { answer, draft } = exchange;
    this.leaveReadable([draft.instanceId, draft.bindingId].filter((id) => id !== undefined));
    const collect = (value: JsonValue, isSecret: boolean, isBinding: boolean): void => {
      if (isSecret && (typeof value === 'string' || typeof value === 'number')) this.#add(String(value));
      if (Array.isArray(value)) for (const each of value) collect(each, isSecret, false);
      else if (isObject(value)) {
        for (const [key, each] of Object.entries(value)) {
          collect(each, isSecret || secretFields.has(key) || (isBinding && !openFields.has(key)), false);
        }
      }
    };
    const isBinding = tellsBinding(exchange);
    if (answer?.json !== undefined) collect(answer.json, isBinding && !isObject(answer.json), isBinding);
    else if (isBinding && answer !== undefined) this.#add(answer.text.trim());
  }

  #add(secret: string): void {
    if (secret.length < shortestSecret || this.#readable.has(secret)) return;
    this.#hide(secret);
    const url = URL.parse(secret);
    // `jdbc:` and the like stand before the part that is a URL.
    const inner = url?.host === '' ? URL.parse(secret.slice(secret.indexOf(':') + 1)) : url;
    const parts = [inner?.username, inner?.password, ...(inner?.searchParams.values() ?? [])];
    for (const part of parts) if (part !== undefined && part !== secret) this.#add(decoded(part));
  }

  #hide(secret: string): void {
    for (const written of spellings(secret)) this.#secrets.add(written);
  }

  /** @returns the text without any secret that was learnt */
  text(text: string): string {
    let clean = text;
    const longestFirst = [...this.#secrets].sort((one, other) => other.length - one.length);
    for (const secret of longestFirst) clean = clean.replaceAll(secret, masked);
    return clean;
  }

  headers(headers: Record<string, string>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        secretHeaders.has(name.toLowerCase()) ? masked : this.text(value),
      ]),
    );
  }

  /** A body as it may be shown. One that should hold credentials and is no JSON object is not shown at all. */
  body(exchange: Exchange): string {
    const { answer } = exchange;
    if (answer === undefined) return '';
    const { json, text } = answer;
    if (tellsBinding(exchange) && !isObject(json)) {
      return text === '' ? '' : `${masked} (${text.length} characters that are no JSON object)`;
    }
    if (json === undefined) return this.text(text);
    return this.text(JSON.stringify(tellsBinding(exchange) ? openOnly(json) : hide(json)));
  }
}

function tellsBinding({ draft, answer }: Exchange): boolean {
  return (draft.endpoint === 'bind' || draft.endpoint === 'fetch binding') && (answer?.status ?? 400) < 400;
}

function openOnly(value: JsonValue): JsonValue {
  if (!isObject(value)) return masked;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, openFields.has(key) ? hide(each) : leavesHidden(each)]),
  );
}

function hide(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(hide);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      secretFields.has(key) ? leavesHidden(each) : hide(each),
    ]),
  );
}

/** Keys stay: which ones there are is what a reader of a report wants to know. */
function leavesHidden(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(leavesHidden);
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, leavesHidden(each)]));
  }
  return value === null ? null : masked;
}

/** As it is, in a URL, in JSON, and in base64. */
function spellings(secret: string): string[] {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1), base64];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
