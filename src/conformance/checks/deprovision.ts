import { randomUUID } from 'node:crypto';
import { isRefusal } from '../answers.ts';
import type { Check } from '../types.ts';
import { assume, expectErrorCode, expectStatus, expectThat, gone } from '../verdict.ts';
import { expectGone } from './gone.ts';
import {
  expectCollision,
  expectDoneOrAsyncRequired,
  expectEnded,
  expectSameOperation,
} from './operations.ts';

const group = 'Deprovision';

export const deprovisionChecks: readonly Check[] = [
  {
    id: 'deprovision-works',
    ...{ group, items: [83, 138], level: 'must', lane: 'own' },
    title: 'a deprovision is answered 200, or 202 and then polled to its end',
    async run(tools) {
      const instance = await tools.make();
      const answer = await tools.send(instance.deprovision());
      expectStatus(answer, [200, 202]);
      const { state, description } = await tools.follow(instance, 'deprovision', answer);
      expectThat(state === 'succeeded', `the deprovision failed: ${description}`);
    },
  },
  {
    id: 'deprovision-again',
    ...{ group, items: [83, 88, 144], level: 'must', lane: 'own' },
    title: 'a deprovision of an instance that was deleted is 410',
    async run(tools) {
      const instance = await tools.make();
      await tools.remove(instance);
      expectStatus(await tools.send(instance.deprovision()), [410]);
    },
  },
  {
    id: 'deprovision-unknown',
    ...{ group, items: [83, 128, 136], level: 'must', lane: 'plan' },
    title: 'a deprovision of an instance that never was is 410',
    async run(tools) {
      expectStatus(await tools.send(tools.instance().deprovision()), [410]);
    },
  },
  {
    id: 'deprovision-without-ids',
    ...{ group, items: [82], level: 'must', lane: 'own' },
    title: 'a deprovision without service_id or plan_id is refused with 400',
    async run(tools) {
      const instance = await tools.make();
      for (const query of [{ service_id: undefined }, { plan_id: undefined }]) {
        expectStatus(
          await tools.send(instance.deprovision({ query })),
          [400],
          `${Object.keys(query)[0]} is missing`,
        );
      }
    },
  },
  {
    id: 'deprovision-refused-deletes-nothing',
    ...{ group, items: [14, 82], level: 'must', lane: 'own' },
    title: 'a deprovision that was refused deletes nothing',
    async run(tools) {
      const instance = await tools.make();
      const { answer } = await tools.send(instance.deprovision({ query: { service_id: undefined } }));
      assume(isRefusal({ answer }), 'a deprovision without service_id is not refused');
      await tools.pauseAfterCutOff();
      const { status } = (await tools.send(instance.deprovision())).answer;
      expectThat(
        !gone.includes(status),
        'the DELETE was answered 400, and the instance is gone all the same',
      );
    },
  },
  {
    id: 'deprovision-other-service',
    ...{ group, items: [82], level: 'should', lane: 'own' },
    title: 'a deprovision with another service_id than the instance has is refused with 400',
    async run(tools) {
      const instance = await tools.make();
      expectStatus(await tools.send(instance.deprovision({ query: { service_id: randomUUID() } })), [400]);
    },
  },
  {
    id: 'deprovision-synchronous',
    ...{ group, items: [16, 84], level: 'must', lane: 'own' },
    title: 'without accepts_incomplete a deprovision is answered 200, or 422 AsyncRequired',
    async run(tools) {
      const instance = await tools.make();
      const answer = await tools.send(instance.deprovision({ query: { accepts_incomplete: undefined } }));
      expectDoneOrAsyncRequired(answer);
    },
  },
  {
    id: 'deprovision-repeat-early',
    ...{ group, items: [83, 142], level: 'must', lane: 'leaving' },
    title: 'the same deprovision while it runs is 202 with the same operation',
    async run(tools) {
      const { instance, answer } = await tools.leaving();
      const again = await tools.send(instance.deprovision());
      await tools.whileRunning(instance, 'deprovision', answer, () => expectSameOperation(answer, again));
    },
  },
  {
    id: 'provision-during-deprovision',
    ...{ group, items: [17, 142], level: 'must', lane: 'leaving' },
    title: 'a provision while the instance is being deleted is 422 ConcurrencyError',
    async run(tools) {
      const { instance, answer } = await tools.leaving();
      const again = await tools.send(instance.provision());
      await expectCollision(tools, instance, 'deprovision', answer, again);
    },
  },
  {
    id: 'deprovision-early',
    ...{ group, items: [63, 85, 137], level: 'must', lane: 'own' },
    title: 'a deprovision while the instance is being made removes it for good, or is 422 ConcurrencyError',
    async run(tools) {
      const instance = tools.instance();
      const created = await tools.begin(instance.provision(), 'provisions');
      const answer = await tools.send(instance.deprovision());
      if (answer.answer.status === 422) return expectErrorCode(answer, 'ConcurrencyError');
      expectStatus(answer, [200, 202]);
      const { state } = await tools.settle(instance, 'deprovision', answer);
      assume(state === 'succeeded', 'the deprovision failed');
      await tools.pauseAfterCutOff();
      await expectEnded(
        tools,
        instance,
        created,
        'the provision is still polled as "in progress" after its instance was deleted: it must end',
      );
      await expectGone(tools, instance, 'the provision went on, and the instance came back after its DELETE');
    },
  },
  {
    id: 'deprovision-during-update',
    ...{ group, items: [17, 84, 140], level: 'must', lane: 'changing' },
    title:
      'a deprovision while the instance is being updated is 422 ConcurrencyError, or removes it for good',
    async run(tools) {
      const { instance } = await tools.updating();
      const answer = await tools.send(instance.deprovision());
      if (answer.answer.status === 422) return expectErrorCode(answer, 'ConcurrencyError');
      tools.forget();
      expectStatus(answer, [200, 202]);
      const { state } = await tools.settle(instance, 'deprovision', answer);
      assume(state === 'succeeded', 'the deprovision failed');
      await tools.pauseAfterCutOff();
      await expectGone(tools, instance, 'the update went on, and the instance came back after its DELETE');
    },
  },
  {
    id: 'deprovision-with-bindings',
    ...{ group, items: [87], level: 'should', lane: 'own' },
    title: 'a deprovision of an instance with a binding is accepted, or refused with 400 or 422',
    async run(tools) {
      const instance = await tools.make();
      await tools.bound(instance);
      expectStatus(await tools.send(instance.deprovision()), [200, 202, 400, 422]);
    },
  },
  {
    id: 'deprovision-id-again',
    ...{ group, items: [47, 144], level: 'client', lane: 'own' },
    title: 'the id of an instance that was deleted can be provisioned again',
    async run(tools) {
      const instance = await tools.make();
      await tools.remove(instance);
      expectStatus(await tools.send(instance.provision()), [201, 202]);
    },
  },
];
