/** What answers to the same request, one after the other or at once, say of the operation. */
import { operationOf } from '../poll-to-end.ts';
import { type Answered, expectStatus, expectThat } from '../verdict.ts';

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
