/** DELETE of an instance, and what platforms do about orphans. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const file = 'deprovision';
const gone =
  "if (instance === undefined) throw new Refusal(410, 'Gone', 'There is no such service instance.');";
const books = [change(file, '  endOperation,\n', '  endOperation,\n  instances,\n')];
const cancelled =
  "endOperation(latestOperation(instance), 'failed', 'Cancelled: the service instance was deleted.');";
const cutOff = `  const bytes = await readBytes(request);
  if (request.method === 'PUT') await new Promise((done) => setTimeout(done, 30));
  const isCutOff = request.method === 'PUT' && request.socket.destroyed;`;

export const deprovisionMutants: readonly Mutant[] = [
  {
    id: 'deprovision-fails',
    ...{ items: [83], plan: slow, caughtBy: ['deprovision-works'] },
    what: 'says "failed" at the end of every deprovision',
    changes: [
      change(
        file,
        "endOperation(running, 'succeeded', 'Deprovisioned.')",
        "endOperation(running, 'failed', 'Deprovisioned.')",
      ),
    ],
  },
  {
    id: 'deprovision-again-not-found',
    ...{ items: [83, 88], plan: quick, caughtBy: ['deprovision-again'] },
    what: 'answers 404 to a deprovision of what was deleted',
    also: { 'orphan-provision-cut-off': 'orphan mitigation deletes again what it deleted' },
    changes: [
      ...books,
      change(
        file,
        gone,
        `if (instance === undefined && instances.has(instanceId)) throw new Refusal(404, 'NotFound', 'It is deleted.');\n  ${gone}`,
      ),
    ],
  },
  {
    id: 'deprovision-again-done',
    ...{ items: [83, 88], plan: quick, caughtBy: ['deprovision-again'] },
    what: 'answers 200 whenever an instance that was deleted is deleted again',
    also: { 'race-deprovision': 'one of these deletes again what was deleted' },
    changes: [
      ...books,
      change(
        file,
        gone,
        `if (instance === undefined && instances.has(instanceId)) return { status: 200, body: {} };\n  ${gone}`,
      ),
    ],
  },
  {
    id: 'deprovision-unknown-not-found',
    ...{ items: [83, 128, 136], plan: quick, caughtBy: ['deprovision-unknown'] },
    what: 'answers 404 to a deprovision of what never was',
    changes: [
      ...books,
      change(
        file,
        gone,
        `if (instance === undefined && !instances.has(instanceId)) throw new Refusal(404, 'NotFound', 'It never was.');\n  ${gone}`,
      ),
    ],
  },
  {
    id: 'deprovision-without-plan',
    ...{ items: [82], plan: quick, caughtBy: ['deprovision-without-ids'] },
    what: 'deletes without plan_id',
    changes: [change(file, "requiredQuery(query, 'plan_id')", "(query.get('plan_id') || instance?.planId)")],
  },
  {
    id: 'deprovision-without-service',
    ...{ items: [82], plan: quick, caughtBy: ['deprovision-without-ids'] },
    what: 'deletes without service_id',
    changes: [
      change(file, "requiredQuery(query, 'service_id')", "(query.get('service_id') || instance?.serviceId)"),
    ],
  },
  {
    id: 'refused-deprovision-deletes',
    ...{ items: [14, 82], plan: quick, caughtBy: ['deprovision-refused-deletes-nothing'] },
    what: 'deletes an instance before it refuses a missing service_id',
    changes: [
      change(
        file,
        "  const serviceId = requiredQuery(query, 'service_id');",
        `  if (instance && !query.get('service_id')) instance.state = 'deleted';
  const serviceId = requiredQuery(query, 'service_id');`,
      ),
    ],
  },
  {
    id: 'deprovision-any-service',
    ...{ items: [82], plan: quick, caughtBy: ['deprovision-other-service'] },
    what: 'deletes whatever service_id says',
    changes: [change(file, 'serviceId !== instance.serviceId || ', '')],
  },
  {
    id: 'deprovision-asynchronous-anyway',
    ...{ items: [16, 84], plan: slow, caughtBy: ['deprovision-synchronous', 'accepted-only-if-asked'] },
    what: 'deletes asynchronously for who cannot poll',
    changes: [
      change(
        file,
        "  if (asynchronous && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);\n",
        '',
      ),
    ],
  },
  {
    id: 'deprovision-repeat-busy',
    ...{ items: [83], plan: slow, caughtBy: ['deprovision-repeat-early'] },
    what: 'answers 422 to the same deprovision while it runs',
    changes: [
      change(
        file,
        'return { status: 202, body: { operation: latestOperation(instance).token } };',
        "throw new Refusal(422, 'ConcurrencyError', concurrency);",
      ),
    ],
  },
  {
    id: 'deprovision-repeat-other-operation',
    ...{ items: [83], plan: slow, caughtBy: ['deprovision-repeat-early', 'race-deprovision'] },
    what: 'names another operation when the deprovision that runs is repeated',
    changes: [
      change(
        file,
        'return { status: 202, body: { operation: latestOperation(instance).token } };',
        "return { status: 202, body: { operation: 'another' } };",
      ),
    ],
  },
  {
    id: 'provision-during-deprovision-conflict',
    ...{ items: [17, 142], plan: slow, caughtBy: ['provision-during-deprovision'] },
    what: 'answers 409 to a provision while the instance is being deleted',
    changes: [
      change(
        'provision',
        "if (known?.state === 'deleting') throw new Refusal(422, 'ConcurrencyError', concurrency);",
        "if (known?.state === 'deleting') throw new Refusal(409, 'Conflict', 'It is being deleted.');",
      ),
    ],
  },
  {
    id: 'deprovision-early-comes-back',
    ...{ items: [63, 85], plan: slow, caughtBy: ['deprovision-early'] },
    what: 'goes on with a provision whose instance was deleted',
    changes: [
      change(file, cancelled, "instance.state = 'deleted';\n      return { status: 200, body: {} };"),
    ],
  },
  {
    id: 'deprovision-early-in-progress',
    ...{ items: [63], plan: slow, caughtBy: ['deprovision-early'] },
    what: 'polls a provision that was cancelled as "in progress" for ever',
    changes: [change(file, cancelled, 'clearTimeout(latestOperation(instance).timer);')],
  },
  {
    id: 'deprovision-early-busy',
    ...{ items: [17, 85], plan: slow, caughtBy: ['deprovision-early'] },
    what: 'answers 409 to a deprovision while the instance is being made',
    changes: [change(file, cancelled, "throw new Refusal(409, 'Conflict', 'It is being made.');")],
  },
  {
    id: 'deprovision-during-update-conflict',
    ...{ items: [17, 84, 140], plan: slow, caughtBy: ['deprovision-during-update'] },
    what: 'answers 409 to a deprovision while the instance is being updated',
    changes: [
      change(
        file,
        "    case 'updating':\n      throw new Refusal(422, 'ConcurrencyError', concurrency);",
        "    case 'updating':\n      throw new Refusal(409, 'Conflict', 'It is being updated.');",
      ),
    ],
  },
  {
    id: 'deprovision-during-update-comes-back',
    ...{ items: [84, 140], plan: slow, caughtBy: ['deprovision-during-update'] },
    what: 'goes on with an update whose instance was deleted',
    changes: [
      change(
        file,
        "    case 'updating':\n      throw new Refusal(422, 'ConcurrencyError', concurrency);",
        "    case 'updating':\n      instance.state = 'deleted';\n      return { status: 200, body: {} };",
      ),
    ],
  },
  {
    id: 'deprovision-bound-conflict',
    ...{ items: [87], plan: quick, caughtBy: ['deprovision-with-bindings'] },
    what: 'answers 409 to a deprovision of an instance with bindings',
    changes: [
      change(
        file,
        '  removeBindings(instance);\n',
        "  if (liveBindings(instance).length > 0) throw new Refusal(409, 'Conflict', 'It is bound.');\n",
      ),
    ],
  },
  {
    id: 'ids-used-up',
    ...{ items: [47, 144], plan: quick, caughtBy: ['deprovision-id-again'] },
    what: 'never makes an instance with the id of one that was deleted',
    changes: [
      change(
        'provision',
        '  const known = liveInstance(instanceId);',
        "  const known = liveInstance(instanceId);\n  if (known === undefined && instances.has(instanceId)) throw new Refusal(409, 'Conflict', 'The id is used up.');",
      ),
    ],
  },
  {
    id: 'refused-provision-undeletable',
    ...{ items: [88, 128], plan: quick, caughtBy: ['orphan-refused-provision'] },
    what: 'answers 400 to a deprovision after a provision without service_id',
    changes: [
      change(
        'provision',
        "  const serviceId = requiredText(body, 'service_id');",
        "  if (!body.service_id) halves.add(instanceId);\n  const serviceId = requiredText(body, 'service_id');",
      ),
      change(
        'provision',
        '/** PUT of an instance.',
        'export const halves = new Set<string>();\n/** PUT of an instance.',
      ),
      change(
        file,
        'import { asyncRequired,',
        "import { halves } from './provision.ts';\nimport { asyncRequired,",
      ),
      change(
        file,
        gone,
        `if (halves.has(instanceId)) throw new Refusal(400, 'BadRequest', 'It was never made.');\n  ${gone}`,
      ),
    ],
  },
  {
    id: 'cut-off-provision-undeletable',
    ...{ items: [127, 128], plan: quick, caughtBy: ['orphan-provision-cut-off'] },
    what: 'answers 404 to a deprovision of what was made while the platform hung up',
    changes: [
      change(
        'http-server',
        '  const bytes = await readBytes(request);',
        `${cutOff}
  if (isCutOff && bindingId === '') halves.add(instanceId);
  if (request.method === 'DELETE' && bindingId === '' && halves.delete(instanceId)) throw new Refusal(404, 'NotFound', 'Half of it.');`,
      ),
      change('http-server', 'const largestBody', 'const halves = new Set<string>();\nconst largestBody'),
    ],
  },
  {
    id: 'cut-off-bind-undeletable',
    ...{ items: [127, 128], plan: quick, caughtBy: ['orphan-bind-cut-off'] },
    what: 'answers 500 to an unbind of what was bound while the platform hung up',
    changes: [
      change(
        'http-server',
        '  const bytes = await readBytes(request);',
        `${cutOff}\n  if (isCutOff && bindingId !== '') halves.add(bindingId);\n  if (request.method === 'DELETE' && halves.delete(bindingId)) throw new Error('half a binding');`,
      ),
      change('http-server', 'const largestBody', 'const halves = new Set<string>();\nconst largestBody'),
    ],
  },
  {
    id: 'unbind-after-instance',
    ...{ items: [87, 128], plan: quick, caughtBy: ['orphan-order'] },
    what: 'answers 404 to an unbind when the instance was deleted',
    changes: [
      change('unbind', '  endOperation,\n', '  endOperation,\n  instances,\n'),
      change(
        'unbind',
        '  const binding = bindingOf(instanceId, bindingId);',
        "  const binding = bindingOf(instanceId, bindingId);\n  if (instances.get(instanceId)?.state === 'deleted') throw new Refusal(404, 'NotFound', 'The instance is deleted.');",
      ),
    ],
  },
  {
    id: 'unbind-without-instance',
    ...{ items: [115, 128], plan: quick, caughtBy: ['orphan-unbind-unknown-instance'] },
    what: 'answers 404 to an unbind when the instance never was',
    changes: [
      change('unbind', '  endOperation,\n', '  endOperation,\n  instances,\n'),
      change(
        'unbind',
        '  const binding = bindingOf(instanceId, bindingId);',
        "  const binding = bindingOf(instanceId, bindingId);\n  if (!instances.has(instanceId)) throw new Refusal(404, 'NotFound', 'There is no such instance.');",
      ),
    ],
  },
  {
    id: 'korifi-delete-once',
    ...{
      items: [83, 119],
      plan: slow,
      platform: 'korifi',
      caughtBy: ['korifi-deprovision', 'deprovision-repeat-early'],
    },
    what: 'answers 422 when Korifi repeats a DELETE',
    changes: [
      change(
        file,
        'return { status: 202, body: { operation: latestOperation(instance).token } };',
        "throw new Refusal(422, 'ConcurrencyError', concurrency);",
      ),
    ],
  },
];
