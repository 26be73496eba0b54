import { isDeepStrictEqual } from 'node:util';
import { isObject, type JsonValue } from '../json.ts';
import { othersAllowed } from '../parameters.ts';
import { operationOf } from '../poll-to-end.ts';
import type { Binding } from '../subject.ts';
import type { Tools } from '../tools.ts';
import type { Check } from '../types.ts';
import { assume, expectErrorCode, expectStatus, expectThat, gone } from '../verdict.ts';
import type { Answered, Draft } from '../wire/exchange.ts';
import { credentialsOf } from './credentials.ts';
import { expectGone } from './gone.ts';
import { expectOneOperation } from './operations.ts';
import { conflicting } from './provision.ts';

const group = 'Races';

/** Enough to see whether two are alike: each takes its time to be removed again. */
const few = 3;

/** Sends all at once. */
function atOnce(tools: Tools, drafts: readonly Draft[]): Promise<Answered[]> {
  return Promise.all(drafts.map((draft) => tools.send(draft)));
}

function copies(draft: Draft, tools: Tools): Draft[] {
  return Array.from({ length: tools.run.settings.raceWidth }, () => draft);
}

/** @returns the bindings that were made; whoever lost the race may have been told so */
async function bindAtOnce(tools: Tools, width = tools.run.settings.raceWidth): Promise<Binding[]> {
  tools.assumeBindable();
  const instance = await tools.ready();
  const bindings = Array.from({ length: width }, () => instance.binding());
  const answers = await atOnce(
    tools,
    bindings.map((binding) => binding.bind()),
  );
  const made: Binding[] = [];
  for (const [index, binding] of bindings.entries()) {
    const answer = answers[index];
    if (answer === undefined) continue;
    // Which success it is `bind-works` is about.
    expectStatusOrConcurrency(answer, [200, 201, 202]);
    if (answer.answer.status === 422) continue;
    const { state, description } = await tools.settle(binding, 'bind', answer);
    expectThat(state === 'succeeded', `a bind failed: ${description}`);
    made.push(binding);
  }
  expectThat(made.length > 0, 'none of the requests was accepted: one at least must be');
  return made;
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
      // That the PUT of a finished instance is 200 and no conflict is what `provision-repeat` is about.
      for (const answer of answers) {
        if (answer.answer.status >= 300) expectStatusOrConcurrency(answer, [409]);
      }
      const taken = answers.filter(({ answer }) => answer.status < 300);
      expectThat(taken.length > 0, 'none of the requests was accepted: one at least must be');
      const operations = new Set(
        taken.map(({ answer }) => operationOf(answer.json)).filter((one) => one !== undefined),
      );
      expectThat(
        operations.size <= 1,
        `the answers name ${operations.size} operations: the same PUT must join the one that runs`,
      );
      const created = taken.filter(({ answer }) => answer.status === 201);
      if (created.length <= 1) return;
      const again = await tools.send(instance.provision());
      assume(
        again.answer.status !== 201,
        'a PUT of what is there is answered 201 as well: see provision-repeat',
      );
      expectThat(
        false,
        `${created.length} of them were answered 201: one makes the instance, the others find it`,
      );
    },
  },
  {
    id: 'race-provision-conflict',
    ...{ group, items: [46, 125], level: 'must', lane: 'own' },
    title: 'of two different provisions of one id at once, one at most is accepted',
    async run(tools) {
      const instance = tools.instance();
      const what = othersAllowed(tools.plan.schemas.provision, tools.seed.parameters ?? {}).length > 0;
      const other = conflicting(tools, instance, what ? 'parameters' : 'plan');
      const answers = await atOnce(tools, [instance.provision(), other]);
      const taken = answers.filter(({ answer }) => answer.status < 300);
      // A plan may have other parameters: 400.
      for (const answer of answers) expectStatusOrConcurrency(answer, [200, 201, 202, 400, 409]);
      expectThat(taken.length <= 1, 'both were accepted: the second one must be answered 409');
    },
  },
  {
    id: 'race-update',
    ...{ group, items: [72, 125], level: 'must', lane: 'changing' },
    title: 'the same update many times at once is one operation',
    async run(tools) {
      const instance = await tools.changing();
      const draft = instance.update({ parameters: tools.changedParameters() });
      const answers = await atOnce(tools, copies(draft, tools));
      tools.forget();
      // Which success it is `update-parameters` is about; a second one of those that are done may change nothing.
      for (const answer of answers) {
        if (answer.answer.status >= 300) expectStatus(answer, [422]);
      }
      expectOneOperation(answers);
    },
  },
  {
    id: 'race-bind',
    ...{ group, items: [95, 125], level: 'must', lane: 'ready' },
    title: 'many binds at once succeed, or are 422 ConcurrencyError',
    run: async (tools) => void (await bindAtOnce(tools)),
  },
  {
    id: 'race-bind-credentials',
    ...{ group, items: [96, 125], level: 'should', lane: 'ready' },
    title: 'bindings that are made at once have credentials of their own',
    async run(tools) {
      const made: JsonValue[] = [];
      for (const binding of await bindAtOnce(tools, few)) {
        const credentials = await credentialsOf(tools, binding);
        assume(isObject(credentials) && Object.keys(credentials).length > 0, 'there are no credentials');
        made.push(credentials);
      }
      const twins = made.some((one, index) =>
        made.slice(index + 1).some((other) => isDeepStrictEqual(one, other)),
      );
      expectThat(!twins, 'two bindings have the same credentials, so neither can be revoked alone');
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
      expectThat(taken.length > 0, 'none of the requests was accepted: one at least must be');
      const all = taken.flatMap(({ answer: { json } }) =>
        isObject(json) && json.credentials !== undefined ? [json.credentials] : [],
      );
      expectThat(
        all.every((one) => isDeepStrictEqual(one, all[0])),
        'the answers to the same PUT have different credentials: all must find the one binding',
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
      // Which success it is `deprovision-works` is about.
      for (const answer of answers) {
        if (answer.answer.status >= 300) expectStatusOrConcurrency(answer, gone);
      }
      const first = expectOneOperation(answers);
      if (first !== undefined) {
        const { state } = await tools.settle(instance, 'deprovision', first);
        assume(state === 'succeeded', 'the deprovision failed');
      }
      await expectGone(tools, instance, 'the instance is still there after its DELETE');
    },
  },
  {
    id: 'race-unbind',
    ...{ group, items: [115, 125], level: 'must', lane: 'ready' },
    title: 'the same unbind many times at once is one operation',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      const answers = await atOnce(tools, copies(binding.unbind(), tools));
      // Which success it is `unbind-works` is about.
      for (const answer of answers) {
        if (answer.answer.status >= 300) expectStatusOrConcurrency(answer, gone);
      }
      const first = expectOneOperation(answers);
      if (first !== undefined) await tools.settle(binding, 'unbind', first);
      await expectGone(tools, binding, 'the binding is still there after its DELETE');
    },
  },
];
