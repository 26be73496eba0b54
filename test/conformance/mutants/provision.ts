/** PUT of an instance. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const file = 'provision';
const made = 'return { status: 201, body: dashboardOf(instance) };';
const begun = 'return { status: 202, body: { ...dashboardOf(instance), operation: operation.token } };';
const context = '  const context = optionalContext(body);';

export const provisionMutants: readonly Mutant[] = [
  {
    id: 'provision-ok',
    ...{ items: [42], plan: quick, caughtBy: ['provision-works'] },
    what: 'answers 200 to a new instance',
    changes: [change(file, made, made.replace('201', '200'))],
  },
  {
    id: 'provision-fails',
    ...{ items: [121], plan: slow, caughtBy: ['provision-works'] },
    what: 'fails every asynchronous provision',
    changes: [change(file, "const fails = parameters.notes === 'please fail';", 'const fails = true;')],
  },
  {
    id: 'provision-without-service',
    ...{ items: [38], plan: quick, caughtBy: ['provision-without-service-id'] },
    what: 'takes its first service for a missing service_id',
    changes: [
      change(
        file,
        "requiredText(body, 'service_id')",
        "String(body.service_id || '3c1f7a52-52fd-4e0d-9f5c-1a2b3c4d5e01')",
      ),
    ],
  },
  {
    id: 'provision-without-plan',
    ...{ items: [38], plan: quick, caughtBy: ['provision-without-plan-id'] },
    what: 'takes its first plan for a missing plan_id',
    changes: [
      change(
        file,
        "requiredText(body, 'plan_id')",
        "String(body.plan_id || 'a3e8b1c4-7b0a-4a4d-b1d2-9f0e1d2c3b01')",
      ),
    ],
  },
  {
    id: 'provision-without-organization',
    ...{ items: [38], plan: quick, caughtBy: ['provision-without-organization-guid'] },
    what: 'makes an instance for no organization',
    changes: [
      change(file, "requiredText(body, 'organization_guid')", "String(body.organization_guid ?? '')"),
    ],
  },
  {
    id: 'provision-with-empty-space',
    ...{ items: [38], plan: quick, caughtBy: ['provision-without-space-guid'] },
    what: 'makes an instance for an empty space_guid',
    changes: [
      change(
        file,
        "const spaceGuid = requiredText(body, 'space_guid')",
        "const spaceGuid = body.space_guid === '' ? '' : requiredText(body, 'space_guid')",
      ),
    ],
  },
  {
    id: 'provision-service-not-found',
    ...{ items: [13, 39], plan: quick, caughtBy: ['provision-unknown-bad-request'] },
    what: 'answers 404 to a provision of a service that it does not have',
    changes: [
      change(
        file,
        "throw new Refusal(400, 'BadRequest', 'service_id is not in",
        "throw new Refusal(404, 'NotFound', 'service_id is not in",
      ),
    ],
  },
  {
    id: 'provision-plan-not-found',
    ...{ items: [13, 39], plan: quick, caughtBy: ['provision-unknown-bad-request'] },
    what: 'answers 404 to a provision of a plan that nobody has',
    changes: [
      change(
        file,
        '  if (plan === undefined) throw',
        "  const foreign = findPlan('58b2f6de-0a9c-4f3b-bb6a-7c8d9e0f1a02', planId);\n  if (plan === undefined && foreign === undefined) throw new Refusal(404, 'NotFound', 'There is no such plan.');\n  if (plan === undefined) throw",
      ),
    ],
  },
  {
    id: 'provision-any-service',
    ...{ items: [39], plan: quick, caughtBy: ['provision-unknown-service'] },
    what: 'takes its first service for one that it does not have',
    changes: [
      change(
        file,
        "const serviceId = requiredText(body, 'service_id');",
        "const named = requiredText(body, 'service_id');\n  const serviceId = findService(named) === undefined ? '3c1f7a52-52fd-4e0d-9f5c-1a2b3c4d5e01' : named;",
      ),
    ],
  },
  {
    id: 'provision-any-plan',
    ...{ items: [39], plan: quick, caughtBy: ['provision-unknown-plan'] },
    what: 'takes its first plan for one that nobody has',
    changes: [
      change(
        file,
        'const plan = findPlan(serviceId, planId);',
        "const foreign = findPlan('58b2f6de-0a9c-4f3b-bb6a-7c8d9e0f1a02', planId);\n  const plan = findPlan(serviceId, planId) ?? (foreign ? undefined : findPlan(serviceId, 'a3e8b1c4-7b0a-4a4d-b1d2-9f0e1d2c3b01'));",
      ),
    ],
  },
  {
    id: 'provision-foreign',
    ...{ items: [39], plan: quick, caughtBy: ['provision-foreign-plan'] },
    what: 'makes an instance of a plan of another service',
    changes: [
      change(
        file,
        'const plan = findPlan(serviceId, planId);',
        "const plan = findPlan(serviceId, planId) ?? findPlan('58b2f6de-0a9c-4f3b-bb6a-7c8d9e0f1a02', planId);",
      ),
    ],
  },
  {
    id: 'texts-for-objects',
    ...{ items: [40], plan: quick, caughtBy: ['provision-wrong-types'] },
    what: 'takes parameters that are text for none',
    changes: [
      change(
        'call',
        '  if (!isObject(value)) throw new Refusal(',
        '  if (!isObject(value)) return {};\n  if (false) throw new Refusal(',
      ),
    ],
  },
  {
    id: 'wrong-types-unprocessable',
    ...{ items: [40], plan: quick, caughtBy: ['provision-wrong-types'] },
    what: 'answers 422 to a field of the wrong type',
    changes: [
      change(
        'call',
        `throw new Refusal(400, 'BadRequest', \`\${name} must be a string.\`)`,
        `throw new Refusal(422, 'WrongType', \`\${name} must be a string.\`)`,
      ),
    ],
  },
  {
    id: 'provision-any-parameters',
    ...{ items: [41], plan: quick, caughtBy: ['provision-forbidden-parameters'] },
    what: 'makes instances with parameters that their schema forbids',
    changes: [
      change(file, '  checkParameters(parameters, plan.schemas?.service_instance.create.parameters);\n', ''),
    ],
  },
  {
    id: 'parameters-unnamed',
    ...{ items: [41], plan: quick, caughtBy: ['provision-parameters-sentence'] },
    what: 'does not say which parameter is wrong',
    changes: [
      change('parameters', `\`The parameter \${name} \${complaint}.\``, "'The parameters are wrong.'"),
    ],
  },
  {
    id: 'refused-provision-stays',
    ...{ items: [14, 52], plan: quick, caughtBy: ['provision-refused-leaves-nothing'] },
    what: 'notes an instance before it refuses the plan',
    changes: [
      change(
        file,
        '  if (plan === undefined) throw',
        "  if (plan === undefined) instances.set(instanceId, { id: instanceId, serviceId, planId, organizationGuid, spaceGuid, parameters: {}, context: undefined, maintenanceVersion: undefined, wanted: undefined, state: 'failed', operations: [{ token: 'none', state: 'failed', description: 'Refused.', afterwards: {}, endedAt: 0, timer: undefined }] });\n  if (plan === undefined) throw",
      ),
    ],
  },
  {
    id: 'async-required-stays',
    ...{ items: [14, 16], plan: 'reference/slow', caughtBy: ['provision-refused-leaves-nothing'] },
    what: 'provisions although it says AsyncRequired',
    changes: [
      change(
        file,
        "  if (isAsynchronous(planId) && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);\n",
        '',
      ),
      change(
        file,
        '  return { status: 202, body: { ...dashboardOf(instance), operation: operation.token } };',
        `  if (!acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);
  return { status: 202, body: { ...dashboardOf(instance), operation: operation.token } };`,
      ),
    ],
  },
  {
    id: 'maintenance-unchecked',
    ...{ items: [19, 48], plan: quick, caughtBy: ['provision-maintenance-conflict'] },
    what: 'makes an instance with any maintenance_info.version',
    changes: [
      change(
        file,
        'if (version !== undefined && version !== offered) {',
        'if (version !== undefined && offered === undefined) {',
      ),
    ],
  },
  {
    id: 'maintenance-bad-request',
    ...{ items: [19, 48], plan: quick, caughtBy: ['provision-maintenance-conflict', 'error-code-status'] },
    what: 'answers MaintenanceInfoConflict with 400',
    changes: [
      change(
        file,
        "      422,\n      'MaintenanceInfoConflict'",
        "      400,\n      'MaintenanceInfoConflict'",
      ),
    ],
  },
  {
    id: 'maintenance-unknown-ignored',
    ...{ items: [19], plan: quick, caughtBy: ['provision-maintenance-unknown'] },
    what: 'ignores maintenance_info for a plan that has none',
    changes: [
      change(
        file,
        'if (version !== undefined && version !== offered) {',
        'if (version !== undefined && offered !== undefined && version !== offered) {',
      ),
    ],
  },
  {
    id: 'maintenance-compared-wholly',
    ...{ items: [48], plan: quick, caughtBy: ['provision-maintenance-same'] },
    what: 'compares the description in maintenance_info too',
    changes: [
      change(
        file,
        context,
        `${context}\n  if (body.maintenance_info?.version && body.maintenance_info.description) throw new Refusal(422, 'MaintenanceInfoConflict', 'Another description.');`,
      ),
    ],
  },
  {
    id: 'maintenance-needs-version',
    ...{ items: [48], plan: quick, caughtBy: ['provision-maintenance-absent'] },
    what: 'refuses maintenance_info without a version',
    changes: [
      change(
        file,
        context,
        `${context}\n  if (body.maintenance_info && !body.maintenance_info.version) throw new Refusal(400, 'BadRequest', 'No version.');`,
      ),
    ],
  },
  {
    id: 'unknown-fields-refused',
    ...{ items: [7], plan: quick, caughtBy: ['provision-unknown-fields'] },
    what: 'refuses fields that it does not know',
    changes: [
      change(
        file,
        context,
        `${context}\n  const known_ = ['service_id', 'plan_id', 'organization_guid', 'space_guid', 'context', 'parameters', 'maintenance_info'];\n  if (Object.keys(body).some((key) => !known_.includes(key))) throw new Refusal(400, 'BadRequest', 'Unknown field.');`,
      ),
    ],
  },
  {
    id: 'nulls-refused',
    ...{ items: [10], plan: quick, caughtBy: ['provision-nulls', 'bind-nulls'] },
    what: 'takes null for a value of the wrong type',
    changes: [
      change(
        'call',
        "return value === undefined || value === null || value === '';",
        "return value === undefined || value === '';",
      ),
    ],
  },
  {
    id: 'known-platforms-only',
    ...{ items: [131], plan: quick, platform: 'cloudfoundry', caughtBy: ['provision-unknown-context'] },
    what: 'refuses a context of a platform that it does not know',
    changes: [
      change(
        'call',
        "  if (context !== undefined) optionalText(context, 'platform');",
        "  if (context !== undefined && !['cloudfoundry', 'kubernetes'].includes(String(context.platform))) throw new Refusal(400, 'BadRequest', 'Which platform?');",
      ),
    ],
  },
  {
    id: 'context-needed',
    ...{ items: [135], plan: quick, caughtBy: ['provision-without-context'] },
    what: 'makes no instance without a context',
    changes: [
      change(
        file,
        context,
        `${context}\n  if (context === undefined) throw new Refusal(400, 'BadRequest', 'No context.');`,
      ),
    ],
  },
  {
    id: 'annotations-refused',
    ...{ items: [132, 133], plan: quick, caughtBy: ['provision-annotations'] },
    what: 'refuses annotations',
    changes: [
      change(
        file,
        context,
        `${context}\n  if (Object.keys(context?.instance_annotations ?? {}).length > 0) throw new Refusal(400, 'BadRequest', 'Annotations.');`,
      ),
    ],
  },
  {
    id: 'dashboard-late',
    ...{ items: [49], plan: slow, caughtBy: ['provision-dashboard-early'] },
    what: 'names the dashboard only when the instance is made',
    changes: [change(file, begun, 'return { status: 202, body: { operation: operation.token } };')],
  },
  {
    id: 'dashboard-number',
    ...{ items: [49], plan: quick, caughtBy: ['dashboard-url'], shownBy: ['provision-works'] },
    what: 'has a dashboard_url that is a number',
    changes: [
      change(
        file,
        `dashboard_url: \`https://reference.example/dashboard/\${encodeURIComponent(id)}\``,
        'dashboard_url: id.length',
      ),
    ],
  },
  {
    id: 'metadata-list',
    ...{ items: [51], plan: quick, caughtBy: ['metadata-object'], shownBy: ['provision-works'] },
    what: 'has metadata of an instance that are a list',
    changes: [
      change(file, made, 'return { status: 201, body: { ...dashboardOf(instance), metadata: [] } };'),
    ],
  },
  {
    id: 'labels-text',
    ...{ items: [51], plan: quick, caughtBy: ['metadata-object'], shownBy: ['provision-works'] },
    what: 'has labels of an instance that are text',
    changes: [
      change(
        file,
        made,
        "return { status: 201, body: { ...dashboardOf(instance), metadata: { labels: 'none' } } };",
      ),
    ],
  },
];
