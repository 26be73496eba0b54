/** HTTPS to the cluster's own components: health probes, and the few objects the node itself needs. */
import { readFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { Layout } from './layout.ts';

/** An answer whose body was read whole. */
export interface Answer {
  status: number;
  body: string;
}

/** One GET without credentials that must answer 200; the components' certificates are not ours to judge here. */
export async function probe(url: string): Promise<void> {
  const answer = await new Promise<Answer>((resolve, reject) => {
    const options = { rejectUnauthorized: false, timeout: 2000, agent: false };
    const req = (url.startsWith('https:') ? request : plainRequest)(url, options, (res) => {
      let body = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        body += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body }));
      res.on('error', reject);
    });
    req.on('timeout', () => req.destroy(new Error(`no answer from ${url}`)));
    req.on('error', reject);
    req.end();
  });
  if (answer.status !== 200)
    throw new Error(`${url} answered ${answer.status}: ${answer.body.slice(0, 300)}`);
}

/** The API server, spoken to as the cluster's admin. */
export class AdminApi {
  readonly #layout: Layout;
  #agent: Agent | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Sends one request; the caller judges the status. */
  async send(method: string, path: string, body?: object, contentType = 'application/json'): Promise<Answer> {
    this.#agent ??= await this.#connect();
    const agent = this.#agent;
    return new Promise((resolve, reject) => {
      const req = request(
        {
          method,
          path,
          agent,
          host: this.#layout.nodeIp,
          port: this.#layout.apiPort,
          timeout: 5000,
          headers: body === undefined ? {} : { 'content-type': contentType },
        },
        (res) => {
          let text = '';
          res.setEncoding('utf8');
          res.on('data', (chunk: string) => {
            text += chunk;
          });
          res.on('end', () => resolve({ status: res.statusCode ?? 0, body: text }));
          res.on('error', reject);
        },
      );
      req.on('timeout', () => req.destroy(new Error(`${method} ${path} took too long`)));
      req.on('error', reject);
      req.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** GET of one object, which must be there. */
  async get<T>(path: string): Promise<T> {
    const answer = await this.send('GET', path);
    if (answer.status !== 200)
      throw new Error(`GET ${path} answered ${answer.status}: ${answer.body.slice(0, 300)}`);
    return JSON.parse(answer.body) as T;
  }

  /** Server-side apply of one object. */
  async apply(path: string, object: object): Promise<void> {
    const query = 'fieldManager=chandler-cluster&force=true';
    // JSON is YAML.
    const answer = await this.send('PATCH', `${path}?${query}`, object, 'application/apply-patch+yaml');
    if (answer.status >= 300)
      throw new Error(`apply of ${path} answered ${answer.status}: ${answer.body.slice(0, 300)}`);
  }

  /** Closes idle connections, so that the calling process can end. */
  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  async #connect(): Promise<Agent> {
    const read = (file: string) => readFile(join(this.#layout.pkiDir, file));
    const [ca, cert, key] = await Promise.all([read('ca.crt'), read('admin.crt'), read('admin.key')]);
    return new Agent({ keepAlive: true, maxSockets: 8, ca, cert, key });
  }
}
