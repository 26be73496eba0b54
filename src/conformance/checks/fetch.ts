import { fieldOf } from '../answers.ts';
import { isObject } from '../json.ts';
import type { Check } from '../types.ts';
import { assume, expectStatus, expectThat } from '../verdict.ts';
import { expectCollision } from './operations.ts';

const group = 'Fetch';

export const fetchChecks: readonly Check[] = [
  {
    id: 'fetch-instance',
    ...{ group, items: [65, 138], level: 'must', lane: 'own' },
    title: 'an instance can be fetched as soon as its provision succeeded',
    async run(tools) {
      tools.assumeInstancesRetrievable();
      expectStatus(await tools.send((await tools.make()).fetch()), [200]);
    },
  },
  {
    id: 'fetch-instance-ids',
    ...{ group, items: [66], level: 'must', lane: 'ready' },
    title: 'a fetched instance has the service_id and plan_id it was made with',
    async run(tools) {
      tools.assumeInstancesRetrievable();
      const fetched = await tools.send((await tools.ready()).fetch());
      assume(fetched.answer.status === 200, 'the instance cannot be fetched');
      const said = [fieldOf(fetched, 'service_id'), fieldOf(fetched, 'plan_id')];
      const { serviceId, planId } = tools.plan;
      expectThat(
        said[0] === serviceId && said[1] === planId,
        `service_id and plan_id are ${JSON.stringify(said)}, not what the PUT sent`,
      );
    },
  },
  {
    id: 'fetch-instance-parameters',
    ...{ group, items: [66], level: 'must', lane: 'own' },
    title: 'if the parameters of a fetched instance are told, they hold what was sent',
    async run(tools) {
      tools.assumeInstancesRetrievable();
      const parameters = tools.otherParameters();
      const instance = await tools.make(tools.instance({ parameters }));
      const told = fieldOf(await tools.send(instance.fetch()), 'parameters');
      assume(isObject(told), 'parameters are not told');
      for (const [name, value] of Object.entries(parameters)) {
        const same = JSON.stringify(told[name]) === JSON.stringify(value);
        expectThat(
          same,
          `${name} was sent as ${JSON.stringify(value)}, told as ${JSON.stringify(told[name])}`,
        );
      }
    },
  },
  {
    id: 'fetch-instance-without-query',
    ...{ group, items: [69], level: 'client', lane: 'ready' },
    title: 'an instance can be fetched without service_id and plan_id, or with others',
    async run(tools) {
      tools.assumeInstancesRetrievable();
      const instance = await tools.ready();
      for (const query of [{ service_id: undefined, plan_id: undefined }, { plan_id: 'unknown' }]) {
        expectStatus(await tools.send(instance.fetch({ query })), [200]);
      }
    },
  },
  {
    id: 'fetch-instance-unknown',
    ...{ group, items: [67, 136], level: 'must', lane: 'plan' },
    title: 'fetching an instance that never was is 404',
    async run(tools) {
      tools.assumeInstancesRetrievable();
      expectStatus(await tools.send(tools.instance().fetch()), [404]);
    },
  },
  {
    id: 'fetch-instance-early',
    ...{ group, items: [67, 137], level: 'must', lane: 'young' },
    title: 'fetching an instance that is being made is 404',
    async run(tools) {
      tools.assumeInstancesRetrievable();
      const { instance, answer } = await tools.young();
      const fetched = await tools.send(instance.fetch());
      await tools.whileRunning(instance, 'provision', answer, () => expectStatus(fetched, [404]));
    },
  },
  {
    id: 'fetch-instance-during-update',
    ...{ group, items: [68, 140], level: 'must', lane: 'changing' },
    title: 'fetching an instance that is being updated is 200, or 422 ConcurrencyError',
    async run(tools) {
      tools.assumeInstancesRetrievable();
      const { instance, answer } = await tools.updating();
      const fetched = await tools.send(instance.fetch());
      if (fetched.answer.status === 200) return;
      await expectCollision(tools, instance, 'update', answer, fetched);
    },
  },
  {
    id: 'fetch-instance-deleted',
    ...{ group, items: [68, 144], level: 'should', lane: 'own' },
    title: 'fetching an instance that was deleted is 404',
    async run(tools) {
      tools.assumeInstancesRetrievable();
      const instance = await tools.make();
      await tools.remove(instance);
      expectStatus(await tools.send(instance.fetch()), [404]);
    },
  },
];
