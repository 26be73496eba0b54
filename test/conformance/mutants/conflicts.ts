/** PUT of an instance again, and without accepts_incomplete. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const file = 'provision';
const conflict = '!isDeepStrictEqual(attributesOf(known), asked)';
const same = "if (known?.state === 'ready') return { status: 200, body: dashboardOf(known) };";
const joined =
  'return { status: 202, body: { ...dashboardOf(known), operation: latestOperation(known).token } };';
const asyncRequired =
  "  if (isAsynchronous(planId) && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);\n";

export const conflictMutants: readonly Mutant[] = [
  {
    id: 'provision-asynchronous-anyway',
    ...{ items: [16, 43], plan: slow, caughtBy: ['provision-synchronous', 'accepted-only-if-asked'] },
    what: 'provisions asynchronously for who cannot poll',
    changes: [change(file, asyncRequired, '')],
  },
  {
    id: 'false-counts-as-true',
    ...{ items: [16], plan: slow, caughtBy: ['provision-synchronous', 'accepted-only-if-asked'] },
    what: 'takes accepts_incomplete=false for true',
    changes: [
      change(
        'http-server',
        "parameters.get('accepts_incomplete') === 'true'",
        "parameters.has('accepts_incomplete')",
      ),
    ],
  },
  {
    id: 'provision-repeat-other-operation',
    ...{ items: [44], plan: slow, caughtBy: ['provision-repeat-early'] },
    what: 'names another operation when the PUT that runs is repeated',
    changes: [change(file, joined, joined.replace('latestOperation(known).token', "'another'"))],
    also: { 'race-provision': 'there the same PUT is repeated as well' },
  },
  {
    id: 'provision-repeat-too-soon',
    ...{ items: [44], plan: slow, caughtBy: ['provision-repeat-early'] },
    what: 'answers 200 to the same PUT while the instance is being made',
    changes: [change(file, joined, 'return { status: 200, body: dashboardOf(known) };')],
  },
  {
    id: 'provision-repeat-conflict',
    ...{ items: [45, 138], plan: quick, caughtBy: ['provision-repeat'] },
    what: 'answers 409 to the same PUT for a finished instance',
    changes: [
      change(file, same, "if (known?.state === 'ready') throw new Refusal(409, 'Conflict', 'It exists.');"),
    ],
  },
  {
    id: 'provision-repeat-empty',
    ...{ items: [45, 49], plan: quick, caughtBy: ['provision-repeat-body'] },
    what: 'leaves dashboard_url out when the PUT is repeated',
    changes: [change(file, same, "if (known?.state === 'ready') return { status: 200, body: {} };")],
  },
  {
    id: 'conflict-plan-unseen',
    ...{ items: [46, 138], plan: quick, caughtBy: ['provision-conflict-plan'] },
    what: 'does not compare the plan of a repeated PUT',
    changes: [change(file, conflict, '!isDeepStrictEqual({ ...attributesOf(known), planId }, asked)')],
  },
  {
    id: 'conflict-place-unseen',
    ...{ items: [46], plan: quick, caughtBy: ['provision-conflict-place'] },
    what: 'does not compare organization and space of a repeated PUT',
    changes: [
      change(
        file,
        conflict,
        '!isDeepStrictEqual({ ...attributesOf(known), organizationGuid, spaceGuid }, asked)',
      ),
    ],
  },
  {
    id: 'conflict-parameters-unseen',
    ...{ items: [46], plan: quick, caughtBy: ['provision-conflict-parameters', 'race-provision-conflict'] },
    what: 'does not compare the parameters of a repeated PUT',
    changes: [change(file, conflict, '!isDeepStrictEqual({ ...attributesOf(known), parameters }, asked)')],
  },
  {
    id: 'conflict-unprocessable',
    ...{
      items: [46],
      plan: quick,
      caughtBy: [
        'provision-conflict-plan',
        'provision-conflict-place',
        'provision-conflict-parameters',
        'race-provision-conflict',
      ],
    },
    what: 'answers 422 to a PUT with other attributes',
    changes: [change(file, "throw new Refusal(409, 'Conflict'", "throw new Refusal(422, 'Conflict'")],
  },
  {
    id: 'early-conflict-plan-unseen',
    ...{ items: [46], plan: slow, caughtBy: ['provision-conflict-early-plan'] },
    what: 'does not compare the plan of a PUT that is repeated early',
    changes: [
      change(
        file,
        conflict,
        "!isDeepStrictEqual(known.state === 'creating' ? { ...attributesOf(known), planId } : attributesOf(known), asked)",
      ),
    ],
  },
  {
    id: 'early-conflict-place-unseen',
    ...{ items: [46], plan: slow, caughtBy: ['provision-conflict-early-place'] },
    what: 'does not compare organization and space of a PUT that is repeated early',
    changes: [
      change(
        file,
        conflict,
        "!isDeepStrictEqual(known.state === 'creating' ? { ...attributesOf(known), organizationGuid, spaceGuid } : attributesOf(known), asked)",
      ),
    ],
  },
  {
    id: 'early-conflict-parameters-unseen',
    ...{
      items: [46],
      plan: slow,
      caughtBy: ['provision-conflict-early-parameters', 'race-provision-conflict'],
    },
    what: 'does not compare the parameters of a PUT that is repeated early',
    changes: [
      change(
        file,
        conflict,
        "!isDeepStrictEqual(known.state === 'creating' ? { ...attributesOf(known), parameters } : attributesOf(known), asked)",
      ),
    ],
  },
  {
    id: 'names-conflict',
    ...{ items: [46], plan: quick, caughtBy: ['provision-repeat-other-names'] },
    what: 'takes another name in the context for a conflict',
    changes: [change(file, conflict, `(${conflict} || !isDeepStrictEqual(known.context, context))`)],
  },
];
