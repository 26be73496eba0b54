/** A client of the OSB API that sends exactly what a test says. */
import { request as httpRequest } from 'node:http';
import { brotliDecompressSync, unzipSync } from 'node:zlib';
import type { JsonObject } from '../../src/lib/json.ts';

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Of the platform that most tests speak for; see {@link testCredentials}. */
export const credential = basic('platform', 'correct horse');
/** Of another platform, to which the first one's instances do not exist. */
export const otherCredential = basic('other', 'battery staple');

export interface Sent {
  method?: string;
  /** As it goes over the wire: nothing is encoded or normalised. */
  path: string;
  /** Added to the usual ones; undefined takes one away. */
  headers?: Record<string, string | undefined>;
  /** An object is sent as JSON, anything else as it is. */
  body?: JsonObject | string | Buffer;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The parsed body; every answer but 304 must be a JSON object. */
  json: JsonObject;
}

export function send(port: number, sent: Sent): Promise<Answer> {
  const body: string | Buffer | undefined =
    typeof sent.body === 'string' || Buffer.isBuffer(sent.body) || sent.body === undefined
      ? sent.body
      : JSON.stringify(sent.body);
  const headers = Object.entries({
    authorization: credential,
    'x-broker-api-version': '2.17',
    ...(body === sent.body ? {} : { 'content-type': 'application/json' }),
    // Node sends the body of a DELETE without saying where it ends.
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    ...sent.headers,
  }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method: sent.method ?? 'GET',
        path: sent.path,
        headers: Object.fromEntries(headers),
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = decoded(Buffer.concat(chunks), response.headers['content-encoding']).toString('utf8');
          const status = response.statusCode ?? 0;
          try {
            const parsed = (status === 304 || sent.method === 'HEAD' ? {} : JSON.parse(text)) as JsonObject;
            resolve({ status, headers: response.headers, text, json: parsed });
          } catch (error) {
            reject(new Error(`not JSON: ${status} ${text}`, { cause: error }));
          }
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function decoded(body: Buffer, encoding: string | undefined): Buffer {
  if (body.length === 0) return body;
  if (encoding === 'br') return brotliDecompressSync(body);
  return encoding === 'gzip' || encoding === 'deflate' ? unzipSync(body) : body;
}

/** Number and digest of the rows of every table: equal before and after means that nothing was written. */
export async function snapshotRows(
  query: (sql: string) => Promise<Record<string, unknown>[]>,
): Promise<string> {
  const tables = await query(
    `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`,
  );
  const digests = tables.map(
    ({ name }) =>
      `select '${String(name)}' as name, count(*) as rows, md5(string_agg(t::text, '|' order by t::text)) as digest from ${String(name)} t`,
  );
  return JSON.stringify(await query(digests.join(' union all ')), null, 1);
}
