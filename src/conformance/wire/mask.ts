/** Credentials never leave the checker: not on a screen, not in a report, not in a CI log. */
import { isObject, type JsonObject, type JsonValue } from '../json.ts';
import type { Exchange } from './exchange.ts';

export const masked = '[redacted]';
const secretHeaders = new Set(['authorization', 'set-cookie', 'proxy-authorization']);
/** Fields of answers whose values are secret wherever they stand (spec, "Binding" and "Dashboard Client Object"). */
const secretFields = new Set(['credentials', 'dashboard_client', 'syslog_drain_url', 'volume_mounts']);
/** Shorter values stand in sentences by chance. */
const shortestSecret = 6;

/** Remembers what was secret in any answer, so that it is masked in every text, such as an error's description. */
export class Mask {
  readonly #secrets = new Set<string>();

  constructor(secrets: readonly string[] = []) {
    for (const secret of secrets) this.#add(secret);
  }

  /** Takes note of the secrets in an answer. */
  learn(exchange: Exchange): void {
    const collect = (value: JsonValue, secret: boolean): void => {
      if (secret && (typeof value === 'string' || typeof value === 'number')) this.#add(String(value));
      if (Array.isArray(value)) for (const each of value) collect(each, secret);
      else if (isObject(value)) {
        for (const [key, each] of Object.entries(value)) collect(each, secret || secretFields.has(key));
      }
    };
    if (exchange.answer?.json !== undefined) collect(exchange.answer.json, false);
  }

  #add(secret: string): void {
    if (secret.length < shortestSecret) return;
    for (const written of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
      this.#secrets.add(written);
    }
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

  /** A body as it may be shown. One that should hold credentials and is no JSON is not shown at all. */
  body(exchange: Exchange): string {
    const { answer, draft } = exchange;
    if (answer === undefined) return '';
    if (answer.json === undefined) {
      const mayHoldCredentials = draft.endpoint === 'bind' || draft.endpoint === 'fetch binding';
      return mayHoldCredentials && answer.text !== '' && answer.status < 400
        ? `${masked} (${answer.text.length} characters that are no JSON)`
        : this.text(answer.text);
    }
    return this.text(JSON.stringify(hide(answer.json)));
  }
}

function hide(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(hide);
  if (!isObject(value)) return value;
  const shown: JsonObject = {};
  for (const [key, each] of Object.entries(value)) {
    shown[key] = secretFields.has(key) && each !== null ? leavesHidden(each) : hide(each);
  }
  return shown;
}

/** Keys stay: which ones there are is what a reader of a report wants to know. */
function leavesHidden(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(leavesHidden);
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, leavesHidden(each)]));
  }
  return value === null ? null : masked;
}
