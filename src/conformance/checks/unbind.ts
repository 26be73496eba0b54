import type { Check } from '../types.ts';
import { expectErrorCode, expectStatus, expectThat } from '../verdict.ts';
import { expectCredentials, lastingCredentialsOf } from './credentials.ts';
import { expectGone } from './gone.ts';
import { expectDoneOrAsyncRequired, expectEnded, expectSameOperation } from './operations.ts';

const group = 'Unbind';

export const unbindChecks: readonly Check[] = [
  {
    id: 'unbind-works',
    ...{ group, items: [115], level: 'must', lane: 'ready' },
    title: 'an unbind is answered 200, or 202 and then polled to its end',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      const answer = await tools.send(binding.unbind());
      expectStatus(answer, [200, 202]);
      const { state, description } = await tools.follow(binding, 'unbind', answer);
      expectThat(state === 'succeeded', `the unbind failed: ${description}`);
    },
  },
  {
    id: 'unbind-again',
    ...{ group, items: [115], level: 'must', lane: 'ready' },
    title: 'an unbind of a binding that was unbound is 410',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      await tools.remove(binding);
      expectStatus(await tools.send(binding.unbind()), [410], 'the binding is gone');
    },
  },
  {
    id: 'unbind-synchronous',
    ...{ group, items: [16, 116], level: 'must', lane: 'ready' },
    title: 'without accepts_incomplete an unbind is answered 200, or 422 AsyncRequired',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      const answer = await tools.send(binding.unbind({ query: { accepts_incomplete: undefined } }));
      expectDoneOrAsyncRequired(answer);
    },
  },
  {
    id: 'unbind-unknown',
    ...{ group, items: [115, 128], level: 'must', lane: 'ready' },
    title: 'an unbind of a binding that never was is 410',
    async run(tools) {
      tools.assumeBindable();
      expectStatus(await tools.send((await tools.ready()).binding().unbind()), [410]);
    },
  },
  {
    id: 'unbind-without-ids',
    ...{ group, items: [115, 150], level: 'must', lane: 'ready' },
    title: 'an unbind without service_id or plan_id is refused with 400',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      for (const query of [{ service_id: undefined }, { plan_id: undefined }]) {
        expectStatus(
          await tools.send(binding.unbind({ query })),
          [400],
          `${Object.keys(query)[0]} is missing`,
        );
      }
    },
  },
  {
    id: 'unbind-repeat-early',
    ...{ group, items: [115], level: 'must', lane: 'ready' },
    title: 'the same unbind while it runs is 202 with the same operation',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      const answer = await tools.begin(binding.unbind(), 'unbinds');
      const again = await tools.send(binding.unbind());
      await tools.whileRunning(binding, 'unbind', answer, () => expectSameOperation(answer, again));
    },
  },
  {
    id: 'unbind-early',
    ...{ group, items: [117], level: 'must', lane: 'ready' },
    title: 'an unbind while the binding is being made ends it for good, or is 422 ConcurrencyError',
    async run(tools) {
      tools.assumeBindable();
      const binding = (await tools.ready()).binding();
      const created = await tools.begin(binding.bind(), 'binds');
      const answer = await tools.send(binding.unbind());
      if (answer.answer.status === 422) return expectErrorCode(answer, 'ConcurrencyError');
      expectStatus(answer, [200, 202]);
      await tools.settle(binding, 'unbind', answer);
      await tools.pauseAfterCutOff();
      await expectEnded(
        tools,
        binding,
        created,
        'the bind is still polled as "in progress" after its binding was deleted: it must end',
      );
      await expectGone(tools, binding, 'the bind went on, and the binding came back after its DELETE');
    },
  },
  {
    id: 'unbind-fetch',
    ...{ group, items: [112, 118], level: 'must', lane: 'ready' },
    title: 'fetching a binding that was unbound is 404',
    async run(tools) {
      tools.assumeBindingsRetrievable();
      const binding = await tools.bound(await tools.ready());
      await tools.remove(binding);
      expectStatus(await tools.send(binding.fetch()), [404]);
    },
  },
  {
    id: 'unbind-leaves-others',
    ...{ group, items: [118], level: 'must', lane: 'ready' },
    title: 'an unbind leaves the other bindings of the instance as they are',
    async run(tools) {
      const instance = await tools.ready();
      const [one, other] = [await tools.bound(instance), await tools.bound(instance)];
      const before = await lastingCredentialsOf(tools, other);
      await tools.remove(one);
      await expectCredentials(tools, other, before, 'the credentials of the other binding changed');
    },
  },
  {
    id: 'unbind-id-again',
    ...{ group, items: [117, 144], level: 'client', lane: 'ready' },
    title: 'the id of a binding that was unbound can be bound again',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      await tools.remove(binding);
      expectStatus(await tools.send(binding.bind()), [201, 202]);
    },
  },
];
