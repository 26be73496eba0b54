/** Habits of platforms. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const repeated = "if (known?.state === 'ready') return { status: 200, body: dashboardOf(known) };";
const asyncRequired =
  "  if (isAsynchronous(planId) && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);";

export const platformMutants: readonly Mutant[] = [
  {
    id: 'refused-bind-stays',
    ...{ items: [92], plan: slow, platform: 'cloudfoundry', caughtBy: ['cloudfoundry-bind-twice'] },
    what: 'remembers a bind that it refused with AsyncRequired',
    changes: [
      change('bind', 'export function bind(', 'const refused = new Set<string>();\nexport function bind('),
      change(
        'bind',
        asyncRequired,
        `  if (refused.has(bindingId)) throw new Refusal(409, 'Conflict', 'It exists.');\n  if (isAsynchronous(planId) && !acceptsIncomplete) refused.add(bindingId);\n${asyncRequired}`,
      ),
    ],
  },
  {
    id: 'service-keys-refused',
    ...{ items: [92, 103], plan: quick, platform: 'cloudfoundry', caughtBy: ['cloudfoundry-service-key'] },
    what: 'refuses a bind_resource that names a client',
    changes: [
      change(
        'bind',
        "  const resource = optionalObject(body, 'bind_resource') ?? {};",
        "  const resource = optionalObject(body, 'bind_resource') ?? {};\n  if (resource.credential_client_id) throw new Refusal(400, 'BadRequest', 'What client?');",
      ),
    ],
  },
  {
    id: 'word-of-its-own',
    ...{
      items: [15, 127],
      plan: slow,
      platform: 'cloudfoundry',
      caughtBy: ['cloudfoundry-word-of-422', 'provision-synchronous'],
    },
    what: 'has another word for AsyncRequired in provisions',
    changes: [change('provision', "'AsyncRequired', asyncRequired", "'AsynchronousOnly', asyncRequired")],
  },
  {
    id: 'kubernetes-cannot-bind',
    ...{ items: [92], plan: quick, platform: 'kubernetes', caughtBy: ['kubernetes-bind'] },
    what: 'binds only for who can poll',
    changes: [
      change(
        'bind',
        asyncRequired,
        "  if (!acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);",
      ),
    ],
  },
  {
    id: 'kubernetes-empty-gone',
    ...{
      items: [12, 119],
      plan: quick,
      platform: 'kubernetes',
      caughtBy: ['kubernetes-unbind-body', 'error-gone-body'],
    },
    what: 'sends no body with the 410 to an unbind',
    changes: [
      change(
        'http-server',
        '  response.end(JSON.stringify(body));',
        "  response.end(status === 410 && request.url?.includes('service_bindings') ? '' : JSON.stringify(body));",
      ),
    ],
  },
  {
    id: 'korifi-put-conflict',
    ...{
      items: [44, 45],
      plan: slow,
      platform: 'korifi',
      caughtBy: ['korifi-provision', 'provision-repeat'],
    },
    what: 'answers 409 when Korifi repeats its PUT at the end',
    changes: [
      change(
        'provision',
        repeated,
        "if (known?.state === 'ready') throw new Refusal(409, 'Conflict', 'It exists.');",
      ),
    ],
  },
  {
    id: 'korifi-no-credentials',
    ...{ items: [93, 113], plan: slow, platform: 'korifi', caughtBy: ['korifi-bind', 'bind-repeat'] },
    what: 'leaves the credentials out when Korifi repeats its bind',
    changes: [
      change(
        'bind',
        "if (known?.state === 'ready') return { status: 200, body: bindingBody(known) };",
        "if (known?.state === 'ready') return { status: 200, body: {} };",
      ),
    ],
  },
];
