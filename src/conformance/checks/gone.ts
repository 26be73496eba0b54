/**
 * Whether something is there: a broker that answers alike whether it is or not breaks a rule of its own, such as
 * `deprovision-unknown`, and none of the checks that only want to see what is left.
 */
import { type Binding, Instance } from '../subject.ts';
import type { Tools } from '../tools.ts';
import { Failure, gone, NotApplicable } from '../verdict.ts';
import type { Answered, Draft, Edit } from '../wire/exchange.ts';

/** @throws Failure unless the DELETE says that nothing is there. @throws NotApplicable where it never says so */
export async function expectGone(
  tools: Tools,
  of: Instance | Binding,
  why: string,
  { allowed = gone, edit }: { allowed?: readonly number[]; edit?: Edit } = {},
): Promise<void> {
  await assertGone(tools, of, await tools.send(of.removal(edit)), { allowed, why, edit });
}

/** The same for a DELETE that has its answer. */
export async function assertGone(
  tools: Tools,
  of: Instance | Binding,
  { answer }: Answered,
  { allowed = gone, why, edit }: { allowed?: readonly number[]; why: string; edit?: Edit | undefined },
): Promise<void> {
  if (allowed.includes(answer.status)) return;
  await assumeTold(tools, of, answer.status, edit);
  throw new Failure(`expected ${allowed.join(' or ')}, got ${answer.status}: ${why}`);
}

/** @throws NotApplicable where a DELETE of what never was has this status too */
export async function assumeTold(
  tools: Tools,
  of: Instance | Binding,
  status: number,
  edit: Edit | undefined,
): Promise<void> {
  const never = of instanceof Instance ? tools.instance() : (await tools.ready()).binding();
  const { answer } = await tools.send(never.removal(edit));
  if (answer.status !== status) return;
  throw new NotApplicable(
    `what is gone cannot be told from what is there, since a DELETE of what never was is ${status} too: see ${of.removalVerb}-unknown`,
  );
}

/** @throws Failure unless the broker answers with the edit as without it */
export async function expectNoDifference(
  tools: Tools,
  request: (edit?: Edit) => Draft,
  edit: Edit,
  what: string,
): Promise<void> {
  const plain = await tools.send(request());
  const changed = await tools.send(request(edit));
  if (plain.answer.status === changed.answer.status) return;
  throw new Failure(
    `the same ${changed.draft.method} (${changed.draft.endpoint}) is answered ${changed.answer.status} ${what}, and ${plain.answer.status} otherwise`,
  );
}
