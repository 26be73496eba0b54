import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../json.ts';
import { operationOf, type Tools } from '../tools.ts';
import type { Check } from '../types.ts';
import { type Answered, assume, expectErrorCode, expectStatus, expectThat } from '../verdict.ts';
import type { Draft } from '../wire/exchange.ts';
import { credentialsOf } from './bind.ts';

const group = 'Races';

/** Sends all at once. */
function atOnce(tools: Tools, drafts: readonly Draft[]): Promise<Answered[]> {
  return Promise.all(drafts.map((draft) => tools.send(draft)));
}

function copies(draft: Draft, tools: Tools): Draft[] {
  return Array.from({ length: tools.run.settings.raceWidth }, () => draft);
}

/** A request that lost a race may say so. */
function expectStatusOrConcurrency(answer: Answered, allowed: readonly number[]): void {
  if (answer.answer.status === 422) expectErrorCode(answer, 'ConcurrencyError');
  else expectStatus(answer, allowed);
}

export const raceChecks: readonly Check[] = [
  {
    id: 'race-provision',
    ...{ group, items: [17, 44, 125], level: 'must', lane: 'own' },
    title: 'the same provision many times at once is one operation',
    async run(tools) {
      const instance = tools.instance();
      const answers = await atOnce(tools, copies(instance.provision(), tools));
      for (const answer of answers) expectStatusOrConcurrency(answer, [200, 201, 202]);
      const taken = answers.filter(({ answer }) => answer.status < 300);
      expectThat(taken.length > 0, 'none of them was accepted');
      const operations = new Set(
        taken.map(({ answer }) => operationOf(answer.json)).filter((one) => one !== undefined),
      );
      expectThat(operations.size <= 1, `there are ${operations.size} operations`);
      const created = taken.filter(({ answer }) => answer.status === 201);
      expectThat(created.length <= 1, `${created.length} of them were answered 201`);
    },
  },
  {
    id: 'race-provision-conflict',
    ...{ group, items: [46, 125], level: 'must', lane: 'own' },
    title: 'of two different provisions of one id at once, one at most is accepted',
    async run(tools) {
      const instance = tools.instance();
      const other = { body: { organization_guid: 'other', space_guid: 'other', context: undefined } };
      const drafts = [instance.provision(), instance.provision(other)];
      const answers = await atOnce(tools, drafts);
      const taken = answers.filter(({ answer }) => answer.status < 300);
      for (const answer of answers) expectStatusOrConcurrency(answer, [200, 201, 202, 409]);
      expectThat(taken.length === 1, `${taken.length} were accepted`);
    },
  },
  {
    id: 'race-bind',
    ...{ group, items: [96, 125], level: 'must', lane: 'ready' },
    title: 'many binds at once succeed with credentials of their own, or are 422 ConcurrencyError',
    async run(tools) {
      tools.assumeBindable();
      const instance = await tools.ready();
      const bindings = Array.from({ length: tools.run.settings.raceWidth }, () => instance.binding());
      const answers = await atOnce(
        tools,
        bindings.map((binding) => binding.bind()),
      );
      const made: unknown[] = [];
      for (const [index, binding] of bindings.entries()) {
        const answer = answers[index];
        if (answer === undefined) continue;
        expectStatusOrConcurrency(answer, [201, 202]);
        if (answer.answer.status === 422) continue;
        const { state, description } = await tools.settle(binding, 'bind', answer);
        expectThat(state === 'succeeded', `a bind failed: ${description}`);
        made.push(await credentialsOf(tools, binding));
      }
      expectThat(made.length > 0, 'none of them was accepted');
      assume(
        made.every((one) => isObject(one as null) && Object.keys(one as object).length > 0),
        'there are no credentials',
      );
      const twins = made.some((one, index) =>
        made.slice(index + 1).some((other) => isDeepStrictEqual(one, other)),
      );
      expectThat(!twins, 'two of them have the same credentials');
    },
  },
  {
    id: 'race-bind-same',
    ...{ group, items: [93, 125], level: 'must', lane: 'ready' },
    title: 'the same bind many times at once is one binding',
    async run(tools) {
      tools.assumeBindable();
      const binding = (await tools.ready()).binding();
      const answers = await atOnce(tools, copies(binding.bind(), tools));
      for (const answer of answers) expectStatusOrConcurrency(answer, [200, 201, 202]);
      const taken = answers.filter(({ answer }) => answer.status < 300);
      expectThat(taken.length > 0, 'none of them was accepted');
      const all = taken.flatMap(({ answer: { json } }) =>
        isObject(json) && json.credentials !== undefined ? [json.credentials] : [],
      );
      expectThat(
        all.every((one) => isDeepStrictEqual(one, all[0])),
        'they have different credentials',
      );
    },
  },
  {
    id: 'race-deprovision',
    ...{ group, items: [83, 125], level: 'must', lane: 'own' },
    title: 'the same deprovision many times at once is one operation',
    async run(tools) {
      const instance = await tools.make();
      const answers = await atOnce(tools, copies(instance.deprovision(), tools));
      for (const answer of answers) expectStatusOrConcurrency(answer, [200, 202, 410]);
      const [first] = answers.filter(({ answer }) => answer.status === 202);
      const running = answers.filter(({ answer }) => answer.status === 202);
      const operations = new Set(running.map(({ answer }) => operationOf(answer.json)));
      expectThat(operations.size <= 1, `there are ${operations.size} operations`);
      if (first !== undefined) await tools.settle(instance, 'deprovision', first);
      expectStatus(await tools.send(instance.deprovision()), [410]);
    },
  },
];
