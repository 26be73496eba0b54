import type { Exchange } from './exchange.ts';
import type { Mask } from './mask.ts';

/** Headers that curl would send by itself or that say nothing about the fault. */
const dull = new Set(['authorization', 'user-agent', 'accept', 'connection']);

/** A line that sends the same request again; `$BROKER` is the broker's origin, `$AUTH` its name:password or token. */
export function asCurl({ draft, target, headers, body }: Exchange, mask: Mask): string {
  const parts = ['curl -s -i'];
  if (headers.authorization !== undefined) parts.push(credentialsOf(draft, headers.authorization));
  if (draft.method !== 'GET') parts.push(`-X ${draft.method}`);
  for (const [name, value] of Object.entries(mask.headers(headers))) {
    if (!dull.has(name)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  }
  // Left to itself, curl says that it sends a form.
  if (body !== undefined && headers['content-type'] === undefined) parts.push("-H 'content-type:'");
  if (body !== undefined) parts.push(`-d ${quoted(mask.text(body))}`);
  parts.push(`"$BROKER"${quoted(target)}`);
  return parts.join(' ');
}

function credentialsOf({ headers: edited }: Exchange['draft'], sent: string): string {
  // A check that sends its own is about wrong ones.
  if (edited.authorization !== undefined) return '-u nobody:wrong';
  return sent.startsWith('Bearer ') ? '-H "Authorization: Bearer $AUTH"' : '-u "$AUTH"';
}

/** What came back, in a line. */
export function asAnswer(exchange: Exchange, mask: Mask): string {
  const { answer, fault, milliseconds } = exchange;
  if (answer === undefined) return `no answer after ${milliseconds} ms: ${mask.text(fault ?? '')}`;
  const body = mask.body(exchange);
  return `${answer.status} ${body === '' ? '(empty body)' : shortened(body)}`;
}

const longest = 600;

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > longest ? `${line.slice(0, longest)}… (${text.length} characters)` : line;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
