/** DELETE of a binding. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const gone = "  if (instance === undefined || binding === undefined || binding.state === 'deleted') {";
const done = "    binding.state = 'deleted';\n    recordDone(binding, 'Unbound.');";
const cancelled =
  "endOperation(latestOperation(binding), 'failed', 'Cancelled: the service binding was deleted.');";
const joined = 'return { status: 202, body: { operation: latestOperation(binding).token } };';

export const unbindMutants: readonly Mutant[] = [
  {
    id: 'unbind-again-done',
    ...{ items: [115], plan: quick, caughtBy: ['unbind-again'] },
    what: 'answers 200 whenever a binding that was unbound is unbound again',
    also: { 'race-unbind': 'one of these unbinds again what was unbound' },
    changes: [
      change(
        'unbind',
        gone,
        `  if (instance !== undefined && binding?.state === 'deleted') return { status: 200, body: {} };\n${gone}`,
      ),
    ],
  },
  {
    id: 'unbind-poll-lost',
    ...{ items: [109, 115], plan: slow, caughtBy: ['unbind-works'] },
    what: 'answers 404 to polls for an unbind',
    changes: [
      change(
        'last-operation',
        '  return poll(binding, query);',
        "  if (binding.state === 'deleting') throw new Refusal(404, 'NotFound', 'It is being unbound.');\n  return poll(binding, query);",
      ),
    ],
  },
  {
    id: 'unbind-asynchronous-anyway',
    ...{ items: [16, 116], plan: slow, caughtBy: ['unbind-synchronous', 'accepted-only-if-asked'] },
    what: 'unbinds asynchronously for who cannot poll',
    changes: [
      change(
        'unbind',
        "  if (asynchronous && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);\n",
        '',
      ),
    ],
  },
  {
    id: 'unbind-unknown-not-found',
    ...{ items: [115, 128], plan: quick, caughtBy: ['unbind-unknown'] },
    what: 'answers 404 to an unbind of a binding that never was',
    changes: [
      change(
        'unbind',
        gone,
        `  if (instance !== undefined && binding === undefined) throw new Refusal(404, 'NotFound', 'It never was.');\n${gone}`,
      ),
    ],
    also: { 'orphan-bind-cut-off': 'a bind that was cut off may never have reached the broker' },
  },
  {
    id: 'unbind-without-plan',
    ...{ items: [115, 150], plan: quick, caughtBy: ['unbind-without-ids'] },
    what: 'unbinds without plan_id',
    changes: [
      change('unbind', "requiredQuery(query, 'plan_id')", "(query.get('plan_id') || binding.planId)"),
    ],
  },
  {
    id: 'unbind-repeat-busy',
    ...{ items: [115], plan: slow, caughtBy: ['unbind-repeat-early'] },
    what: 'answers 422 to the same unbind while it runs',
    changes: [
      change('unbind', 'import { asyncRequired, Refusal }', 'import { asyncRequired, concurrency, Refusal }'),
      change('unbind', joined, "throw new Refusal(422, 'ConcurrencyError', concurrency);"),
    ],
  },
  {
    id: 'unbind-early-comes-back',
    ...{ items: [117], plan: slow, caughtBy: ['unbind-early'] },
    what: 'goes on with a bind whose binding was unbound',
    changes: [
      change('unbind', cancelled, "binding.state = 'deleted';\n      return { status: 200, body: {} };"),
    ],
  },
  {
    id: 'unbind-early-in-progress',
    ...{ items: [117], plan: slow, caughtBy: ['unbind-early'] },
    what: 'polls a bind that was cancelled as "in progress" for ever',
    changes: [change('unbind', cancelled, 'clearTimeout(latestOperation(binding).timer);')],
  },
  {
    id: 'unbound-still-told',
    ...{ items: [112, 118], plan: quick, caughtBy: ['unbind-fetch'] },
    what: 'fetches a binding that was unbound',
    changes: [
      change(
        'fetch',
        "if (binding?.state !== 'ready') throw",
        "if (binding?.state !== 'ready' && binding?.state !== 'deleted') throw",
      ),
    ],
  },
  {
    id: 'unbind-takes-all',
    ...{ items: [118], plan: quick, caughtBy: ['unbind-leaves-others'] },
    what: 'unbinds all bindings of an instance that were made a moment ago',
    changes: [
      change('unbind', '  bindingOf,\n', '  bindingOf,\n  bindings,\n'),
      change(
        'unbind',
        done,
        `    for (const one of bindings.values()) {\n      if (one.instanceId === instanceId && one.predecessorId === undefined) one.state = 'deleted';\n    }\n${done}`,
      ),
    ],
  },
  {
    id: 'binding-ids-used-up',
    ...{ items: [117, 144], plan: quick, caughtBy: ['unbind-id-again'] },
    what: 'never binds with the id of a binding that was unbound',
    changes: [
      change(
        'bind',
        "  const known = earlier?.state === 'deleted' ? undefined : earlier;",
        "  const known = earlier?.state === 'deleted' ? undefined : earlier;\n  if (earlier !== known) throw new Refusal(409, 'Conflict', 'The id is used up.');",
      ),
    ],
  },
];
