// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code that is put in
import type { Mutant } from './types.ts';

const provision = 'test/osbapi/provision.test.ts';

/** Provision. */
export const mutants: Mutant[] = [
  {
    items: [38],
    file: 'src/osb/wire-requests.ts',
    find: '  organization_guid: text,\n  space_guid: text,',
    replace: '  organization_guid: optionalText,\n  space_guid: optionalText,',
    test: provision,
  },
  {
    items: [38],
    file: 'src/osb/wire-requests.ts',
    find: "  const required = options.organizationAndSpace === 'required';",
    replace: '  const required = options.updateParameters.length > 0;',
    test: provision,
  },
  {
    items: [39],
    file: 'src/usecases/provision.ts',
    find: '    if (listed === undefined && (existing?.serviceId !== serviceId || existing.planId !== planId)) {',
    replace: '    if (listed === undefined && existing === undefined) {',
    test: provision,
  },
  {
    items: [40],
    file: 'src/osb/wire-requests.ts',
    find: '  parameters: optionalObject,\n  maintenance_info: maintenanceInfo,\n});\nconst provisionBodyOfAnyPlatform',
    replace:
      '  parameters: optionalObject.catch({}),\n  maintenance_info: maintenanceInfo,\n});\nconst provisionBodyOfAnyPlatform',
    test: provision,
  },
  {
    items: [41],
    file: 'src/usecases/provision.ts',
    find: "  deps.validateParameters(revision, 'provision', request.parameters);\n",
    replace: '',
    test: provision,
  },
  {
    items: [42],
    file: 'src/osb/presenters.ts',
    find: '  created: 201,',
    replace: '  created: 200,',
    test: provision,
  },
  {
    items: [43],
    file: 'src/usecases/provision.ts',
    find: '  if (!request.acceptsIncomplete && !revision.sync.provision)',
    replace: '  if (!request.acceptsIncomplete && revision.sync.provision)',
    test: provision,
  },
  {
    items: [44],
    file: 'src/domain/state-matrix.ts',
    find: '  provisioning: {\n    provision: join,',
    replace: '  provisioning: {\n    provision: answer,',
    test: provision,
  },
  {
    items: [44],
    file: 'src/usecases/settle.ts',
    find: 'ended.type === verb ?',
    replace: 'ended.type !== undefined ?',
    test: provision,
  },
  {
    items: [45],
    file: 'src/domain/state-matrix.ts',
    find: "  ready: {\n    provision: answer,\n    'provision other': conflict,",
    replace: "  ready: {\n    provision: conflict,\n    'provision other': conflict,",
    test: provision,
  },
  {
    items: [44, 45],
    file: 'src/domain/state-matrix.ts',
    find: "(options) => (options.provisionDuringUpdate === 'accept' ? join : busy)",
    replace: '() => join',
    test: provision,
  },
  {
    items: [46],
    file: 'src/usecases/same-attributes.ts',
    find: '    existing.spaceGuid === requested.spaceGuid &&\n',
    replace: '',
    test: provision,
  },
  {
    items: [47],
    file: 'src/domain/state-matrix.ts',
    find: "    options.repeatAfterFailure === 'retry' ? begin : refuse(conflict, sentence);",
    replace: '    options === undefined ? refuse(conflict, sentence) : begin;',
    test: provision,
  },
  {
    items: [47],
    file: 'src/store/instances.ts',
    find: 'const incarnation = (previous?.incarnation ?? 0) + 1;',
    replace: 'const incarnation = previous?.incarnation ?? 1;',
    test: provision,
  },
  {
    items: [48],
    file: 'src/usecases/resolve-plan.ts',
    find: '  if (version !== undefined && version !== plan.maintenance?.version) {',
    replace:
      '  if (version !== undefined && plan.maintenance !== undefined && version !== plan.maintenance.version) {',
    test: provision,
  },
  {
    items: [48],
    file: 'src/usecases/provision.ts',
    find: '  if (listed !== undefined) assertMaintenance(listed.plan, request.maintenanceVersion);\n',
    replace: '',
    test: provision,
  },
  {
    items: [49],
    file: 'src/usecases/provision.ts',
    find: "  if (settled === 'running') return { kind: 'accepted', operationUid: operation.uid, ...dashboard };",
    replace: "  if (settled === 'running') return { kind: 'accepted', operationUid: operation.uid };",
    test: provision,
  },
  {
    items: [49],
    file: 'src/osb/presenters.ts',
    find: '  response.status(statusOf[outcome.kind]).json({\n    ...presentOperation(outcome),\n    ...(dashboardUrl === undefined ? {} : { dashboard_url: dashboardUrl }),',
    replace:
      '  response.status(statusOf[outcome.kind]).json({\n    ...presentOperation(outcome),\n    dashboard_url: dashboardUrl ?? null,',
    test: provision,
  },
  {
    items: [50],
    file: 'src/osb/presenters.ts',
    find: "  return outcome.kind === 'accepted' ? { operation: outcome.operationUid } : {};",
    replace: "  return outcome.kind === 'accepted' ? { operation: ` ${outcome.operationUid}` } : {};",
    test: provision,
  },
  {
    items: [51],
    file: 'src/osb/presenters.ts',
    find: "  return outcome.kind === 'accepted' ? { operation: outcome.operationUid } : {};",
    replace: "  return outcome.kind === 'accepted' ? { operation: outcome.operationUid } : { metadata: {} };",
    test: provision,
  },
  {
    items: [52],
    file: 'src/domain/errors.ts',
    find: "  ResourceFailed: admin('ResourceFailed', 'A resource of this service instance failed.'),",
    replace:
      "  ResourceFailed: { ...admin('ResourceFailed', 'A resource of this service instance failed.'), status: 422 },",
    test: provision,
  },
  {
    items: [53],
    file: 'src/usecases/settle.ts',
    find: "  const ended = after.state === 'in progress' && own ? await cancelLate(deps, after) : after;",
    replace: '  const ended = after;',
    test: provision,
  },
  {
    items: [54],
    file: 'src/osb/path-ids.ts',
    find: "  if (typeof id !== 'string' || id === '') {",
    replace: "  if (typeof id !== 'string' || !/^[A-Za-z0-9._~-]+$/.test(id)) {",
    test: provision,
  },
  {
    items: [44],
    file: 'src/usecases/transact-again.ts',
    find: 'if (tries === mostTries)',
    replace: 'if (tries === 1)',
    test: provision,
  },
  {
    items: [41],
    file: 'src/catalog/validate-parameters.ts',
    find: '  const sentence =\n    complaintOf(validate, parameters, fixed) ?? unsafeText(parameters, runsTemplates(revision));',
    replace:
      '  const said =\n    complaintOf(validate, parameters, fixed) ?? unsafeText(parameters, runsTemplates(revision));\n  const sentence = said && `${said} It is ${JSON.stringify(parameters)}.`;',
    test: provision,
  },
  {
    items: [46],
    file: 'src/usecases/same-attributes.ts',
    find: '    existing.planId === requested.planId &&\n',
    replace: '',
    test: provision,
  },
  {
    items: [46],
    file: 'src/store/instances.ts',
    find: "    parameters_sealed: sealJson(seal, 'parameters', target.parameters),\n",
    replace: '',
    test: provision,
  },
  {
    items: [54],
    file: 'src/osb/path-ids.ts',
    find: 'const longestId = 1000;',
    replace: 'const longestId = 1001;',
    test: provision,
  },
];
