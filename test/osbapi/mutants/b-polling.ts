// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code that is put in
import type { Mutant } from './types.ts';

const poll = 'test/osbapi/instance-last-operation.test.ts';
const fetch = 'test/osbapi/fetch-instance.test.ts';

/** Polling and fetching an instance. */
export const mutants: Mutant[] = [
  {
    items: [55],
    file: 'src/osb/presenters.ts',
    find: '    state,\n    ...(description',
    replace: "    state: state.replace(' ', '_'),\n    ...(description",
    test: poll,
  },
  {
    items: [56],
    file: 'src/domain/errors.ts',
    find: "  InstanceNotFound: caller(404, 'NotFound',",
    replace: "  InstanceNotFound: caller(400, 'NotFound',",
    test: poll,
  },
  {
    items: [56, 64],
    file: 'src/usecases/last-operation.ts',
    find: '  return token === undefined || !uuid.test(token) ? undefined : store.findOperation(token);',
    replace:
      "  if (token !== undefined && !uuid.test(token)) throw new Error('unknown token');\n  return token === undefined ? undefined : store.findOperation(token);",
    test: poll,
  },
  {
    items: [57],
    file: 'src/store/operations.ts',
    find: "type <> 'repair' order by position desc limit 1",
    replace: "type <> 'repair' order by position limit 1",
    test: poll,
  },
  {
    items: [58],
    file: 'src/osb/wire-requests.ts',
    find: "  return typeof operation === 'string' ? { operation } : {};",
    replace: "  return typeof operation === 'string' ? {} : {};",
    test: poll,
  },
  {
    items: [58],
    file: 'src/usecases/instance-last-operation.ts',
    find: '  return owner?.platform === platform && owner.instanceId === instanceId;',
    replace: '  return owner?.platform === platform && instanceId.length > 0;',
    test: poll,
  },
  {
    items: [59],
    file: 'src/usecases/last-operation.ts',
    find: 'const deletedAnswerMs = 24 * 3_600_000;',
    replace: 'const deletedAnswerMs = 48 * 3_600_000;',
    test: poll,
  },
  {
    items: [59],
    file: 'src/domain/state-matrix.ts',
    find: "    options.pollAfterDeletion === 'gone' ? refuse(gone) : answer;",
    replace: '    options === undefined ? refuse(gone) : answer;',
    test: poll,
  },
  {
    items: [60],
    file: 'src/osb/presenters.ts',
    find: "    ...(description === '' ? {} : { description }),\n    ...presentAftermath(operation),",
    replace: '    description: `${description} ${Math.random()}`,\n    ...presentAftermath(operation),',
    test: poll,
  },
  {
    items: [61],
    file: 'src/osb/presenters.ts',
    find: "response.set('Retry-After', String(retryAfterSeconds))",
    replace: "response.set('Retry-After', new Date().toUTCString())",
    test: poll,
  },
  {
    items: [62],
    file: 'src/usecases/last-operation.ts',
    find: '    ...(updateRepeatable === undefined ? {} : { updateRepeatable }),',
    replace: '',
    test: poll,
  },
  {
    items: [62],
    file: 'src/worker/run-operation.ts',
    find: 'errorCode: code, ...aftermath }, deps);',
    replace: 'errorCode: code }, deps);',
    test: poll,
  },
  {
    items: [63],
    file: 'src/store/operations.ts',
    find: "     set state = 'failed', error_code = :errorCode, description = :description, fence = fence + 1,",
    replace:
      "     set state = 'succeeded', error_code = :errorCode, description = :description, fence = fence + 1,",
    test: poll,
  },
  {
    items: [65],
    file: 'src/domain/state-matrix.ts',
    find: "  ready: {\n    provision: answer,\n    'provision other': conflict,\n    fetch: answer,",
    replace: "  ready: {\n    provision: answer,\n    'provision other': conflict,\n    fetch: notFound,",
    test: fetch,
  },
  {
    items: [66],
    file: 'src/osb/presenters.ts',
    find: '    ...(dashboardUrl === undefined ? {} : { dashboard_url: dashboardUrl }),\n    ...presentParameters(instance.parameters, options),',
    replace:
      '    dashboard_url: dashboardUrl ?? null,\n    ...presentParameters(instance.parameters, options),',
    test: fetch,
  },
  {
    items: [66],
    file: 'src/osb/presenters.ts',
    find: "  return fetchedParameters === 'omit' || Object.keys(parameters).length === 0 ? {} : { parameters };",
    replace:
      "  return fetchedParameters === 'send' || Object.keys(parameters).length === 0 ? { parameters } : { parameters };",
    test: fetch,
  },
  {
    items: [67],
    file: 'src/domain/state-matrix.ts',
    find: "  provisioning: {\n    provision: join,\n    'provision other': conflict,\n    fetch: notFound,",
    replace: "  provisioning: {\n    provision: join,\n    'provision other': conflict,\n    fetch: answer,",
    test: fetch,
  },
  {
    items: [68],
    file: 'src/domain/state-matrix.ts',
    find: "    fetch: busy,\n    'last operation': answer,\n    update: busy,\n    'update again': join,",
    replace:
      "    fetch: answer,\n    'last operation': answer,\n    update: busy,\n    'update again': join,",
    test: fetch,
  },
  {
    items: [68],
    file: 'src/domain/state-matrix.ts',
    find: "(options) => (options.fetchDuringDeprovision === 'not-found' ? notFound : busy)",
    replace: '() => busy',
    test: fetch,
  },
  {
    items: [69],
    file: 'src/store/instances.ts',
    find: '    plan_id: target.planId,\n    plan_revision: planRevision,',
    replace: '    plan_revision: planRevision,',
    test: fetch,
  },
  {
    items: [59],
    file: 'src/usecases/instance-last-operation.ts',
    find: "  if (operation.type === 'deprovision' && operation.state === 'succeeded') {",
    replace: "  if (operation.type !== 'provision' && operation.state !== 'in progress') {",
    test: poll,
  },
  {
    items: [61],
    file: 'src/usecases/last-operation.ts',
    find: 'Math.round(ageMs / 4000)',
    replace: 'Math.round(ageMs / 8000)',
    test: poll,
  },
  {
    items: [63],
    file: 'src/usecases/instance-last-operation.ts',
    find: '      : await deps.store.latestInstanceOperation(instance.uid);',
    replace: '      : undefined;',
    test: poll,
  },
];
