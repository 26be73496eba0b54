import { isDeepStrictEqual } from 'node:util';
import { fieldOf } from '../answers.ts';
import { isObject } from '../json.ts';
import type { Check } from '../types.ts';
import { assume, Blocked, expectStatus, expectThat } from '../verdict.ts';
import { servicesOf } from './catalog-document.ts';
import {
  bindingInProgress,
  expectCredentialsIn,
  lastingCredentialsOf,
  permissions,
  tellBinding,
} from './credentials.ts';

const group = 'Bind';

/** GET of bindings, polls for them, and what they give. */
export const fetchBindingChecks: readonly Check[] = [
  {
    id: 'bind-asynchronous-retrievable',
    ...{ group, items: [111, 112], level: 'client', lane: 'ready' },
    title: 'a service that binds asynchronously says bindings_retrievable (Cloud Foundry, Service Catalog)',
    async run(tools) {
      await bindingInProgress(tools);
      expectThat(
        tools.plan.bindingsRetrievable,
        'Cloud Foundry and Service Catalog cannot read the credentials of this bind: the catalog must say "bindings_retrievable": true, and GET must tell them',
      );
    },
  },
  {
    id: 'fetch-binding',
    ...{ group, items: [111], level: 'must', lane: 'ready' },
    title: 'a binding can be fetched as soon as its bind succeeded, with credentials if that was a 202',
    async run(tools) {
      tools.assumeBindable();
      tools.assumeBindingsRetrievable();
      const binding = (await tools.ready()).binding();
      const bound = await tools.send(binding.bind());
      const { state } = await tools.settle(binding, 'bind', bound);
      if (state === 'failed') throw new Blocked('the binding could not be made');
      const fetched = await tools.send(binding.fetch());
      expectStatus(fetched, [200]);
      if (bound.answer.status === 202) expectCredentialsIn(fetched);
    },
  },
  {
    id: 'fetch-binding-again',
    ...{ group, items: [113], level: 'client', lane: 'ready' },
    title: 'every fetch of a binding gives the same credentials',
    async run(tools) {
      tools.assumeBindingsRetrievable();
      const binding = await tools.bound(await tools.ready());
      const first = fieldOf(await tools.send(binding.fetch()), 'credentials');
      assume(first !== undefined, 'GET tells no credentials');
      const second = fieldOf(await tools.send(binding.fetch()), 'credentials');
      expectThat(isDeepStrictEqual(second, first), 'the second GET tells other credentials than the first');
    },
  },
  {
    id: 'fetch-binding-as-bound',
    ...{ group, items: [111], level: 'must', lane: 'ready' },
    title: 'a fetched binding has the credentials that the bind answered',
    async run(tools) {
      tools.assumeBindable();
      tools.assumeBindingsRetrievable();
      const binding = (await tools.ready()).binding();
      const bound = await tools.send(binding.bind());
      assume(bound.answer.status === 201, 'the plan does not bind within the request');
      const credentials = fieldOf(bound, 'credentials');
      assume(isObject(credentials), 'the bind answers no credentials');
      const told = await lastingCredentialsOf(tools, binding);
      expectThat(isDeepStrictEqual(told, credentials), 'GET tells other credentials than the bind answered');
    },
  },
  {
    id: 'fetch-binding-without-query',
    ...{ group, items: [111], level: 'client', lane: 'ready' },
    title: 'a binding can be fetched without service_id and plan_id, or with others',
    async run(tools) {
      tools.assumeBindingsRetrievable();
      const binding = await tools.bound(await tools.ready());
      for (const query of [{ service_id: undefined, plan_id: undefined }, { plan_id: 'unknown' }]) {
        expectStatus(await tools.send(binding.fetch({ query })), [200]);
      }
    },
  },
  {
    id: 'bind-permissions',
    ...{ group, items: [97], level: 'must', lane: 'ready' },
    title: 'drains, routes and volumes are given only by a service whose `requires` names them',
    async run(tools) {
      const answer = await tellBinding(tools, await tools.bound(await tools.ready()));
      if (answer.answer.status >= 300) throw new Blocked(`the binding is told with ${answer.answer.status}`);
      const service = servicesOf(tools).find(({ id }) => id === tools.plan.serviceId);
      const named = Array.isArray(service?.requires) ? service.requires : [];
      for (const [field, permission] of Object.entries(permissions)) {
        const value = fieldOf(answer, field) ?? [];
        const given = !(Array.isArray(value) && value.length === 0);
        expectThat(
          !given || named.includes(permission),
          `${field} is there, and requires has no ${permission}`,
        );
      }
    },
  },
  {
    id: 'fetch-binding-unknown',
    ...{ group, items: [112], level: 'must', lane: 'ready' },
    title: 'fetching a binding that never was is 404',
    async run(tools) {
      tools.assumeBindable();
      tools.assumeBindingsRetrievable();
      expectStatus(await tools.send((await tools.ready()).binding().fetch()), [404]);
    },
  },
  {
    id: 'fetch-binding-early',
    ...{ group, items: [112], level: 'must', lane: 'ready' },
    title: 'fetching a binding that is being made is 404',
    async run(tools) {
      tools.assumeBindingsRetrievable();
      const { binding, answer } = await bindingInProgress(tools);
      const fetched = await tools.send(binding.fetch());
      await tools.whileRunning(binding, 'bind', answer, () => expectStatus(fetched, [404]));
    },
  },
  {
    id: 'fetch-binding-foreign',
    ...{ group, items: [114], level: 'client', lane: 'ready' },
    title: 'a binding cannot be fetched by the path of another instance',
    async run(tools) {
      tools.assumeBindingsRetrievable();
      const binding = await tools.bound(await tools.ready());
      expectStatus(await tools.send(tools.instance().binding(binding.id).fetch()), [404]);
    },
  },
  {
    id: 'poll-binding-unknown',
    ...{ group, items: [109], level: 'must', lane: 'ready' },
    title: 'last_operation of a binding that never was is 404',
    async run(tools) {
      // Who binds within the request alone need not have the endpoint.
      const { binding } = await bindingInProgress(tools);
      expectStatus(await tools.send(binding.instance.binding().poll('bind', undefined)), [404]);
    },
  },
  {
    id: 'poll-binding-token',
    ...{ group, items: [57, 109], level: 'client', lane: 'ready' },
    title: 'a poll for a binding with an unknown operation or another plan is not 400',
    async run(tools) {
      const { binding, answer } = await bindingInProgress(tools);
      await tools.settle(binding, 'bind', answer);
      const poll = await tools.send(binding.poll('bind', 'conformance-check-unknown'));
      expectThat(
        poll.answer.status < 500 && poll.answer.status !== 400,
        `the poll is answered ${poll.answer.status}, and platforms give up on the binding`,
      );
    },
  },
];
