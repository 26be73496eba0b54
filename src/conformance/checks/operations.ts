/** What answers to the same request, one after the other or at once, say of the operation. */
import { fieldOf } from '../answers.ts';
import { operationOf } from '../poll-to-end.ts';
import type { Binding, Instance } from '../subject.ts';
import type { Tools } from '../tools.ts';
import { expectErrorCode, expectStatus, expectThat } from '../verdict.ts';
import type { Answered, Verb } from '../wire/exchange.ts';

/** @throws Failure unless the second answer is a 202 that names the operation that the first one began */
export function expectSameOperation(first: Answered, second: Answered): void {
  expectStatus(second, [202]);
  const [one, other] = [first, second].map(({ answer }) => operationOf(answer.json));
  expectThat(
    one === other,
    `"operation" was ${JSON.stringify(one)} and is now ${JSON.stringify(other)}: the same request must name the one that runs`,
  );
}

/** @returns one of the answers that began it; nothing when all were done within their requests */
export function expectOneOperation(answers: readonly Answered[]): Answered | undefined {
  const begun = answers.filter(({ answer }) => answer.status === 202);
  const operations = new Set(begun.map(({ answer }) => operationOf(answer.json)));
  expectThat(
    operations.size <= 1,
    `the answers name ${operations.size} operations: the same request must join the one that runs`,
  );
  return begun[0];
}

/** @throws Failure for a second request that is refused with anything but ConcurrencyError while the first one runs */
export function expectCollision(
  tools: Tools,
  of: Instance | Binding,
  verb: Verb,
  begun: Answered,
  second: Answered,
): Promise<void> {
  return tools.whileRunning(of, verb, begun, () => expectErrorCode(second, 'ConcurrencyError'));
}

/** Of an update or a DELETE without accepts_incomplete. Which success it is other checks are about. */
export function expectDoneOrAsyncRequired(answer: Answered): void {
  if (answer.answer.status >= 300 || answer.answer.status === 202) expectErrorCode(answer, 'AsyncRequired');
}

/** Of a provision or bind without accepts_incomplete. That it is 201 other checks are about. */
export function expectMadeOrAsyncRequired(answer: Answered): void {
  if (![200, 201].includes(answer.answer.status)) expectErrorCode(answer, 'AsyncRequired');
}

/** @throws Failure when what a DELETE cancelled is polled as if it still ran */
export async function expectEnded(
  tools: Tools,
  of: Instance | Binding,
  cancelled: Answered,
  otherwise: string,
): Promise<void> {
  // A poll after a deletion, whatever began before it: 410 is fine.
  const poll = await tools.send(of.poll(of.removalVerb, operationOf(cancelled.answer.json)));
  expectThat(fieldOf(poll, 'state') !== 'in progress', otherwise);
}
