/** PATCH of an instance. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const file = 'update';
const cf = 'cloudfoundry' as const;
const target = "  const target = findPlan(serviceId, optionalText(body, 'plan_id') ?? instance.planId);";
const context = '  const context = optionalContext(body);';
const applied = '    Object.assign(instance, wanted);';
const running = '    return { status: 202, body: { operation: latestOperation(instance).token } };';
const idle = 'if (isDeepStrictEqual(changeableOf(instance), wanted)) return { status: 200, body: {} };';
const busy = "throw new Refusal(422, 'ConcurrencyError', concurrency);";

export const updateMutants: readonly Mutant[] = [
  {
    id: 'update-fails',
    ...{ items: [71], plan: slow, caughtBy: ['update-parameters'] },
    what: 'fails every update of parameters',
    changes: [
      change(
        file,
        "if (wanted.parameters.notes === 'please fail') {",
        'if (Object.keys(wanted.parameters).length > 0) {',
      ),
    ],
  },
  {
    id: 'update-poll-lost',
    ...{ items: [71, 121], plan: slow, caughtBy: ['update-parameters', 'update-plan'] },
    what: 'answers 404 to polls for an update',
    changes: [
      change(
        'last-operation',
        '  const { state, description, afterwards } = operation;',
        "  if (operation.description.startsWith('Updat')) throw new Refusal(404, 'NotFound', 'What update?');\n  const { state, description, afterwards } = operation;",
      ),
    ],
  },
  {
    id: 'update-parameters-lost',
    ...{ items: [69, 71], plan: quick, caughtBy: ['update-parameters-told'] },
    what: 'accepts new parameters and forgets them',
    changes: [
      change(file, applied, '    Object.assign(instance, wanted, { parameters: instance.parameters });'),
    ],
  },
  {
    id: 'update-plan-lost',
    ...{ items: [69, 71, 74], plan: quick, caughtBy: ['update-plan'] },
    what: 'accepts a new plan and forgets it',
    changes: [change(file, applied, '    Object.assign(instance, wanted, { planId: instance.planId });')],
  },
  {
    id: 'update-plan-anyway',
    ...{ items: [74], plan: 'reference-app/app', caughtBy: ['update-plan-forbidden'] },
    what: 'changes plans that cannot be changed',
    changes: [change(file, 'if (changesPlan && !service.plan_updateable) {', 'if (false) {')],
  },
  {
    id: 'update-plan-bad-request',
    ...{ items: [13, 74], plan: 'reference-app/app', caughtBy: ['update-plan-forbidden'] },
    what: 'answers 400 to a change of a plan that cannot be changed',
    changes: [
      change(
        file,
        "throw new Refusal(422, 'PlanChangeNotSupported'",
        "throw new Refusal(400, 'PlanChangeNotSupported'",
      ),
    ],
  },
  {
    id: 'update-resets-plan',
    ...{ items: [70], plan: quick, caughtBy: ['update-keeps-plan'] },
    also: {
      'update-maintenance-same': 'by then the instance is of the other plan, which has another version',
    },
    what: 'moves an instance to another plan when new parameters come without plan_id',
    changes: [
      change(
        file,
        target,
        "  const target = findPlan(serviceId, optionalText(body, 'plan_id') ?? (body.parameters === undefined ? instance.planId : service.plans[1].id));",
      ),
    ],
  },
  {
    id: 'update-resets-parameters',
    ...{ items: [70], plan: quick, caughtBy: ['update-keeps-parameters'] },
    what: 'clears the parameters when an update has none',
    changes: [
      change(
        file,
        'sentParameters(parameters, context) ?? instance.parameters',
        'sentParameters(parameters, context) ?? {}',
      ),
    ],
  },
  {
    id: 'update-without-service',
    ...{ items: [70], plan: quick, caughtBy: ['update-without-service-id'] },
    what: 'updates without service_id',
    changes: [
      change(
        file,
        "requiredText(body, 'service_id')",
        "optionalText(body, 'service_id') ?? liveInstance(instanceId)?.serviceId ?? ''",
      ),
    ],
  },
  {
    id: 'update-service-not-found',
    ...{ items: [13, 70], plan: quick, caughtBy: ['update-other-service'] },
    what: 'answers 404 to an update with a service that it does not have',
    changes: [
      change(
        file,
        "Refusal(400, 'BadRequest', 'service_id is not in the catalog.')",
        "Refusal(404, 'NotFound', 'service_id is not in the catalog.')",
      ),
    ],
  },
  {
    id: 'update-unknown-plan-ignored',
    ...{ items: [75], plan: quick, caughtBy: ['update-unknown-plan'] },
    what: 'ignores a plan that it does not have in an update',
    changes: [change(file, target, `${target.slice(0, -1)} ?? findPlan(serviceId, instance.planId);`)],
  },
  {
    id: 'update-malformed-ignored',
    ...{ items: [8, 40], plan: quick, caughtBy: ['update-malformed'] },
    what: 'takes an update that is no JSON object for an empty one',
    changes: [
      change(
        'http-server',
        "if (!isObject(body)) throw new Refusal(400, 'BadRequest', 'The body must be a JSON object.');",
        "if (!isObject(body) && method === 'PATCH') return { service_id: '3c1f7a52-52fd-4e0d-9f5c-1a2b3c4d5e01' };\n  if (!isObject(body)) throw new Refusal(400, 'BadRequest', 'The body must be a JSON object.');",
      ),
      change(
        'http-server',
        "parseBody(bytes, request.headers['content-type'])",
        "parseBody(bytes, request.headers['content-type'], request.method)",
      ),
      change(
        'http-server',
        "contentType = 'application/json'): JsonObject",
        "contentType = 'application/json', method = ''): JsonObject",
      ),
    ],
  },
  {
    id: 'update-any-parameters',
    ...{ items: [75], plan: quick, caughtBy: ['update-forbidden-parameters'] },
    what: 'updates to parameters that their schema forbids',
    changes: [
      change(
        file,
        '  checkParameters(parameters ?? {}, target.schemas?.service_instance.update.parameters);\n',
        '',
      ),
    ],
  },
  {
    id: 'update-half-applied',
    ...{ items: [14, 77], plan: quick, caughtBy: ['update-refused-changes-nothing'] },
    what: 'applies new parameters before it refuses the plan',
    changes: [
      change(file, target, `  if (body.parameters) instance.parameters = body.parameters;\n${target}`),
    ],
  },
  {
    id: 'update-asynchronous-anyway',
    ...{ items: [16, 73], plan: slow, caughtBy: ['update-synchronous', 'accepted-only-if-asked'] },
    what: 'updates asynchronously for who cannot poll',
    changes: [
      change(
        file,
        "  if (asynchronous && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);\n",
        '',
      ),
    ],
  },
  {
    id: 'update-async-other-word',
    ...{ items: [16, 73], plan: slow, caughtBy: ['update-synchronous'] },
    what: 'has another word for AsyncRequired in updates',
    changes: [change(file, "'AsyncRequired', asyncRequired", "'AsynchronousOnly', asyncRequired")],
  },
  {
    id: 'update-repeat-busy',
    ...{ items: [72], plan: slow, caughtBy: ['update-repeat-early'] },
    what: 'answers 422 to the same update while it runs',
    changes: [change(file, '      if (isDeepStrictEqual(instance.wanted, wanted)) return;\n', '')],
  },
  {
    id: 'update-repeat-other-operation',
    ...{ items: [72], plan: slow, caughtBy: ['update-repeat-early'] },
    what: 'names another operation when the update that runs is repeated',
    also: { 'race-update': 'there the same update is repeated as well' },
    changes: [change(file, running, "    return { status: 202, body: { operation: 'another' } };")],
  },
  {
    id: 'update-joined',
    ...{ items: [17, 72], plan: slow, caughtBy: ['update-collision'] },
    what: 'takes another update for the one that runs',
    changes: [
      change(file, '      if (isDeepStrictEqual(instance.wanted, wanted)) return;\n', '      return;\n'),
    ],
  },
  {
    id: 'update-collision-other-word',
    ...{ items: [17], plan: slow, caughtBy: ['update-collision'] },
    what: 'has another word for ConcurrencyError in updates',
    changes: [
      change(
        file,
        `      if (isDeepStrictEqual(instance.wanted, wanted)) return;\n      ${busy}`,
        "      if (isDeepStrictEqual(instance.wanted, wanted)) return;\n      throw new Refusal(422, 'Busy', concurrency);",
      ),
    ],
  },
  {
    id: 'update-during-provision-conflict',
    ...{ items: [17, 80, 137], plan: slow, caughtBy: ['update-during-provision'] },
    what: 'answers 409 to an update while the instance is being made',
    changes: [
      change(
        file,
        "    case 'creating':\n",
        "    case 'creating':\n      throw new Refusal(409, 'Conflict', 'It is being made.');\n",
      ),
    ],
  },
  {
    id: 'update-during-deprovision-not-found',
    ...{ items: [17, 80, 142], plan: slow, caughtBy: ['update-during-deprovision'] },
    what: 'answers 404 to an update while the instance is being deleted',
    changes: [
      change(
        file,
        `    case 'deleting':\n      ${busy}`,
        `      ${busy}\n    case 'deleting':\n      throw new Refusal(404, 'NotFound', 'It is being deleted.');`,
      ),
    ],
  },
  {
    id: 'update-unknown-gone',
    ...{ items: [80], plan: quick, caughtBy: ['update-unknown-instance'] },
    what: 'answers 410 to an update of an instance that never was',
    changes: [
      change(
        file,
        "Refusal(404, 'NotFound', 'There is no such service instance.')",
        "Refusal(410, 'Gone', 'There is no such service instance.')",
      ),
    ],
  },
  {
    id: 'update-maintenance-unchecked',
    ...{ items: [19, 76], plan: quick, caughtBy: ['update-maintenance-conflict'] },
    what: 'updates to any maintenance_info.version',
    changes: [change(file, 'if (version !== undefined && version !== offered) {', 'if (false) {')],
  },
  {
    id: 'update-maintenance-never',
    ...{ items: [76], plan: quick, caughtBy: ['update-maintenance-same'] },
    what: 'refuses an update to the maintenance_info.version of the catalog',
    changes: [
      change(file, 'if (version !== undefined && version !== offered) {', 'if (version !== undefined) {'),
    ],
  },
  {
    id: 'update-previous-values-refused',
    ...{ items: [79], plan: quick, caughtBy: ['update-previous-values'] },
    what: 'refuses an update whose previous_values are empty',
    changes: [
      change(
        file,
        context,
        `${context}\n  if (body.previous_values && Object.keys(body.previous_values).length === 0) throw new Refusal(400, 'BadRequest', 'previous_values are empty.');`,
      ),
    ],
  },
  {
    id: 'update-previous-values-checked',
    ...{ items: [79], plan: quick, caughtBy: ['update-previous-values-wrong'] },
    what: 'refuses an update whose previous_values are not its own',
    changes: [
      change(
        file,
        context,
        `${context}\n  const before = body.previous_values?.plan_id;\n  if (before && before !== instance.planId) throw new Refusal(400, 'BadRequest', 'previous_values are wrong.');`,
      ),
    ],
  },
  {
    id: 'update-context-refused',
    ...{ items: [78], plan: quick, caughtBy: ['update-context'] },
    what: 'refuses another context, though its catalog allows it',
    changes: [
      change(
        file,
        context,
        `${context}\n  if (context !== undefined && !isDeepStrictEqual(context, instance.context)) throw new Refusal(422, 'NoContext', 'The context cannot be changed.');`,
      ),
    ],
  },
  {
    id: 'update-of-nothing-refused',
    ...{ items: [71], plan: quick, caughtBy: ['update-empty'] },
    what: 'refuses an update that changes nothing',
    changes: [
      change(
        file,
        idle,
        "if (isDeepStrictEqual(changeableOf(instance), wanted)) throw new Refusal(422, 'NothingToDo', 'Nothing changes.');",
      ),
    ],
  },
  {
    id: 'rename-clears-parameters',
    ...{ items: [70, 78], plan: quick, platform: cf, caughtBy: ['cloudfoundry-rename'] },
    what: 'clears the parameters when Cloud Foundry renames an instance',
    changes: [
      change(
        file,
        "return isEmpty && context?.platform === 'cloudfoundry' ? undefined : parameters;",
        'return parameters;',
      ),
    ],
  },
  {
    id: 'update-needs-something',
    ...{
      items: [70],
      plan: quick,
      platform: 'kubernetes',
      caughtBy: ['kubernetes-empty-update', 'update-empty', 'update-context'],
    },
    what: 'refuses an update with neither plan nor parameters',
    changes: [
      change(
        file,
        context,
        `${context}\n  if (body.plan_id === undefined && parameters === undefined) throw new Refusal(400, 'BadRequest', 'Nothing to update.');`,
      ),
    ],
    also: {
      'update-maintenance-conflict': 'an update of the version alone has neither',
    },
  },
];
