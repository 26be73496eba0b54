/** The bodies of errors, and the order in which faults are named. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const http = 'http-server';
const body = 'body: { error: word, description: message }';
const asyncCheck = `if (isAsynchronous(planId) && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);`;

export const errorMutants: readonly Mutant[] = [
  {
    id: 'unknown-plan-counts-as-asynchronous',
    ...{ items: [22], plan: quick, caughtBy: ['order-ids-before-async'] },
    what: 'says AsyncRequired to a provision of a plan that it does not know',
    changes: [
      change(
        'provision',
        '  if (plan === undefined) throw',
        "  if (plan === undefined && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);\n  if (plan === undefined) throw",
      ),
    ],
  },
  {
    id: 'async-before-maintenance',
    ...{
      items: [22],
      plan: slow,
      caughtBy: ['order-maintenance-before-async', 'order-conflict-before-async'],
    },
    what: 'says AsyncRequired before MaintenanceInfoConflict',
    changes: [
      change(
        'provision',
        '  const version = maintenanceVersion(body);',
        `  ${asyncCheck}\n  const version = maintenanceVersion(body);`,
      ),
    ],
  },
  {
    id: 'async-before-conflict',
    ...{ items: [22], plan: slow, caughtBy: ['order-conflict-before-async'] },
    what: 'says AsyncRequired before it sees a conflict',
    changes: [
      change(
        'provision',
        '  const known = liveInstance(instanceId);',
        `  ${asyncCheck}\n  const known = liveInstance(instanceId);`,
      ),
    ],
  },
  {
    id: 'words-with-spaces',
    ...{ items: [15], plan: quick, caughtBy: ['error-word'], shownBy: ['fetch-instance-unknown'] },
    what: 'writes an error of two words',
    changes: [
      change(
        'fetch',
        "'NotFound', 'There is no such service instance, or not yet.'",
        "'not found', 'There is no such service instance, or not yet.'",
      ),
    ],
  },
  {
    id: 'words-in-lower-case',
    ...{ items: [15], plan: quick, caughtBy: ['error-camel-case'], shownBy: ['fetch-instance-unknown'] },
    what: 'writes an error without a capital',
    changes: [
      change(
        'fetch',
        "'NotFound', 'There is no such service instance, or not yet.'",
        "'notFound', 'There is no such service instance, or not yet.'",
      ),
    ],
  },
  {
    id: 'empty-word',
    ...{ items: [15], plan: quick, caughtBy: ['error-word'], shownBy: ['deprovision-unknown'] },
    what: 'leaves the error of a 410 empty',
    changes: [change(http, body, "body: { error: status === 410 ? '' : word, description: message }")],
  },
  {
    id: 'empty-description',
    ...{ items: [15], plan: quick, caughtBy: ['error-description'], shownBy: ['fetch-instance-unknown'] },
    what: 'leaves the description of a 404 empty',
    changes: [change(http, body, "body: { error: word, description: status === 404 ? '' : message }")],
  },
  {
    id: 'description-object',
    ...{ items: [15], plan: quick, caughtBy: ['error-description'], shownBy: ['provision-unknown-plan'] },
    what: 'puts an object where the description of an error belongs',
    changes: [
      change(http, body, 'body: { error: word, description: status === 400 ? { text: message } : message }'),
    ],
  },
  {
    id: 'no-description',
    ...{ items: [15], plan: quick, caughtBy: ['error-body'], shownBy: ['fetch-instance-unknown'] },
    what: 'says nothing with a 404',
    changes: [change(http, body, 'body: status === 404 ? {} : { error: word, description: message }')],
  },
  {
    id: 'empty-gone',
    ...{ items: [12], plan: quick, caughtBy: ['error-gone-body'], shownBy: ['deprovision-unknown'] },
    what: 'sends no body with a 410',
    changes: [
      change(
        http,
        '  response.end(JSON.stringify(body));',
        "  response.end(status === 410 ? '' : JSON.stringify(body));",
      ),
    ],
  },
  {
    id: 'stack-traces',
    ...{ items: [15], plan: quick, caughtBy: ['error-innards'], shownBy: ['provision-unknown-plan'] },
    what: 'shows its stack with a 400',
    changes: [
      change(
        http,
        body,
        'body: { error: word, description: status === 400 ? String(error.stack) : message }',
      ),
    ],
  },
  {
    id: 'async-required-400',
    ...{ items: [16, 43], plan: slow, caughtBy: ['provision-synchronous', 'error-code-status'] },
    what: 'answers AsyncRequired to a provision with 400',
    changes: [change('provision', "Refusal(422, 'AsyncRequired'", "Refusal(400, 'AsyncRequired'")],
  },
  {
    id: 'requires-app-400',
    ...{ items: [18, 94], plan: 'reference-app/app', caughtBy: ['bind-service-key', 'error-code-status'] },
    what: 'answers RequiresApp with 400',
    changes: [change('bind', "Refusal(422, 'RequiresApp'", "Refusal(400, 'RequiresApp'")],
  },
  {
    id: 'own-sentence-for-async',
    ...{ items: [20], plan: slow, caughtBy: ['sentence-asyncrequired'], shownBy: ['provision-synchronous'] },
    what: 'says AsyncRequired in words of its own',
    changes: [
      change(
        'refusal',
        "'This service plan requires client support for",
        "'This plan requires client support for",
      ),
    ],
  },
  {
    id: 'own-sentence-for-concurrency',
    ...{ items: [20], plan: slow, caughtBy: ['sentence-concurrencyerror'], shownBy: ['update-collision'] },
    what: 'says ConcurrencyError in words of its own',
    changes: [change('refusal', 'that mutate the same resource.', 'on the same resource.')],
  },
  {
    id: 'own-sentence-for-apps',
    ...{
      items: [20],
      plan: 'reference-app/app',
      caughtBy: ['sentence-requiresapp'],
      shownBy: ['bind-service-key'],
    },
    what: 'says RequiresApp in words of its own',
    changes: [change('refusal', 'through binding an application only.', 'to applications only.')],
  },
  {
    id: 'usable-in-success',
    ...{ items: [21], plan: quick, caughtBy: ['instance-usable'], shownBy: ['update-parameters'] },
    what: 'says instance_usable in the 200 to an update',
    changes: [
      change(
        'update',
        "recordDone(instance, 'Updated.');\n    return { status: 200, body: {} };",
        "recordDone(instance, 'Updated.');\n    return { status: 200, body: { instance_usable: true } };",
      ),
    ],
  },
  {
    id: 'usable-text',
    ...{ items: [21, 62], plan: quick, caughtBy: ['instance-usable'], shownBy: ['update-unknown-plan'] },
    what: 'says instance_usable as a text',
    changes: [
      change(
        http,
        body,
        "body: { error: word, description: message, ...(request.method === 'PATCH' && { instance_usable: 'true' }) }",
      ),
      change(http, '.catch(refusalAnswer)', '.catch((error) => refusalAnswer(error, request))'),
      change(
        http,
        'function refusalAnswer(error: unknown)',
        'function refusalAnswer(error: unknown, request: IncomingMessage)',
      ),
    ],
  },
  {
    id: 'repeatable-in-provision',
    ...{ items: [21], plan: slow, caughtBy: ['update-repeatable'], shownBy: ['provision-works'] },
    what: 'says update_repeatable when it is polled for a provision',
    changes: [
      change(
        'last-operation',
        'body: { state, description, ...afterwards }',
        "body: { state, description, ...(description.startsWith('Provision') && { update_repeatable: true }), ...afterwards }",
      ),
    ],
  },
];
