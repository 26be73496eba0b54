/** Credentials, versions, headers, bodies. */
import { change, type Mutant } from './types.ts';

const http = 'http-server';
const plan = 'reference/quick';

export const transportMutants: readonly Mutant[] = [
  {
    id: 'no-credentials',
    ...{ items: [1], plan, caughtBy: ['credentials-missing'] },
    what: 'lets everybody in who sends no credentials',
    changes: [
      change(
        http,
        '  const encoded = /^basic',
        "  if (authorization === '') return;\n  const encoded = /^basic",
      ),
    ],
  },
  {
    id: 'no-credentials-for-polls',
    ...{ items: [1], plan, caughtBy: ['credentials-missing', 'credentials-wrong'] },
    what: 'wants no credentials for last_operation',
    changes: [
      change(
        http,
        '  checkCredentials(request.headers.authorization);',
        "  if (!request.url?.includes('last_operation')) checkCredentials(request.headers.authorization);",
      ),
    ],
  },
  {
    id: 'any-password',
    ...{ items: [1], plan, caughtBy: ['credentials-wrong'] },
    what: 'takes any username and password',
    changes: [change(http, "Buffer.from(encoded, 'base64').toString() !== credentials", "encoded === ''")],
  },
  {
    id: 'forbidden-for-unauthorized',
    ...{ items: [1], plan, caughtBy: ['credentials-missing', 'credentials-wrong'] },
    what: 'answers 403 in place of 401',
    changes: [change(http, "Refusal(401, 'Unauthorized'", "Refusal(403, 'Forbidden'")],
  },
  {
    id: 'no-challenge',
    ...{ items: [1], plan, caughtBy: ['credentials-challenge'] },
    what: 'answers 401 without WWW-Authenticate',
    changes: [change(http, "'WWW-Authenticate': 'Basic", "'X-Authenticate': 'Basic")],
  },
  {
    id: 'version-before-credentials',
    ...{ items: [1, 22], plan, caughtBy: ['credentials-first'] },
    what: 'names a missing version before missing credentials',
    changes: [
      change(
        http,
        '  checkCredentials(request.headers.authorization);\n',
        "  checkVersion(request.headers['x-broker-api-version']);\n  checkCredentials(request.headers.authorization);\n",
      ),
    ],
  },
  {
    id: 'no-version-needed',
    ...{ items: [3, 145], plan, caughtBy: ['version-missing'] },
    what: 'answers requests without a version',
    changes: [
      change(
        http,
        "  if (typeof version === 'string' &&",
        "  if (version === undefined) return;\n  if (typeof version === 'string' &&",
      ),
    ],
  },
  {
    id: 'any-major-version',
    ...{ items: [4], plan, caughtBy: ['version-major'] },
    what: 'takes a version of any major number',
    changes: [change(http, '/^2(\\.\\d+)?$/', '/^\\d+(\\.\\d+)?$/')],
  },
  {
    id: 'curt-about-versions',
    ...{ items: [4], plan, caughtBy: ['version-sentence'] },
    what: 'does not say which version it wants',
    changes: [
      change(
        http,
        'X-Broker-API-Version must be 2.x; this broker speaks 2.17.',
        'The version is not supported.',
      ),
    ],
  },
  {
    id: 'no-newer-version',
    ...{ items: [4], plan, caughtBy: ['version-newer'] },
    what: 'refuses minor versions that are newer than its own',
    changes: [change(http, '/^2(\\.\\d+)?$/', '/^2\\.(\\d|1[0-7])$/')],
  },
  {
    id: 'no-older-version',
    ...{ items: [4], plan, caughtBy: ['version-older'] },
    what: 'takes no version but its own and newer ones',
    changes: [change(http, '/^2(\\.\\d+)?$/', '/^2\\.(1[7-9]|[2-9]\\d)$/')],
  },
  {
    id: 'identity-needed',
    ...{ items: [5, 135], plan, caughtBy: ['identity-absent'] },
    what: 'deletes only for somebody: without originating identity it is 400',
    changes: [
      change(
        http,
        "  if (request.method !== 'GET') checkIdentity(",
        `  if (request.method === 'DELETE' && request.headers['x-broker-api-originating-identity'] === undefined) {
    throw new Refusal(400, 'BadRequest', 'Who are you?');
  }
  if (request.method !== 'GET') checkIdentity(`,
      ),
    ],
    also: {
      'orphan-provision-cut-off': 'orphan mitigation is nobody in particular',
      'orphan-refused-provision': 'orphan mitigation is nobody in particular',
      'orphan-unbind-unknown-instance': 'orphan mitigation is nobody in particular',
      'orphan-bind-cut-off': 'orphan mitigation is nobody in particular',
    },
  },
  {
    id: 'identity-with-groups',
    ...{ items: [5], plan, caughtBy: ['identity-lean'] },
    what: 'wants groups in the identity of a Kubernetes user',
    changes: [
      change(
        http,
        "  if (!isObject(parse(Buffer.from(encoded, 'base64')))) {",
        "  const who = parse(Buffer.from(encoded, 'base64'));\n  if (!isObject(who) || (String(header).startsWith('kubernetes') && who.groups === undefined)) {",
      ),
    ],
  },
  {
    id: 'identity-fault',
    ...{ items: [5], plan, caughtBy: ['identity-malformed', 'no-fault'] },
    what: 'answers 500 to an originating identity that it cannot read',
    changes: [
      change(
        http,
        "  if (!isObject(parse(Buffer.from(encoded, 'base64')))) {",
        "  if (!isObject(parse(Buffer.from(encoded, 'base64')))) {\n    throw new Error('unreadable');",
      ),
    ],
  },
  {
    id: 'no-echo-in-errors',
    ...{ items: [6], plan, caughtBy: ['request-identity-echoed'] },
    what: 'sends the request identity back with successes alone',
    changes: [
      change(
        http,
        '  if (identity !== undefined) response',
        '  if (identity !== undefined && status < 400) response',
      ),
    ],
  },
  {
    id: 'content-type-needed',
    ...{ items: [8], plan, caughtBy: ['content-type-missing'] },
    what: 'refuses a body without Content-Type',
    changes: [change(http, "contentType = 'application/json'): JsonObject", "contentType = ''): JsonObject")],
  },
  {
    id: 'content-type-fault',
    ...{ items: [8], plan, caughtBy: ['content-type-wrong'] },
    what: 'answers 500 to a body of another Content-Type',
    changes: [
      change(
        http,
        "throw new Refusal(400, 'BadRequest', 'The Content-Type must",
        "throw new Error('The Content-Type must",
      ),
    ],
  },
  {
    id: 'empty-body-refused',
    ...{ items: [9], plan, caughtBy: ['content-type-without-body'] },
    what: 'refuses a GET or DELETE that is called JSON and has no body',
    changes: [
      change(
        http,
        'body: hasBody(request) ?',
        "body: hasBody(request) || request.headers['content-type'] !== undefined ?",
      ),
    ],
  },
  {
    id: 'ids-of-uuids',
    ...{ items: [11, 54], plan, caughtBy: ['ids-opaque', 'ids-encoded', 'ids-slash'] },
    what: 'takes only ids of letters, digits and dashes',
    changes: [
      change(
        http,
        "const instancePath = '/v2/service_instances/([^/]+)';",
        "const instancePath = '/v2/service_instances/([a-z0-9-]+)';",
      ),
    ],
  },
  {
    id: 'ids-decoded-twice',
    ...{ items: [11, 58], plan, caughtBy: ['ids-slash'] },
    what: 'decodes ids twice',
    changes: [
      change(
        http,
        'return decodeURIComponent(segment);',
        'return decodeURIComponent(decodeURIComponent(segment));',
      ),
    ],
  },
  {
    id: 'unknown-paths-taken',
    ...{ items: [13], plan, caughtBy: ['unknown-path'] },
    what: 'answers 200 to a path that it does not have',
    changes: [
      change(
        http,
        "throw new Refusal(404, 'NotFound', 'There is no such path.')",
        "return { verb: () => ({ status: 200, body: {} }), instanceId: '', bindingId: '' }",
      ),
    ],
  },
  {
    id: 'body-before-version',
    ...{ items: [22], plan, caughtBy: ['order-version-before-body'] },
    what: 'names a body that is no JSON before a missing version',
    changes: [
      change(
        http,
        "  checkVersion(request.headers['x-broker-api-version']);\n",
        "  if (!hasBody(request)) checkVersion(request.headers['x-broker-api-version']);\n",
      ),
      change(
        http,
        '  const bytes = await readBytes(request);\n',
        "  const bytes = await readBytes(request);\n  if (hasBody(request)) parseBody(bytes, request.headers['content-type']);\n  checkVersion(request.headers['x-broker-api-version']);\n",
      ),
    ],
  },
  {
    id: 'malformed-unprocessable',
    ...{ items: [8, 40], plan, caughtBy: ['provision-malformed', 'bind-malformed', 'update-malformed'] },
    what: 'answers 422 to a body that is no JSON object',
    changes: [
      change(
        http,
        "throw new Refusal(400, 'BadRequest', 'The body must be a JSON object.')",
        "throw new Refusal(422, 'Malformed', 'The body must be a JSON object.')",
      ),
    ],
  },
  {
    id: 'empty-success',
    ...{ items: [12], plan, caughtBy: ['success-is-object'], shownBy: ['deprovision-works'] },
    what: 'sends nothing with the 200 to a DELETE',
    changes: [
      change(
        http,
        '  response.end(JSON.stringify(body));',
        "  response.end(request.method === 'DELETE' && status === 200 ? '' : JSON.stringify(body));",
      ),
    ],
  },
  {
    id: 'no-content',
    ...{ items: [12], plan, caughtBy: ['success-status', 'deprovision-works'] },
    what: 'answers 204 when an instance is deleted',
    changes: [
      change(
        'deprovision',
        "recordDone(instance, 'Deprovisioned.');\n    return { status: 200",
        "recordDone(instance, 'Deprovisioned.');\n    return { status: 204",
      ),
    ],
  },
  {
    id: 'already-reported',
    ...{ items: [12], plan, caughtBy: ['success-status'], shownBy: ['provision-repeat'] },
    what: 'answers 208 to the same PUT again',
    changes: [
      change(
        'provision',
        "if (known?.state === 'ready') return { status: 200",
        "if (known?.state === 'ready') return { status: 208",
      ),
    ],
  },
  {
    id: 'plain-text-errors',
    ...{ items: [8], plan, caughtBy: ['content-type'], shownBy: ['deprovision-unknown'] },
    what: 'calls its errors text/plain',
    changes: [
      change(
        http,
        "'Content-Type', 'application/json')",
        "'Content-Type', status < 400 ? 'application/json' : 'text/plain')",
      ),
    ],
  },
  {
    id: 'fault-for-unknown',
    ...{ items: [13, 80], plan, caughtBy: ['no-fault', 'update-unknown-instance'] },
    what: 'answers 500 to an update of an instance that never was',
    changes: [
      change(
        'update',
        "throw new Refusal(404, 'NotFound', 'There is no such service instance.')",
        "throw new Error('no instance')",
      ),
    ],
  },
];
