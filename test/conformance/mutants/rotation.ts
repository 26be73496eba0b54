/** PUT of a binding with predecessor_binding_id. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const done = "    binding.state = 'deleted';\n    recordDone(binding, 'Unbound.');";
const sameRotation = '  if (predecessorId !== undefined) return true;';

export const rotationMutants: readonly Mutant[] = [
  {
    id: 'rotate-needs-ids',
    ...{ items: [104], plan: quick, caughtBy: ['rotate'] },
    what: 'rotates only with service_id',
    changes: [
      change(
        'bind',
        "rotates ? optionalText(body, 'service_id') : requiredText(body, 'service_id')",
        "requiredText(body, 'service_id')",
      ),
    ],
  },
  {
    id: 'rotate-refuses-ids',
    ...{ items: [104], plan: quick, caughtBy: ['rotate-with-ids'] },
    what: 'refuses a rotation that names the service as well',
    changes: [
      change(
        'bind',
        '  optionalContext(body);',
        "  if (rotates && serviceId !== undefined) throw new Refusal(400, 'BadRequest', 'service_id is not wanted.');\n  optionalContext(body);",
      ),
    ],
  },
  {
    id: 'rotate-for-nothing',
    ...{ items: [106], plan: quick, caughtBy: ['rotate-new-credentials'] },
    what: 'gives a successor the credentials of its predecessor',
    changes: [
      change(
        'bind',
        `username: \`user-\${randomBytes(8).toString('hex')}\`,`,
        `username: predecessor?.username ?? \`user-\${randomBytes(8).toString('hex')}\`,`,
      ),
      change(
        'bind',
        "password: randomBytes(16).toString('hex'),",
        "password: predecessor?.password ?? randomBytes(16).toString('hex'),",
      ),
    ],
  },
  {
    id: 'rotate-revokes',
    ...{ items: [106], plan: quick, caughtBy: ['rotate-new-credentials'] },
    what: 'changes the credentials of a predecessor when it is rotated',
    changes: [
      change(
        'bind',
        '  bindings.set(bindingId, binding);',
        "  if (predecessor !== undefined) predecessor.password = 'revoked';\n  bindings.set(bindingId, binding);",
      ),
    ],
  },
  {
    id: 'unbind-takes-successor',
    ...{ items: [106], plan: quick, caughtBy: ['rotate-outlives-predecessor'] },
    what: 'deletes the successor of a binding with it',
    changes: [
      change('unbind', '  bindingOf,\n', '  bindingOf,\n  bindings,\n'),
      change(
        'unbind',
        done,
        `    for (const one of bindings.values()) if (one.predecessorId === binding.id) one.state = 'deleted';\n${done}`,
      ),
    ],
  },
  {
    id: 'rotate-repeat-conflict',
    ...{ items: [108], plan: quick, caughtBy: ['rotate-repeat'] },
    what: 'answers 409 to the same rotation again',
    changes: [change('bind', sameRotation, '  if (predecessorId !== undefined) return false;')],
  },
  {
    id: 'rotate-conflict-unseen',
    ...{ items: [108], plan: quick, caughtBy: ['rotate-conflict'] },
    what: 'does not compare the predecessor of a repeated rotation',
    changes: [change('bind', '  if (predecessorId !== known.predecessorId) return false;\n', '')],
  },
  {
    id: 'rotate-anything',
    ...{ items: [105], plan: quick, caughtBy: ['rotate-unknown-predecessor', 'rotate-foreign-predecessor'] },
    what: 'rotates whatever predecessor_binding_id says',
    changes: [
      change(
        'bind',
        'predecessorId === undefined ? undefined : findPredecessor(instance, predecessorId)',
        'undefined',
      ),
    ],
  },
  {
    id: 'rotate-foreign',
    ...{ items: [105], plan: quick, caughtBy: ['rotate-foreign-predecessor'] },
    what: 'rotates a binding of another instance',
    changes: [change('bind', ' || predecessor.instanceId !== instance.id', '')],
  },
  {
    id: 'rotate-not-rotatable',
    ...{ items: [105], plan: quick, caughtBy: ['rotate-not-rotatable'] },
    what: 'rotates bindings of plans that do not say so',
    changes: [
      change('bind', 'if (predecessorId !== undefined && !plan.binding_rotatable) {', 'if (false) {'),
    ],
  },
  {
    id: 'rotate-forgets-parameters',
    ...{ items: [107], plan: quick, caughtBy: ['rotate-keeps-parameters'] },
    what: 'does not give a successor the parameters of its predecessor',
    changes: [
      change(
        'bind',
        'parameters: predecessor?.parameters ?? request.parameters,',
        'parameters: request.parameters,',
      ),
    ],
  },
];
