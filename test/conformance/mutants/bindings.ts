/** GET of a binding, and what a binding holds. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const file = 'bind';
const begun = '  return { status: 202, body: { operation: operation.token } };';
const told = 'return { status: 200, body: { ...bindingBody(binding), parameters: binding.parameters } };';
const unready = "if (binding?.state !== 'ready') throw";
const endpoints = "endpoints: [{ host, ports: ['5432'], protocol: 'tcp' }],";
const never = "throw new Refusal(404, 'NotFound', 'There never was such a service binding.');";
const appTags = "tags: ['reference', 'memory'],";
const mount =
  "volume_mounts: [{ driver: 'nfs', container_dir: '/data', mode: 'rwx', device_type: 'shared', device: { volume_id: 'one' } }],";

export const bindingMutants: readonly Mutant[] = [
  {
    id: 'bind-never-told',
    ...{ items: [111, 112], plan: slow, caughtBy: ['bind-asynchronous-retrievable'] },
    what: 'binds asynchronously and does not offer to fetch bindings',
    changes: [
      change(
        'catalog',
        'bindings_retrievable: true,\n  allow_context_updates: true,',
        'bindings_retrievable: false,\n  allow_context_updates: true,',
      ),
    ],
  },
  {
    id: 'fetch-binding-without-credentials',
    ...{ items: [111], plan: slow, caughtBy: ['fetch-binding'] },
    what: 'fetches a binding that was bound with 202 without its credentials',
    changes: [change('fetch', told, 'return { status: 200, body: { parameters: binding.parameters } };')],
  },
  {
    id: 'fetch-binding-not-yet',
    ...{ items: [111], plan: slow, caughtBy: ['fetch-binding'] },
    what: 'cannot fetch a binding in its first moments',
    changes: [
      change(
        'fetch',
        unready,
        "if (binding && binding.operations[0].endedAt + 100 > Date.now()) throw new Refusal(404, 'NotFound', 'Not yet.');\n  if (binding?.state !== 'ready') throw",
      ),
    ],
  },
  {
    id: 'fetch-binding-anew',
    ...{ items: [113], plan: quick, caughtBy: ['fetch-binding-again'] },
    what: 'makes another password for every fetch of a binding',
    changes: [
      change(
        'fetch',
        told,
        `${told.replace('bindingBody(binding),', 'bindingBody(binding), credentials: { username: binding.username, password: process.hrtime.bigint().toString() },')}`,
      ),
    ],
  },
  {
    id: 'fetch-binding-otherwise',
    ...{ items: [111], plan: quick, caughtBy: ['fetch-binding-as-bound'] },
    what: 'fetches other credentials than the bind answered',
    changes: [
      change(
        'fetch',
        told,
        told.replace(
          'bindingBody(binding),',
          "bindingBody(binding), credentials: { username: binding.username, password: '***' },",
        ),
      ),
    ],
  },
  {
    id: 'fetch-binding-plan-needed',
    ...{ items: [111], plan: quick, caughtBy: ['fetch-binding-without-query'] },
    what: 'does not fetch a binding without plan_id',
    changes: [
      change(
        'fetch',
        'fetchBinding({ instanceId, bindingId }: Call): Answer {',
        "fetchBinding({ instanceId, bindingId, query }: Call): Answer {\n  if (!query.get('plan_id')) throw new Refusal(400, 'BadRequest', 'No plan_id.');",
      ),
    ],
  },
  {
    id: 'fetch-binding-gone',
    ...{ items: [112], plan: quick, caughtBy: ['fetch-binding-unknown'] },
    what: 'answers 410 to a GET of a binding that never was',
    changes: [
      change(
        'fetch',
        unready,
        `if (binding === undefined) throw new Refusal(410, 'Gone', 'It never was.');\n  ${unready}`,
      ),
    ],
  },
  {
    id: 'fetch-binding-early',
    ...{ items: [112], plan: slow, caughtBy: ['fetch-binding-early'] },
    what: 'fetches a binding that is being made',
    changes: [
      change('fetch', unready, "if (binding?.state !== 'ready' && binding?.state !== 'creating') throw"),
    ],
  },
  {
    id: 'fetch-binding-anywhere',
    ...{ items: [114], plan: quick, caughtBy: ['fetch-binding-foreign'] },
    what: 'fetches a binding by the path of any instance',
    changes: [
      change('state', 'return binding?.instanceId === instanceId ? binding : undefined;', 'return binding;'),
    ],
  },
  {
    id: 'poll-binding-gone',
    ...{ items: [109], plan: slow, caughtBy: ['poll-binding-unknown'] },
    what: 'answers 410 to a poll for a binding that never was',
    changes: [change('last-operation', never, never.replace("404, 'NotFound'", "410, 'Gone'"))],
  },
  {
    id: 'poll-binding-token-checked',
    ...{ items: [57, 109], plan: slow, caughtBy: ['poll-binding-token'] },
    what: 'answers 400 to a poll for a binding with an operation that it does not know',
    changes: [
      change(
        'last-operation',
        never,
        `${never}\n  const token = query.get('operation');\n  if (token && !binding.operations.some((one) => one.token === token)) throw new Refusal(400, 'BadRequest', 'operation is unknown.');`,
      ),
    ],
  },
  {
    id: 'credentials-too-soon',
    ...{ items: [92], plan: slow, caughtBy: ['accepted-without-credentials'], shownBy: ['bind-works'] },
    what: 'sends credentials with a 202',
    changes: [
      change(
        file,
        begun,
        '  return { status: 202, body: { credentials: bindingBody(binding).credentials, operation: operation.token } };',
      ),
    ],
  },
  {
    id: 'drain-null',
    ...{ items: [97], plan: quick, caughtBy: ['attachments-absent'], shownBy: ['bind-works'] },
    what: 'has a syslog_drain_url of null',
    changes: [change(file, endpoints, `${endpoints}\n    syslog_drain_url: null,`)],
  },
  {
    id: 'drain-without-permission',
    ...{ items: [97], plan: quick, caughtBy: ['bind-permissions'] },
    what: 'has a syslog_drain_url that its catalog does not speak of',
    changes: [
      change(file, endpoints, `${endpoints}\n    syslog_drain_url: 'syslog://reference.example:514',`),
    ],
  },
  {
    id: 'route-in-clear',
    ...{ items: [97], plan: quick, caughtBy: ['route-service-url'], shownBy: ['bind-works'] },
    what: 'has a route_service_url of http',
    changes: [
      change(file, endpoints, `${endpoints}\n    route_service_url: 'http://reference.example/route',`),
      change('catalog', appTags, `${appTags}\n  requires: ['route_forwarding'],`),
    ],
  },
  {
    id: 'volume-of-another-mode',
    ...{ items: [98], plan: quick, caughtBy: ['volume-mounts'], shownBy: ['bind-works'] },
    what: 'mounts a volume in a mode that there is not',
    changes: [
      change(file, endpoints, `${endpoints}\n    ${mount}`),
      change('catalog', appTags, `${appTags}\n  requires: ['volume_mount'],`),
    ],
  },
  {
    id: 'volume-without-device',
    ...{ items: [98], plan: quick, caughtBy: ['volume-mounts'], shownBy: ['bind-works'] },
    what: 'mounts a volume without a device',
    changes: [
      change(
        file,
        endpoints,
        `${endpoints}\n    volume_mounts: [{ driver: 'nfs', container_dir: '/data', mode: 'rw', device_type: 'shared' }],`,
      ),
      change('catalog', appTags, `${appTags}\n  requires: ['volume_mount'],`),
    ],
  },
  {
    id: 'ports-of-numbers',
    ...{ items: [99], plan: quick, caughtBy: ['endpoints'], shownBy: ['bind-works'] },
    what: 'has endpoints whose ports are numbers',
    changes: [change(file, endpoints, "endpoints: [{ host, ports: [5432], protocol: 'tcp' }],")],
  },
  {
    id: 'endpoint-without-host',
    ...{ items: [99], plan: quick, caughtBy: ['endpoints'], shownBy: ['bind-works'] },
    what: 'has an endpoint without a host',
    changes: [change(file, endpoints, "endpoints: [{ ports: ['5432'], protocol: 'tcp' }],")],
  },
  {
    id: 'expiry-in-words',
    ...{ items: [100], plan: quick, caughtBy: ['expiry-format'], shownBy: ['bind-works'] },
    what: 'writes expires_at as HTTP writes dates',
    changes: [
      change(
        file,
        'expires_at: new Date(createdAt + 30 * day).toISOString()',
        'expires_at: new Date(createdAt + 30 * day).toUTCString()',
      ),
    ],
  },
  {
    id: 'expiry-before-renewal',
    ...{ items: [100], plan: quick, caughtBy: ['expiry-order'], shownBy: ['bind-works'] },
    what: 'wants a binding renewed after it expired',
    changes: [
      change(
        file,
        'renew_before: new Date(createdAt + 20 * day)',
        'renew_before: new Date(createdAt + 40 * day)',
      ),
    ],
  },
  {
    id: 'secret-in-metadata',
    ...{ items: [100], plan: quick, caughtBy: ['secrets-in-metadata'], shownBy: ['bind-works'] },
    what: 'writes the username into the metadata of a binding',
    changes: [change(file, '      metadata: {\n', '      metadata: {\n        owner: username,\n')],
  },
];
