import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { fieldOf, isRefusal } from '../answers.ts';
import { isObject, type JsonValue } from '../json.ts';
import type { Tools } from '../tools.ts';
import type { Check } from '../types.ts';
import { accepted, assume, expectErrorCode, expectRefusal, expectStatus, expectThat } from '../verdict.ts';
import { bindingInProgress, credentialsOf, expectCredentialsIn } from './credentials.ts';
import { expectGone } from './gone.ts';
import { expectCollision, expectMadeOrAsyncRequired, expectSameOperation } from './operations.ts';

const group = 'Bind';

/** Sends a bind that must be refused. */
async function refused(
  tools: Tools,
  body: Record<string, JsonValue | undefined>,
  why: string,
): Promise<void> {
  tools.assumeBindable();
  const instance = await tools.ready();
  expectStatus(await tools.send(instance.binding().bind({ body })), [400], why);
}

const ids = ['service_id', 'plan_id'] as const;

export const bindChecks: readonly Check[] = [
  {
    id: 'bind-works',
    ...{ group, items: [92, 96, 109], level: 'must', lane: 'ready' },
    title: 'a bind is answered 201 with credentials, or 202 and then polled to "succeeded"',
    async run(tools) {
      tools.assumeBindable();
      const binding = (await tools.ready()).binding();
      const answer = await tools.send(binding.bind());
      expectStatus(answer, [201, 202]);
      if (answer.answer.status === 201) {
        expectCredentialsIn(answer);
        return;
      }
      const { state, description } = await tools.follow(binding, 'bind', answer);
      expectThat(state === 'succeeded', `the bind failed: ${description}`);
    },
  },
  {
    id: 'bind-synchronous',
    ...{ group, items: [16, 92], level: 'must', lane: 'ready' },
    title: 'without accepts_incomplete a bind is answered 201, or 422 AsyncRequired',
    async run(tools) {
      tools.assumeBindable();
      const query = { accepts_incomplete: undefined };
      const answer = await tools.send((await tools.ready()).binding().bind({ query }));
      expectMadeOrAsyncRequired(answer);
    },
  },
  ...ids.map(
    (field): Check => ({
      id: `bind-without-${field.replace('_', '-')}`,
      ...{ group, items: [90], level: 'must', lane: 'ready' },
      title: `a bind without ${field} is refused with 400`,
      run: (tools) => refused(tools, { [field]: undefined }, `${field} is missing`),
    }),
  ),
  ...ids.map(
    (field): Check => ({
      id: `bind-unknown-${field.replace('_id', '')}`,
      ...{ group, items: [90], level: 'must', lane: 'ready' },
      title: `a bind with an unknown ${field} is refused with a 4xx`,
      async run(tools) {
        tools.assumeBindable();
        const instance = await tools.ready();
        expectRefusal(await tools.send(instance.binding().bind({ body: { [field]: randomUUID() } })));
      },
    }),
  ),
  {
    id: 'bind-unknown-bad-request',
    ...{ group, items: [13, 90], level: 'client', lane: 'ready' },
    title: 'the refusal of a bind with an unknown service or plan is 400',
    async run(tools) {
      tools.assumeBindable();
      const instance = await tools.ready();
      for (const field of ids) {
        const answer = await tools.send(instance.binding().bind({ body: { [field]: randomUUID() } }));
        assume(answer.answer.status >= 400, `an unknown ${field} is not refused`);
        expectStatus(answer, [400], `${field} is unknown`);
      }
    },
  },
  {
    id: 'bind-forbidden-parameters',
    ...{ group, items: [91], level: 'should', lane: 'ready' },
    title: 'parameters that the bind schema of the plan forbids are refused with 400',
    run: (tools) => {
      const { parameters, name } = tools.forbiddenParameters('bind');
      return refused(tools, { parameters }, `the schema forbids this ${name}`);
    },
  },
  {
    id: 'bind-malformed',
    ...{ group, items: [8, 90], level: 'must', lane: 'ready' },
    title: 'a body that is no JSON object is refused with 400',
    async run(tools) {
      tools.assumeBindable();
      const instance = await tools.ready();
      for (const raw of ['{"service_id": ', '[]']) {
        expectStatus(await tools.send(instance.binding().bind({ raw })), [400], raw);
      }
    },
  },
  {
    id: 'bind-refused-leaves-nothing',
    ...{ group, items: [14, 90], level: 'must', lane: 'ready' },
    title: 'a bind that was refused leaves no binding behind',
    async run(tools) {
      tools.assumeBindable();
      const instance = await tools.ready();
      const edits = [{ body: { plan_id: randomUUID() } }, { query: { accepts_incomplete: undefined } }];
      for (const edit of edits) {
        const binding = instance.binding();
        const { answer } = await tools.attempt(binding.bind(edit));
        if (answer === undefined || !isRefusal({ answer })) continue;
        await expectGone(tools, binding, 'the PUT was refused, and the binding can be unbound');
      }
    },
  },
  {
    id: 'bind-nulls',
    ...{ group, items: [7, 10], level: 'client', lane: 'ready' },
    title: 'a bind with null parameters, unknown fields and an empty context is accepted',
    async run(tools) {
      tools.assumeBindable();
      const parameters = tools.seed.bindParameters ?? null;
      const body = { parameters, conformance_check: [null], context: undefined };
      expectStatus(await tools.send((await tools.ready()).binding().bind({ body })), accepted);
    },
  },
  {
    id: 'bind-service-key',
    ...{ group, items: [10, 94], level: 'client', lane: 'ready' },
    title: 'a bind without an app (a service key) is accepted, or refused with 422 RequiresApp',
    async run(tools) {
      tools.assumeBindable();
      const instance = await tools.ready();
      for (const edit of [
        { app_guid: undefined, bind_resource: undefined },
        { app_guid: '', bind_resource: { app_guid: '' } },
      ]) {
        const answer = await tools.send(instance.binding().bind({ body: edit }));
        if (!accepted.includes(answer.answer.status)) expectErrorCode(answer, 'RequiresApp');
      }
    },
  },
  {
    id: 'bind-app-in-either-place',
    ...{ group, items: [18, 94, 103], level: 'must', lane: 'ready' },
    title: 'the app may be named by app_guid or by bind_resource.app_guid',
    async run(tools) {
      tools.assumeBindable();
      const instance = await tools.ready();
      const app_guid = randomUUID();
      for (const edit of [
        { app_guid, bind_resource: undefined },
        { app_guid: undefined, bind_resource: { app_guid } },
      ]) {
        expectStatus(
          await tools.send(instance.binding().bind({ body: edit })),
          accepted,
          JSON.stringify(edit),
        );
      }
    },
  },
  {
    id: 'bind-repeat',
    ...{ group, items: [93], level: 'client', lane: 'ready' },
    title: 'the same bind for a finished binding is answered 200 with the same credentials',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      const first = await tools.send(binding.bind());
      expectStatus(first, [200]);
      const [one, other] = [
        fieldOf(first, 'credentials'),
        fieldOf(await tools.send(binding.bind()), 'credentials'),
      ];
      expectThat(isObject(one), 'the answer to the repeated PUT has no "credentials" object');
      expectThat(
        isDeepStrictEqual(one, other),
        'the repeated PUT gives other credentials than the one before: keep them, and answer the same',
      );
    },
  },
  {
    id: 'bind-repeat-early',
    ...{ group, items: [93], level: 'must', lane: 'ready' },
    title: 'the same bind while the binding is being made is 202 with the same operation',
    async run(tools) {
      const { binding, answer } = await bindingInProgress(tools);
      const again = await tools.send(binding.bind());
      await tools.whileRunning(binding, 'bind', answer, () => expectSameOperation(answer, again));
    },
  },
  {
    id: 'bind-conflict-parameters',
    ...{ group, items: [93], level: 'must', lane: 'ready' },
    title: 'a bind for a finished binding with other parameters is answered 409',
    async run(tools) {
      tools.assumeBindable();
      const parameters = tools.otherParameters('bind');
      const binding = await tools.bound(await tools.ready());
      expectStatus(await tools.send(binding.bind({ body: { parameters } })), [409]);
    },
  },
  {
    id: 'bind-conflict-early-parameters',
    ...{ group, items: [93], level: 'must', lane: 'ready' },
    title: 'a bind for a binding that is being made with other parameters is answered 409',
    async run(tools) {
      const parameters = tools.otherParameters('bind');
      const { binding } = await bindingInProgress(tools);
      expectStatus(await tools.send(binding.bind({ body: { parameters } })), [409]);
    },
  },
  {
    id: 'bind-conflict-plan',
    ...{ group, items: [90, 93], level: 'client', lane: 'ready' },
    title: 'a bind for a finished binding with another plan is answered 409 (or 400)',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      const body = { plan_id: tools.siblingPlan().planId };
      expectStatus(await tools.send(binding.bind({ body })), [409, 400]);
    },
  },
  {
    id: 'bind-early',
    ...{ group, items: [17, 95, 137], level: 'must', lane: 'young' },
    title: 'a bind while the instance is being made is 202 (or 201), or 422 ConcurrencyError',
    async run(tools) {
      tools.assumeBindable();
      const { instance, answer } = await tools.young();
      const early = await tools.send(instance.binding().bind());
      if ([201, 202].includes(early.answer.status)) return;
      await expectCollision(tools, instance, 'provision', answer, early);
    },
  },
  {
    id: 'bind-late',
    ...{ group, items: [17, 95, 142], level: 'must', lane: 'leaving' },
    title: 'a bind while the instance is being deleted is 422 ConcurrencyError',
    async run(tools) {
      tools.assumeBindable();
      const { instance, answer } = await tools.leaving();
      const late = await tools.send(instance.binding().bind());
      await expectCollision(tools, instance, 'deprovision', answer, late);
    },
  },
  {
    id: 'bind-during-update',
    ...{ group, items: [17, 95, 140], level: 'must', lane: 'changing' },
    title: 'a bind while the instance is being updated is 202 (or 201), or 422 ConcurrencyError',
    async run(tools) {
      tools.assumeBindable();
      const { instance } = await tools.updating();
      const binding = instance.binding();
      const answer = await tools.send(binding.bind());
      if (![201, 202].includes(answer.answer.status)) return expectErrorCode(answer, 'ConcurrencyError');
      // The next update would collide with it.
      await tools.settle(binding, 'bind', answer);
    },
  },
  {
    id: 'bind-unknown-instance',
    ...{ group, items: [95], level: 'client', lane: 'plan' },
    title: 'a bind to an instance that never was is 404 (or 400)',
    async run(tools) {
      tools.assumeBindable();
      expectStatus(await tools.send(tools.instance().binding().bind()), [404, 400]);
    },
  },
  {
    id: 'bind-not-bindable',
    ...{ group, items: [101], level: 'should', lane: 'own' },
    title: 'a bind to a plan that is not bindable is refused with 400 (or 422)',
    async run(tools) {
      const plan = tools.run.plans.find(({ bindable }) => !bindable);
      assume(plan !== undefined, 'every plan is bindable');
      const instance = await tools.make(
        tools.instance({ plan, parameters: undefined, bindParameters: undefined }),
      );
      expectStatus(await tools.send(instance.binding().bind()), [400, 422]);
    },
  },
  {
    id: 'bind-own-credentials',
    ...{ group, items: [96], level: 'should', lane: 'ready' },
    title: 'two bindings have credentials of their own',
    async run(tools) {
      const instance = await tools.ready();
      const one = await credentialsOf(tools, await tools.bound(instance));
      const other = await credentialsOf(tools, await tools.bound(instance));
      assume(isObject(one) && Object.keys(one).length > 0, 'there are no credentials');
      expectThat(
        !isDeepStrictEqual(one, other),
        'both have the same credentials, so neither can be revoked alone',
      );
    },
  },
];
