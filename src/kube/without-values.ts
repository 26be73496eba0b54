/** API servers quote what they refuse, and that may be a password: what is kept of their words tells where and why. */

/** What a value or a printed object follows in messages of the API server. */
const quoting = /((?:Invalid|Unsupported|Duplicate) value|Not found):.*|\{.*/s;
/** A message of an admission webhook is its own, and tells people what to do. */
const ofWebhook = /^admission webhook /;
const quoted = /"(?:[^"\\]|\\.)*"?/g;

/** A message without the values in it; of requests that could not be read (400) whatever is quoted may be one. */
export function withoutValues(status: number, message: string): string {
  const kept = message.replace(quoting, '$1').trimEnd();
  return status === 400 && !ofWebhook.test(kept) ? kept.replaceAll(quoted, '"..."') : kept;
}
