import { randomUUID } from 'node:crypto';
import { fieldOf } from '../answers.ts';
import type { Check } from '../types.ts';
import { assume, expectErrorCode, expectRefusal, expectStatus, expectThat } from '../verdict.ts';

const group = 'Errors';
const synchronous = { accepts_incomplete: undefined };

/** The order in which a request's faults are named (clients and suites rely on it, the specification is silent). */
export const errorChecks: readonly Check[] = [
  {
    id: 'order-version-before-body',
    ...{ group, items: [22], level: 'client', lane: 'broker' },
    title: 'a missing version is named before a body that is no JSON',
    async run(tools) {
      const without = { headers: { 'x-broker-api-version': undefined } };
      const probe = await tools.send(tools.catalog(without));
      assume(probe.answer.status === 412, 'a missing version is not answered 412');
      expectStatus(await tools.send(tools.instance().provision({ ...without, raw: '{' })), [412]);
    },
  },
  {
    id: 'order-ids-before-async',
    ...{ group, items: [22], level: 'client', lane: 'own' },
    title: 'an unknown plan is named before AsyncRequired',
    async run(tools) {
      const edit = { query: synchronous, body: { plan_id: randomUUID() } };
      const answer = await tools.send(tools.instance().provision(edit));
      expectRefusal(answer);
      expectThat(
        fieldOf(answer, 'error') !== 'AsyncRequired',
        'the plan is unknown, and the answer is AsyncRequired: the client would ask again for nothing',
      );
    },
  },
  {
    id: 'order-maintenance-before-async',
    ...{ group, items: [22], level: 'client', lane: 'own' },
    title: 'MaintenanceInfoConflict is named before AsyncRequired',
    async run(tools) {
      assume(tools.plan.maintenanceVersion !== undefined, 'the plan has no maintenance_info');
      const edit = { query: synchronous, body: { maintenance_info: { version: '0.0.0-check' } } };
      expectErrorCode(await tools.send(tools.instance().provision(edit)), 'MaintenanceInfoConflict');
    },
  },
  {
    id: 'order-conflict-before-async',
    ...{ group, items: [22], level: 'client', lane: 'ready' },
    title: 'a conflict (409) is named before AsyncRequired',
    async run(tools) {
      const instance = await tools.ready();
      expectStatus(await tools.send(tools.elsewhere(instance).provision({ query: synchronous })), [409]);
    },
  },
];
