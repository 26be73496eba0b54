/** PUT of a binding. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const app = 'reference-app/app';
const file = 'bind';
const made = '    return { status: 201, body: bindingBody(binding) };';
const joined =
  "if (known?.state === 'creating') return { status: 202, body: { operation: latestOperation(known).token } };";
const same = "if (known?.state === 'ready') return { status: 200, body: bindingBody(known) };";
const sameParameters = 'return isDeepStrictEqual(parameters, known.parameters) && appGuid === known.appGuid;';
const waits = '      if (acceptsIncomplete) return;';

export const bindMutants: readonly Mutant[] = [
  {
    id: 'bind-ok',
    ...{ items: [92], plan: quick, caughtBy: ['bind-works', 'rotate'] },
    what: 'answers 200 to a new binding',
    changes: [change(file, made, made.replace('201', '200'))],
  },
  {
    id: 'bind-without-credentials',
    ...{ items: [96], plan: quick, caughtBy: ['bind-works'] },
    what: 'answers a bind without credentials',
    changes: [change(file, made, '    return { status: 201, body: {} };')],
  },
  {
    id: 'bind-fails',
    ...{ items: [92, 109], plan: slow, caughtBy: ['bind-works'] },
    also: { 'race-bind': 'these binds fail as well' },
    what: 'fails every asynchronous bind',
    changes: [change(file, "const fails = instance.state !== 'ready';", 'const fails = true;')],
  },
  {
    id: 'bind-poll-lost',
    ...{ items: [92, 109], plan: slow, caughtBy: ['bind-works'] },
    what: 'answers 500 to polls for a bind',
    changes: [
      change(
        'last-operation',
        '  return poll(binding, query);',
        "  if (binding.state === 'creating') throw new Error('no polls');\n  return poll(binding, query);",
      ),
    ],
  },
  {
    id: 'credentials-text',
    ...{ items: [96], plan: quick, caughtBy: ['bind-works', 'credentials-object'] },
    what: 'gives credentials as text',
    changes: [
      change(
        file,
        /* whole line */ `credentials: { username, password, uri: \`reference://\${username}:\${password}@\${host}:5432/\${path}\` },`,
        'credentials: JSON.stringify({ username, password, path }),',
      ),
    ],
  },
  {
    id: 'bind-asynchronous-anyway',
    ...{ items: [16, 92], plan: slow, caughtBy: ['bind-synchronous', 'accepted-only-if-asked'] },
    what: 'binds asynchronously for who cannot poll',
    changes: [
      change(
        file,
        "  if (isAsynchronous(planId) && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);\n",
        '',
      ),
    ],
  },
  {
    id: 'bind-without-service',
    ...{ items: [90], plan: quick, caughtBy: ['bind-without-service-id'] },
    what: 'binds without service_id',
    changes: [
      change(
        file,
        "rotates ? optionalText(body, 'service_id') : requiredText(body, 'service_id')",
        "optionalText(body, 'service_id')",
      ),
    ],
  },
  {
    id: 'bind-without-plan',
    ...{ items: [90], plan: quick, caughtBy: ['bind-without-plan-id'] },
    what: 'binds without plan_id',
    changes: [
      change(
        file,
        "rotates ? optionalText(body, 'plan_id') : requiredText(body, 'plan_id')",
        "optionalText(body, 'plan_id')",
      ),
    ],
  },
  {
    id: 'bind-service-not-found',
    ...{ items: [13, 90], plan: quick, caughtBy: ['bind-unknown-bad-request'] },
    what: 'answers 404 to a bind with a service that it does not have',
    changes: [
      change(
        file,
        "Refusal(400, 'BadRequest', 'service_id is not in the catalog.')",
        "Refusal(404, 'NotFound', 'service_id is not in the catalog.')",
      ),
    ],
  },
  {
    id: 'bind-plan-not-found',
    ...{ items: [13, 90], plan: quick, caughtBy: ['bind-unknown-bad-request'] },
    what: 'answers 404 to a bind with a plan that it does not have',
    changes: [
      change(
        file,
        "Refusal(400, 'BadRequest', 'plan_id is not a plan of this service.')",
        "Refusal(404, 'NotFound', 'plan_id is not a plan of this service.')",
      ),
    ],
  },
  {
    id: 'bind-any-service',
    ...{ items: [90], plan: quick, caughtBy: ['bind-unknown-service'] },
    what: 'binds whatever service_id says',
    changes: [
      change(
        file,
        "rotates ? optionalText(body, 'service_id') : requiredText(body, 'service_id')",
        "findService(rotates ? optionalText(body, 'service_id') : requiredText(body, 'service_id'))?.id",
      ),
    ],
  },
  {
    id: 'bind-any-plan',
    ...{ items: [90], plan: quick, caughtBy: ['bind-unknown-plan'] },
    what: 'binds whatever plan_id says',
    changes: [
      change(
        file,
        "rotates ? optionalText(body, 'plan_id') : requiredText(body, 'plan_id')",
        "findPlan(serviceId, rotates ? optionalText(body, 'plan_id') : requiredText(body, 'plan_id'))?.id",
      ),
    ],
  },
  {
    id: 'bind-any-parameters',
    ...{ items: [91], plan: quick, caughtBy: ['bind-forbidden-parameters'] },
    what: 'binds with parameters that their schema forbids',
    changes: [
      change(
        file,
        '  checkParameters(request.parameters, plan.schemas?.service_binding.create.parameters);\n',
        '',
      ),
    ],
  },
  {
    id: 'refused-bind-stays-bound',
    ...{ items: [14, 90], plan: quick, caughtBy: ['bind-refused-leaves-nothing'] },
    what: 'notes a binding before it refuses the plan',
    changes: [
      change(
        file,
        '  const request = readRequest(body);',
        `  if (instances.get(instanceId)?.planId !== body.plan_id && !body.predecessor_binding_id) halves.add(bindingId);
  const request = readRequest(body);`,
      ),
      change(
        file,
        '/** PUT of a binding:',
        'export const halves = new Set<string>();\n/** PUT of a binding:',
      ),
      change(file, '  endOperation,\n', '  endOperation,\n  instances,\n'),
      change(
        'unbind',
        '  const binding = bindingOf(instanceId, bindingId);',
        `  const binding = bindingOf(instanceId, bindingId);
  if (binding === undefined && halves.delete(bindingId)) return { status: 200, body: {} };`,
      ),
      change(
        'unbind',
        'import { asyncRequired,',
        "import { halves } from './bind.ts';\nimport { asyncRequired,",
      ),
    ],
  },
  {
    id: 'bind-unknown-fields-refused',
    ...{ items: [7], plan: quick, caughtBy: ['bind-nulls'] },
    what: 'refuses fields of a bind that it does not know',
    changes: [
      change(
        file,
        '  optionalContext(body);',
        "  const fields = ['service_id', 'plan_id', 'context', 'bind_resource', 'app_guid', 'parameters', 'predecessor_binding_id'];\n  if (Object.keys(body).some((key) => !fields.includes(key))) throw new Refusal(400, 'BadRequest', 'Unknown field.');\n  optionalContext(body);",
      ),
    ],
  },
  {
    id: 'requires-app-other-word',
    ...{ items: [18, 94], plan: app, caughtBy: ['bind-service-key'] },
    what: 'has another word for RequiresApp',
    changes: [change(file, "'RequiresApp', requiresApp", "'AppNeeded', requiresApp")],
  },
  {
    id: 'app-in-one-place',
    ...{ items: [18, 94, 103], plan: app, caughtBy: ['bind-app-in-either-place'] },
    what: 'does not look for the app in app_guid',
    changes: [
      change(
        file,
        "optionalText(resource, 'app_guid') ?? optionalText(body, 'app_guid')",
        "optionalText(resource, 'app_guid')",
      ),
    ],
  },
  {
    id: 'bind-repeat-empty',
    ...{ items: [93], plan: quick, caughtBy: ['bind-repeat'] },
    what: 'leaves out the credentials when a bind is repeated',
    changes: [change(file, same, "if (known?.state === 'ready') return { status: 200, body: {} };")],
  },
  {
    id: 'bind-repeat-other-operation',
    ...{ items: [93], plan: slow, caughtBy: ['bind-repeat-early'] },
    what: 'names another operation when the bind that runs is repeated',
    changes: [change(file, joined, joined.replace('latestOperation(known).token', "'another'"))],
  },
  {
    id: 'bind-repeat-busy',
    ...{ items: [93], plan: slow, caughtBy: ['bind-repeat-early'] },
    what: 'answers 422 to the same bind while it runs',
    changes: [
      change(
        file,
        joined,
        "if (known?.state === 'creating') throw new Refusal(422, 'ConcurrencyError', concurrency);",
      ),
    ],
  },
  {
    id: 'bind-conflict-unseen',
    ...{ items: [93], plan: quick, caughtBy: ['bind-conflict-parameters'] },
    what: 'does not compare the parameters of a repeated bind',
    changes: [change(file, sameParameters, 'return appGuid === known.appGuid;')],
  },
  {
    id: 'bind-early-conflict-unseen',
    ...{ items: [93], plan: slow, caughtBy: ['bind-conflict-early-parameters'] },
    what: 'does not compare the parameters of a bind that is repeated early',
    changes: [
      change(
        file,
        sameParameters,
        `if (known.state === 'creating') return appGuid === known.appGuid;\n  ${sameParameters}`,
      ),
    ],
  },
  {
    id: 'bind-conflict-plan-unseen',
    ...{ items: [90, 93], plan: quick, caughtBy: ['bind-conflict-plan'] },
    what: 'does not compare the plan of a repeated bind',
    changes: [
      change(file, '  if (serviceId !== known.serviceId || planId !== known.planId) return false;\n', ''),
    ],
  },
  {
    id: 'bind-early-not-found',
    ...{ items: [17, 95, 137], plan: slow, caughtBy: ['bind-early'] },
    what: 'answers 404 to a bind while the instance is being made',
    changes: [
      change(
        file,
        waits,
        `      if (instance.state === 'creating') throw new Refusal(404, 'NotFound', 'Not yet.');\n${waits}`,
      ),
    ],
  },
  {
    id: 'bind-during-update-conflict',
    ...{ items: [17, 95, 140], plan: slow, caughtBy: ['bind-during-update'] },
    what: 'answers 409 to a bind while the instance is being updated',
    changes: [
      change(
        file,
        waits,
        `      if (instance.state === 'updating') throw new Refusal(409, 'Conflict', 'It is being updated.');\n${waits}`,
      ),
    ],
  },
  {
    id: 'bind-late-not-found',
    ...{ items: [17, 95, 142], plan: slow, caughtBy: ['bind-late'] },
    what: 'answers 404 to a bind while the instance is being deleted',
    changes: [
      change(
        file,
        "    case 'deleting':\n      throw new Refusal(422, 'ConcurrencyError', concurrency);",
        "    case 'deleting':\n      throw new Refusal(404, 'NotFound', 'It is being deleted.');",
      ),
    ],
  },
  {
    id: 'bind-unknown-gone',
    ...{ items: [95], plan: quick, caughtBy: ['bind-unknown-instance'] },
    what: 'answers 410 to a bind to an instance that never was',
    changes: [
      change(
        file,
        "Refusal(404, 'NotFound', 'There is no such service instance.')",
        "Refusal(410, 'Gone', 'There is no such service instance.')",
      ),
    ],
  },
  {
    id: 'bind-not-bindable',
    ...{ items: [101], plan: quick, caughtBy: ['bind-not-bindable'] },
    what: 'binds plans that cannot be bound',
    changes: [change(file, 'if (!plan?.bindable) throw', 'if (plan === undefined) throw')],
  },
  {
    id: 'one-user-for-all',
    ...{
      items: [96],
      plan: quick,
      caughtBy: ['bind-own-credentials', 'race-bind-credentials', 'rotate-new-credentials'],
    },
    what: 'gives all bindings of an instance the same credentials',
    changes: [
      change(file, `username: \`user-\${randomBytes(8).toString('hex')}\`,`, "username: 'user',"),
      change(file, "password: randomBytes(16).toString('hex'),", 'password: instanceId,'),
    ],
  },
];
