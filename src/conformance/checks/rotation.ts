import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { fieldOf } from '../answers.ts';
import type { Binding } from '../subject.ts';
import type { Tools } from '../tools.ts';
import type { Check } from '../types.ts';
import { assume, Blocked, expectRefusal, expectStatus, expectThat } from '../verdict.ts';
import type { Edit } from '../wire/exchange.ts';
import { credentialsOf, expectCredentials, lastingCredentialsOf } from './credentials.ts';

const group = 'Rotation';

function assumeRotatable({ plan }: Tools): void {
  assume(plan.rotatable, 'the catalog does not say binding_rotatable');
}

interface Pair {
  predecessor: Binding;
  successor: Binding;
}

/** A binding that may be rotated. */
async function rotatable(tools: Tools, edit?: Edit): Promise<Binding> {
  assumeRotatable(tools);
  const instance = await tools.ready();
  return await tools.bound(instance, instance.binding(), edit);
}

/** A binding and the one that succeeds it. */
async function rotated(tools: Tools, edit?: Edit): Promise<Pair> {
  const predecessor = await rotatable(tools, edit);
  const successor = predecessor.instance.binding();
  const answer = await tools.send(successor.rotate(predecessor));
  const { state } = await tools.settle(successor, 'bind', answer);
  if (state === 'failed') throw new Blocked('the rotation failed');
  return { predecessor, successor };
}

export const rotationChecks: readonly Check[] = [
  {
    id: 'rotate',
    ...{ group, items: [104], level: 'must', lane: 'ready' },
    title: 'a bind with nothing but predecessor_binding_id is answered 201 or 202 and succeeds',
    async run(tools) {
      const predecessor = await rotatable(tools);
      const successor = predecessor.instance.binding();
      const answer = await tools.send(successor.rotate(predecessor));
      expectStatus(answer, [201, 202]);
      const { state, description } = await tools.settle(successor, 'bind', answer);
      expectThat(state === 'succeeded', `the rotation failed: ${description}`);
    },
  },
  {
    id: 'rotate-with-ids',
    ...{ group, items: [104], level: 'client', lane: 'ready' },
    title: 'a rotation that names service and plan as well is accepted',
    async run(tools) {
      const predecessor = await rotatable(tools);
      const body = { service_id: tools.plan.serviceId, plan_id: tools.plan.planId };
      const answer = await tools.send(predecessor.instance.binding().rotate(predecessor, { body }));
      expectStatus(answer, [201, 202]);
    },
  },
  {
    id: 'rotate-new-credentials',
    ...{ group, items: [106], level: 'must', lane: 'ready' },
    title: 'a successor has other credentials than its predecessor, which keeps its own',
    async run(tools) {
      const predecessor = await rotatable(tools);
      tools.assumeBindingsRetrievable();
      const before = await lastingCredentialsOf(tools, predecessor);
      const successor = predecessor.instance.binding();
      await tools.settle(successor, 'bind', await tools.send(successor.rotate(predecessor)));
      expectThat(
        !isDeepStrictEqual(await credentialsOf(tools, successor), before),
        'the successor has the credentials of its predecessor: a rotation must make new ones',
      );
      await expectCredentials(
        tools,
        predecessor,
        before,
        'the credentials of the predecessor changed: it must stay as it is until it is unbound',
      );
    },
  },
  {
    id: 'rotate-outlives-predecessor',
    ...{ group, items: [106], level: 'must', lane: 'ready' },
    title: 'unbinding the predecessor leaves the successor as it is',
    async run(tools) {
      const { predecessor, successor } = await rotated(tools);
      tools.assumeBindingsRetrievable();
      const before = await lastingCredentialsOf(tools, successor);
      await tools.remove(predecessor);
      await expectCredentials(
        tools,
        successor,
        before,
        'the credentials of the successor changed when its predecessor was unbound',
      );
    },
  },
  {
    id: 'rotate-repeat',
    ...{ group, items: [108], level: 'client', lane: 'ready' },
    title: 'the same rotation again is answered 200',
    async run(tools) {
      const { predecessor, successor } = await rotated(tools);
      expectStatus(await tools.send(successor.rotate(predecessor)), [200]);
    },
  },
  {
    id: 'rotate-conflict',
    ...{ group, items: [108], level: 'must', lane: 'ready' },
    title: 'the same binding id with another predecessor is answered 409',
    async run(tools) {
      const { successor } = await rotated(tools);
      const another = await tools.bound(successor.instance);
      expectStatus(await tools.send(successor.rotate(another)), [409]);
    },
  },
  {
    id: 'rotate-unknown-predecessor',
    ...{ group, items: [105], level: 'must', lane: 'ready' },
    title: 'a rotation of a binding that does not exist is refused with a 4xx',
    async run(tools) {
      assumeRotatable(tools);
      const instance = await tools.ready();
      expectRefusal(await tools.send(instance.binding().rotate(instance.binding(randomUUID()))));
    },
  },
  {
    id: 'rotate-foreign-predecessor',
    ...{ group, items: [105], level: 'must', lane: 'own' },
    title: 'a rotation of a binding of another instance is refused with a 4xx',
    async run(tools) {
      assumeRotatable(tools);
      const [mine, other] = [await tools.make(), await tools.make()];
      const foreign = await tools.bound(other);
      expectRefusal(await tools.send(mine.binding().rotate(foreign)));
    },
  },
  {
    id: 'rotate-not-rotatable',
    ...{ group, items: [105], level: 'should', lane: 'own' },
    title: 'a rotation on a plan that is not binding_rotatable is refused with a 4xx',
    async run(tools) {
      const plan = tools.run.plans.find(({ bindable, rotatable }) => bindable && !rotatable);
      assume(plan !== undefined, 'every plan that can be bound is rotatable');
      const change =
        plan.planId === tools.plan.planId ? {} : { plan, parameters: undefined, bindParameters: undefined };
      const instance = await tools.make(tools.instance(change));
      const predecessor = await tools.bound(instance);
      expectRefusal(await tools.send(instance.binding().rotate(predecessor)));
    },
  },
  {
    id: 'rotate-keeps-parameters',
    ...{ group, items: [107], level: 'should', lane: 'ready' },
    title: 'a successor has the parameters of its predecessor',
    async run(tools) {
      tools.assumeBindingsRetrievable();
      const parameters = tools.otherParameters('bind');
      const { predecessor, successor } = await rotated(tools, { body: { parameters } });
      const before = fieldOf(await tools.send(predecessor.fetch()), 'parameters');
      assume(before !== undefined, 'the parameters of bindings are not told');
      const after = fieldOf(await tools.send(successor.fetch()), 'parameters');
      expectThat(isDeepStrictEqual(after, before), 'GET tells other parameters');
    },
  },
];
