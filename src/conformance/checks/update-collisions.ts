/** What an update meets when something else runs. A broker MAY choose how much it does at once. */
import { isDeepStrictEqual } from 'node:util';
import { isObject, type JsonObject, type JsonValue } from '../json.ts';
import { operationOf } from '../poll-to-end.ts';
import type { Instance } from '../subject.ts';
import type { Tools } from '../tools.ts';
import type { Check } from '../types.ts';
import { assume, Blocked, done, expectThat } from '../verdict.ts';
import { expectGone } from './gone.ts';
import { expectCollision, expectSameOperation } from './operations.ts';

const group = 'Update';

/** What GET tells of an instance; not applicable where it tells nothing. */
export async function told(tools: Tools, instance: Instance): Promise<JsonObject> {
  tools.assumeInstancesRetrievable();
  const { answer } = await tools.send(instance.fetch());
  if (answer.status !== 200 || !isObject(answer.json))
    throw new Blocked(`the instance is fetched with ${answer.status}`);
  return answer.json;
}

export function parametersIn(json: JsonObject): JsonValue {
  assume(json.parameters !== undefined, 'parameters are not told by GET');
  return json.parameters;
}

export const collisionChecks: readonly Check[] = [
  {
    id: 'update-repeat-early',
    ...{ group, items: [72, 140], level: 'must', lane: 'changing' },
    title: 'the same update while it runs is 202 with the same operation',
    async run(tools) {
      const { instance, answer, draft } = await tools.updating();
      const again = await tools.send(draft);
      await tools.whileRunning(instance, 'update', answer, () => expectSameOperation(answer, again));
    },
  },
  {
    id: 'update-collision',
    ...{ group, items: [17, 72, 140], level: 'must', lane: 'changing' },
    title: 'another update while one runs is 422 ConcurrencyError, or both come to their end',
    async run(tools) {
      const { instance, answer, other } = await tools.updating();
      const second = await tools.send(instance.update({ parameters: other }));
      if (!done.includes(second.answer.status)) {
        await expectCollision(tools, instance, 'update', answer, second);
        return;
      }
      // The instance is of no use to the next check.
      tools.forget();
      await tools.follow(instance, 'update', answer);
      const { state } = await tools.follow(instance, 'update', second);
      const [one, two] = [answer, second].map(({ answer: { json } }) => operationOf(json));
      // Who runs both at once may end with the values of either, but not with one operation for two updates.
      if (state === 'failed' || second.answer.status === 200 || one !== two) return;
      const now = parametersIn(await told(tools, instance));
      for (const [name, value] of Object.entries(other)) {
        expectThat(
          isObject(now) && isDeepStrictEqual(now[name], value),
          'the second update was accepted with the operation of the first one, and is lost: answer 422 ConcurrencyError',
        );
      }
    },
  },
  {
    id: 'update-during-provision',
    ...{ group, items: [17, 80, 137], level: 'must', lane: 'young' },
    title: 'an update while the instance is being made is 422 ConcurrencyError, or both come to their end',
    async run(tools) {
      const { instance, answer } = await tools.young();
      const second = await tools.send(instance.update({ parameters: tools.changedParameters() }));
      if (!done.includes(second.answer.status)) {
        await expectCollision(tools, instance, 'provision', answer, second);
        return;
      }
      await tools.follow(instance, 'provision', answer);
      await tools.follow(instance, 'update', second);
    },
  },
  {
    id: 'update-during-deprovision',
    ...{ group, items: [17, 80, 142], level: 'must', lane: 'leaving' },
    title: 'an update while the instance is being deleted is 422 ConcurrencyError, or does not keep it',
    async run(tools) {
      const { instance, answer } = await tools.leaving();
      const second = await tools.send(instance.update({ parameters: tools.changedParameters() }));
      if (!done.includes(second.answer.status)) {
        await expectCollision(tools, instance, 'deprovision', answer, second);
        return;
      }
      const { state } = await tools.follow(instance, 'deprovision', answer);
      assume(state === 'succeeded', 'the deprovision failed');
      await tools.pauseAfterCutOff();
      await expectGone(
        tools,
        instance,
        'an update was accepted during the DELETE, and the instance came back',
      );
    },
  },
];
