/** last_operation, and GET of an instance. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const file = 'last-operation';
const never = "throw new Refusal(404, 'NotFound', 'There never was such a service instance.');";
const said = '  const { state, description, afterwards } = operation;';
const answer = 'return { status: 200, body: { state, description, ...afterwards } };';

export const pollingMutants: readonly Mutant[] = [
  {
    id: 'poll-not-yet',
    ...{ items: [121], plan: slow, caughtBy: ['poll-at-once', 'provision-works'] },
    what: 'answers 404 to polls while an instance is being made',
    changes: [
      change(
        file,
        never,
        `${never}\n  if (instance.state === 'creating') throw new Refusal(404, 'NotFound', 'Not yet.');`,
      ),
    ],
  },
  {
    id: 'poll-gone',
    ...{ items: [56, 136], plan: quick, caughtBy: ['poll-unknown-instance'] },
    what: 'answers 410 to a poll for an instance that never was',
    changes: [change(file, never, never.replace("404, 'NotFound'", "410, 'Gone'"))],
  },
  {
    id: 'poll-token-checked',
    ...{ items: [56, 57], plan: quick, caughtBy: ['poll-unknown-token'] },
    what: 'answers 400 to a poll with an operation that it does not know',
    changes: [
      change(
        file,
        "  const asked = query.get('operation');",
        "  const asked = query.get('operation');\n  if (asked && !resource.operations.some(({ token }) => token === asked)) throw new Refusal(400, 'BadRequest', 'operation is unknown.');",
      ),
    ],
  },
  {
    id: 'poll-plan-checked',
    ...{ items: [56, 57, 152], plan: quick, caughtBy: ['poll-other-plan'] },
    what: 'answers 400 to a poll that names another plan',
    changes: [
      change(
        file,
        said,
        `  if (query.get('plan_id') && query.get('plan_id') !== resource.planId) throw new Refusal(400, 'BadRequest', 'plan_id is another.');\n${said}`,
      ),
    ],
  },
  {
    id: 'poll-plan-needed',
    ...{ items: [57, 64], plan: slow, caughtBy: ['poll-without-query'] },
    what: 'answers 400 to a poll without plan_id',
    changes: [
      change(
        file,
        said,
        `  if (!query.get('plan_id')) throw new Refusal(400, 'BadRequest', 'No plan_id.');\n${said}`,
      ),
    ],
  },
  {
    id: 'poll-flips',
    ...{ items: [60, 122], plan: slow, caughtBy: ['poll-ends-once'] },
    what: 'says "failed" when it is polled a third time for what succeeded',
    changes: [
      change(
        file,
        said,
        `${said}\n  if (state !== 'in progress') operation.told = (operation.told ?? 0) + 1;\n  if (operation.told > 2) return { status: 200, body: { state: 'failed', description } };`,
      ),
    ],
  },
  {
    id: 'poll-after-delete-not-found',
    ...{ items: [59, 146], plan: slow, caughtBy: ['deprovision-works'] },
    what: 'answers 404 to polls for a deprovision that is over',
    changes: [
      change(
        file,
        said,
        `  if (resource.state === 'deleted' && operation === latest && !('instanceId' in resource)) throw new Refusal(404, 'NotFound', 'It is deleted.');\n${said}`,
      ),
    ],
  },
  {
    id: 'poll-after-delete-once',
    ...{ items: [59, 60], plan: slow, caughtBy: ['poll-remembered'] },
    what: 'tells the end of a deprovision only once, then it is 404',
    changes: [
      change(
        file,
        said,
        `${said}\n  if (description === 'Deprovisioned.' && operation.told) throw new Refusal(404, 'NotFound', 'It is deleted.');\n  operation.told = state !== 'in progress';`,
      ),
    ],
  },
  {
    id: 'poll-after-delete-flips',
    ...{ items: [59, 144, 146], plan: slow, caughtBy: ['poll-after-delete'] },
    what: 'says "failed" when it is polled again for a deprovision that succeeded',
    changes: [
      change(
        file,
        said,
        `${said}\n  if (description === 'Deprovisioned.' && operation.told) return { status: 200, body: { state: 'failed', description } };\n  operation.told = state !== 'in progress';`,
      ),
    ],
  },
  {
    id: 'poll-forgotten',
    ...{ items: [60], plan: slow, caughtBy: ['poll-remembered'] },
    what: 'tells the end of a provision only once, then it is 404',
    changes: [
      change(
        file,
        said,
        `${said}\n  if (description === 'Provisioned.' && operation.told) throw new Refusal(404, 'NotFound', 'It is over.');\n  operation.told = state !== 'in progress';`,
      ),
    ],
  },
  {
    id: 'poll-misspelled',
    ...{ items: [55], plan: slow, caughtBy: ['poll-state', 'poll-at-once', 'provision-works'] },
    what: 'writes "in-progress" with a dash when it is polled for a provision',
    changes: [
      change(
        file,
        answer,
        "return { status: 200, body: { state: description === 'Provisioning.' ? 'in-progress' : state, description, ...afterwards } };",
      ),
    ],
  },
  {
    id: 'poll-description-number',
    ...{ items: [55, 110], plan: slow, caughtBy: ['poll-description'], shownBy: ['provision-works'] },
    what: 'has a description of an operation that is a number',
    changes: [
      change(
        file,
        answer,
        'return { status: 200, body: { state, description: description.length, ...afterwards } };',
      ),
    ],
  },
  {
    id: 'poll-bind-gone',
    ...{ items: [59], plan: slow, caughtBy: ['poll-not-gone'], shownBy: ['poll-binding-token'] },
    what: 'answers 410 to a poll for a binding with an operation that it does not know',
    changes: [
      change(
        file,
        said,
        `  if (asked && 'instanceId' in resource && asked !== latest.token) throw new Refusal(410, 'Gone', 'What operation?');\n${said}`,
      ),
    ],
  },
  {
    id: 'retry-after-date',
    ...{ items: [61], plan: slow, caughtBy: ['retry-after'], shownBy: ['provision-works'] },
    what: 'has a Retry-After that is a date',
    changes: [
      change(
        file,
        answer,
        answer.replace(
          'status: 200,',
          "status: 200, headers: { 'Retry-After': 'Wed, 21 Oct 2026 07:28:00 GMT' },",
        ),
      ),
    ],
  },
  {
    id: 'operation-number',
    ...{ items: [50, 102], plan: slow, caughtBy: ['operation-text'], shownBy: ['unbind-works'] },
    what: 'has an operation that is a number',
    changes: [
      change(
        'unbind',
        'return { status: 202, body: { operation: operation.token } };',
        'return { status: 202, body: { operation: 42 } };',
      ),
      change(
        'unbind',
        'return { status: 202, body: { operation: latestOperation(binding).token } };',
        'return { status: 202, body: { operation: 42 } };',
      ),
    ],
  },
  {
    id: 'operation-empty',
    ...{ items: [81, 102], plan: slow, caughtBy: ['operation-text'], shownBy: ['bind-works'] },
    what: 'has an operation that is empty',
    changes: [
      change(
        'bind',
        '  return { status: 202, body: { operation: operation.token } };',
        "  return { status: 202, body: { operation: '' } };",
      ),
      change('bind', '{ operation: latestOperation(known).token }', "{ operation: '' }"),
    ],
  },
  {
    id: 'operation-null',
    ...{ items: [50, 149], plan: quick, caughtBy: ['operation-absent'], shownBy: ['provision-works'] },
    what: 'has an operation of null where there is none',
    changes: [
      change(
        'provision',
        'return { status: 201, body: dashboardOf(instance) };',
        'return { status: 201, body: { ...dashboardOf(instance), operation: null } };',
      ),
    ],
  },
  {
    id: 'slower-than-promised',
    ...{ items: [123], plan: slow, caughtBy: ['poll-in-time'] },
    what: 'takes longer for a provision than maximum_polling_duration',
    changes: [
      change(
        'catalog',
        'binding_rotatable: true,\n    maximum_polling_duration: 600,',
        'binding_rotatable: true,\n    maximum_polling_duration: 1,',
      ),
      change(
        'state',
        'operation.timer = setTimeout(work, delayMs, operation);',
        "operation.timer = setTimeout(work, operation.description === 'Provisioning.' ? 1100 : delayMs, operation);",
      ),
    ],
  },
  {
    id: 'fetch-late',
    ...{ items: [65], plan: quick, caughtBy: ['fetch-instance'] },
    what: 'cannot fetch an instance in its first moments',
    changes: [
      change(
        'fetch',
        "  if (instance.state !== 'ready')",
        "  if (instance.operations.length === 1 && instance.operations[0].endedAt + 200 > Date.now()) throw new Refusal(404, 'NotFound', 'Not yet.');\n  if (instance.state !== 'ready')",
      ),
    ],
  },
  {
    id: 'fetch-other-service',
    ...{ items: [66], plan: quick, caughtBy: ['fetch-instance-ids'] },
    what: 'tells the name of the service for its id',
    changes: [change('fetch', 'service_id: serviceId,', "service_id: 'reference',")],
  },
  {
    id: 'fetch-parameters-of-text',
    ...{ items: [66], plan: quick, caughtBy: ['fetch-instance-parameters', 'update-parameters-told'] },
    what: 'tells all parameters as text',
    changes: [
      change(
        'fetch',
        '      parameters,\n',
        '      parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)])),\n',
      ),
    ],
  },
  {
    id: 'fetch-plan-needed',
    ...{ items: [69], plan: quick, caughtBy: ['fetch-instance-without-query'] },
    what: 'does not fetch an instance without plan_id',
    changes: [
      change(
        'fetch',
        'export function fetchInstance({ instanceId }: Call): Answer {',
        "export function fetchInstance({ instanceId, query }: Call): Answer {\n  if (!query.get('plan_id')) throw new Refusal(400, 'BadRequest', 'No plan_id.');",
      ),
    ],
  },
  {
    id: 'fetch-unknown-gone',
    ...{ items: [67, 136], plan: quick, caughtBy: ['fetch-instance-unknown'] },
    what: 'answers 410 to a GET of an instance that is not there',
    changes: [
      change(
        'fetch',
        "throw new Refusal(404, 'NotFound', 'There is no such service instance, or not yet.')",
        "throw new Refusal(410, 'Gone', 'There is no such service instance, or not yet.')",
      ),
    ],
  },
  {
    id: 'fetch-early',
    ...{ items: [67, 137], plan: slow, caughtBy: ['fetch-instance-early'] },
    what: 'fetches an instance that is being made',
    changes: [
      change('fetch', "instance.state === 'creating' ||", ''),
      change(
        'fetch',
        "  if (instance.state !== 'ready')",
        "  if (instance.state !== 'ready' && instance.state !== 'creating')",
      ),
    ],
  },
  {
    id: 'fetch-during-update',
    ...{ items: [68], plan: slow, caughtBy: ['fetch-instance-during-update'] },
    what: 'answers 404 to a GET of an instance that is being updated',
    changes: [
      change(
        'fetch',
        "  if (instance.state !== 'ready')",
        "  if (instance.state === 'updating') throw new Refusal(404, 'NotFound', 'It is being updated.');\n  if (instance.state !== 'ready')",
      ),
    ],
  },
  {
    id: 'fetch-deleted-gone',
    ...{ items: [68, 144], plan: quick, caughtBy: ['fetch-instance-deleted'] },
    what: 'answers 410 to a GET of an instance that was deleted',
    changes: [
      change(
        'fetch',
        "import { bindingOf, liveInstance } from './state.ts';",
        "import { bindingOf, instances, liveInstance } from './state.ts';",
      ),
      change(
        'fetch',
        '  const instance = liveInstance(instanceId);',
        "  const instance = liveInstance(instanceId);\n  if (instances.get(instanceId)?.state === 'deleted') throw new Refusal(410, 'Gone', 'It is deleted.');",
      ),
    ],
  },
  {
    id: 'fetch-nulls',
    ...{ items: [66], plan: 'reference-app/app', caughtBy: ['absent-not-null'], shownBy: ['fetch-instance'] },
    what: 'fetches null for maintenance_info that an instance does not have',
    changes: [
      change(
        'fetch',
        '...(maintenanceVersion !== undefined && { maintenance_info: { version: maintenanceVersion } }),',
        'maintenance_info: maintenanceVersion === undefined ? null : { version: maintenanceVersion },',
      ),
    ],
  },
];
