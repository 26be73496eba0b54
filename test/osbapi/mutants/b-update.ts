import type { Mutant } from './types.ts';

const update = 'test/osbapi/update.test.ts';
const maintenance = 'test/osbapi/update-maintenance.test.ts';
const deprovision = 'test/osbapi/deprovision.test.ts';

/** Update and deprovision: exact bodies, contexts, and what is told of requests that could wait no longer. */
export const mutants: Mutant[] = [
  {
    items: [71],
    file: 'src/osb/presenters.ts',
    find: "  return outcome.kind === 'accepted' ? { operation: outcome.operationUid } : {};",
    replace:
      "  return outcome.kind === 'accepted' ? { operation: outcome.operationUid } : { operation: null };",
    test: update,
  },
  {
    items: [83],
    file: 'src/osb/presenters.ts',
    find: "  return outcome.kind === 'accepted' ? { operation: outcome.operationUid } : {};",
    replace:
      "  return outcome.kind === 'accepted' ? { operation: outcome.operationUid } : { operation: null };",
    test: deprovision,
  },
  {
    items: [72],
    file: 'src/usecases/same-attributes.ts',
    find: '(requested.context === undefined || canonicalJson(context) === canonicalJson(requested.context))',
    replace: 'canonicalJson(context) !== canonicalJson(null)',
    test: update,
  },
  {
    items: [77],
    file: 'src/usecases/abandon-operation.ts',
    find: '{ updateRepeatable: true }',
    replace: '{ updateRepeatable: false }',
    test: update,
  },
  {
    items: [77],
    file: 'src/usecases/update.ts',
    find: "  await transaction.setInstanceState(instance.uid, 'updating');\n",
    replace:
      "  await transaction.setInstanceState(instance.uid, 'updating');\n  const { planId: oldPlan, parameters: old, generated } = instance;\n  const kept = { planId: oldPlan, parameters: old, context: instance.context, generated: generated.reveal(), request: {} };\n  await transaction.applyUpdate(instance.uid, revision.digest, kept);\n",
    test: maintenance,
  },
  {
    items: [78],
    file: 'src/usecases/update.ts',
    find: "    instance.state === 'ready' &&\n",
    replace: '',
    test: update,
  },
  {
    items: [81],
    file: 'src/usecases/update.ts',
    find: "    ? { kind: 'updated', ...dashboard }\n",
    replace: "    ? { kind: 'updated' }\n",
    test: update,
  },
  {
    items: [89],
    file: 'src/usecases/abandon-operation.ts',
    find: '{ instanceUsable: instance.usable }',
    replace: '{ instanceUsable: true }',
    test: deprovision,
  },
  {
    items: [89],
    file: 'src/usecases/settle.ts',
    find: "      throw new ChandlerError('SynchronousTimeout', {\n        ...aftermath,\n",
    replace: "      throw new ChandlerError('SynchronousTimeout', {\n",
    test: deprovision,
  },
];
