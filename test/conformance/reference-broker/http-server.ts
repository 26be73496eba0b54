/** The transport: credentials, version, headers and bodies; then the verb that the path asks for. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { bind } from './bind.ts';
import { type Answer, type Call, isObject, type JsonObject } from './call.ts';
import { getCatalog } from './catalog.ts';
import { deprovision } from './deprovision.ts';
import { fetchBinding, fetchInstance } from './fetch.ts';
import { bindingLastOperation, instanceLastOperation } from './last-operation.ts';
import { provision } from './provision.ts';
import { Refusal } from './refusal.ts';
import { bindings, instances } from './state.ts';
import { unbind } from './unbind.ts';
import { update } from './update.ts';

const credentials = 'checker:reference secret';
const largestBody = 1024 * 1024;
const deepestBody = 100;

type Verb = (call: Call) => Answer;

const instancePath = '/v2/service_instances/([^/]+)';
const bindingPath = `${instancePath}/service_bindings/([^/]+)`;
const routes: [path: string, verbs: Record<string, Verb>][] = [
  ['/v2/catalog', { GET: getCatalog }],
  [instancePath, { GET: fetchInstance, PUT: provision, PATCH: update, DELETE: deprovision }],
  [`${instancePath}/last_operation`, { GET: instanceLastOperation }],
  [bindingPath, { GET: fetchBinding, PUT: bind, DELETE: unbind }],
  [`${bindingPath}/last_operation`, { GET: bindingLastOperation }],
];

export function createBroker(): Server {
  return createServer((request, response) => {
    const answered = request.url === '/debug/books' ? books() : answer(request);
    void answered.catch(refusalAnswer).then((given) => send(request, response, given));
  });
}

/** No part of the API: what there is, for a test to see whether anything was left behind. */
function books(): Promise<Answer> {
  const count = (all: Map<string, { state: string }>) =>
    [...all.values()].filter(({ state }) => state !== 'deleted').length;
  return Promise.resolve({
    status: 200,
    body: { instances: count(instances), bindings: count(bindings) },
  });
}

/** The order of the checks is item 22. */
async function answer(request: IncomingMessage): Promise<Answer> {
  checkCredentials(request.headers.authorization);
  checkVersion(request.headers['x-broker-api-version']);
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const { verb, instanceId, bindingId } = findVerb(request.method ?? '', path);
  if (request.method !== 'GET') checkIdentity(request.headers['x-broker-api-originating-identity']);
  const parameters = new URLSearchParams(query);
  const bytes = await readBytes(request);
  return verb({
    instanceId,
    bindingId,
    query: parameters,
    // What a GET or DELETE carries, if anything, is of no interest: Korifi calls its nothing JSON. [9]
    body: hasBody(request) ? parseBody(bytes, request.headers['content-type']) : {},
    acceptsIncomplete: parameters.get('accepts_incomplete') === 'true',
    ifNoneMatch: request.headers['if-none-match'],
  });
}

function refusalAnswer(error: unknown): Answer {
  if (!(error instanceof Refusal)) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return { status: 500, body: { error: 'InternalError', description: 'The broker made a mistake.' } };
  }
  const { status, word, message, headers } = error;
  return { status, body: { error: word, description: message }, headers };
}

function send(request: IncomingMessage, response: ServerResponse, { status, body, headers }: Answer): void {
  const identity = request.headers['x-broker-api-request-identity'];
  if (identity !== undefined) response.setHeader('X-Broker-API-Request-Identity', identity);
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
  response.statusCode = status;
  if (status === 304) {
    response.end();
    return;
  }
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
}

function checkCredentials(authorization = ''): void {
  const encoded = /^basic +(\S+)$/i.exec(authorization)?.[1] ?? '';
  if (Buffer.from(encoded, 'base64').toString() !== credentials) {
    throw new Refusal(401, 'Unauthorized', 'The username or the password is wrong or missing.', {
      'WWW-Authenticate': 'Basic realm="Reference broker", charset="UTF-8"',
    });
  }
}

/** Any 2.x: what a newer minor version adds is optional. [3, 4] */
function checkVersion(version: string | string[] | undefined): void {
  if (typeof version === 'string' && /^2(\.\d+)?$/.test(version)) return;
  throw new Refusal(412, 'PreconditionFailed', 'X-Broker-API-Version must be 2.x; this broker speaks 2.17.');
}

function findVerb(method: string, path: string): { verb: Verb; instanceId: string; bindingId: string } {
  for (const [pattern, verbs] of routes) {
    const match = new RegExp(`^${pattern}$`).exec(path);
    if (match === null) continue;
    const verb = Object.hasOwn(verbs, method) ? verbs[method] : undefined;
    if (verb === undefined) {
      const Allow = Object.keys(verbs).join(', ');
      throw new Refusal(405, 'MethodNotAllowed', `This path knows ${Allow}.`, { Allow });
    }
    return { verb, instanceId: decode(match[1] ?? ''), bindingId: decode(match[2] ?? '') };
  }
  throw new Refusal(404, 'NotFound', 'There is no such path.');
}

/** Ids are any text; in a path they are percent-encoded. [11] */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refusal(400, 'BadRequest', 'An id in the path is not percent-encoded UTF-8.');
  }
}

/** "<platform> <base64 of a JSON object>"; which keys the object has is up to the platform. [5] */
function checkIdentity(header: string | string[] | undefined): void {
  if (header === undefined) return;
  const encoded = /^\S+ +([A-Za-z0-9+/_-]+=*)$/.exec(String(header))?.[1] ?? '';
  if (!isObject(parse(Buffer.from(encoded, 'base64')))) {
    const form = 'a platform, a space and a JSON object in base64';
    throw new Refusal(400, 'BadRequest', `X-Broker-API-Originating-Identity must be ${form}.`);
  }
}

function hasBody({ method }: IncomingMessage): boolean {
  return method === 'PUT' || method === 'PATCH';
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to its end in any case: the client hears no answer before it has sent all.
    if (size <= largestBody) chunks.push(chunk);
  }
  if (size > largestBody) throw new Refusal(413, 'PayloadTooLarge', 'The body is larger than 1 MiB.');
  return Buffer.concat(chunks);
}

/** No Content-Type at all is taken for JSON. [8] */
function parseBody(bytes: Buffer, contentType = 'application/json'): JsonObject {
  if (!/^application\/json *(;|$)/i.test(contentType)) {
    throw new Refusal(400, 'BadRequest', 'The Content-Type must be application/json.');
  }
  const body = parse(bytes);
  if (!isObject(body)) throw new Refusal(400, 'BadRequest', 'The body must be a JSON object.');
  if (isDeeperThan(deepestBody, body)) throw new Refusal(400, 'BadRequest', 'The body is nested too deep.');
  return body;
}

/** Undefined for what is not JSON in UTF-8. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}
