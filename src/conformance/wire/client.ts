import { readFile } from 'node:fs/promises';
import { Pool } from 'undici';
import { parseJson } from '../json.ts';
import type { Draft, Exchange } from './exchange.ts';

export interface ClientOptions {
  /** Base of the broker; a path in it stands before `/v2`. */
  url: URL;
  username: string | undefined;
  password: string | undefined;
  /** Instead of username and password. */
  token: string | undefined;
  /** PEM file with the certificates that the broker's is signed by. */
  caFile: string | undefined;
  /** Whether a certificate that nobody signed is taken. */
  insecure: boolean;
  /** How long one request may take; platforms give up after 60 s. */
  requestTimeoutMs: number;
}

export interface Client {
  /** Never throws for what the broker does: without an answer the exchange has a fault. */
  exchange(draft: Draft, signal?: AbortSignal): Promise<Exchange>;
  close(): Promise<void>;
}

export async function createClient(options: ClientOptions): Promise<Client> {
  const ca = options.caFile === undefined ? {} : { ca: await readFile(options.caFile, 'utf8') };
  const pool = new Pool(options.url.origin, {
    connect: { ...ca, rejectUnauthorized: !options.insecure },
    headersTimeout: options.requestTimeoutMs,
    bodyTimeout: options.requestTimeoutMs,
  });
  const prefix = options.url.pathname.replace(/\/+$/, '');
  const authorization = authorizationOf(options);

  return {
    async exchange(draft, signal) {
      const target = `${prefix}${draft.path}${queryOf(draft)}`;
      const body = typeof draft.body === 'object' ? JSON.stringify(draft.body) : draft.body;
      const headers = present({ authorization, ...draft.headers });
      const started = performance.now();
      const base = { draft, target, headers, body };
      const took = () => Math.round(performance.now() - started);
      const patience = AbortSignal.timeout(options.requestTimeoutMs);
      try {
        const response = await pool.request({
          method: draft.method,
          path: target,
          headers,
          ...(body === undefined ? {} : { body }),
          signal: signal === undefined ? patience : AbortSignal.any([signal, patience]),
        });
        const text = await textOf(response.body);
        const answer = {
          status: response.statusCode,
          headers: flat(response.headers),
          text,
          json: parseJson(text),
        };
        return { ...base, answer, fault: undefined, milliseconds: took() };
      } catch (thrown) {
        return { ...base, answer: undefined, fault: reasonOf(thrown), milliseconds: took() };
      }
    },
    close: () => pool.destroy(),
  };
}

function authorizationOf({ username, password, token }: ClientOptions): string | undefined {
  if (token !== undefined) return `Bearer ${token}`;
  if (username === undefined) return undefined;
  return `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
}

function queryOf({ query }: Draft): string {
  const pairs = Object.entries(present(query)).map(([name, value]) => `${name}=${formEncoded(value)}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** As platforms encode it. A lone surrogate, which a broker may have put into a token, cannot be encoded at all. */
function formEncoded(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll('%20', '+');
}

/** More than any answer of the API needs; an endless one must not cost the report. */
const largestBody = 5_000_000;

/** @throws Error when the body is larger than that */
async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > largestBody) throw new Error(`the body is larger than ${largestBody / 1_000_000} MB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function present(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown instanceof AggregateError && thrown.message === '') {
    return thrown.errors.map((each) => (each instanceof Error ? each.message : String(each))).join(', ');
  }
  return thrown.message;
}
