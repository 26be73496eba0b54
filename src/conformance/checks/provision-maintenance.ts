import type { Check } from '../types.ts';
import { accepted, assume, expectErrorCode, expectStatus } from '../verdict.ts';

const group = 'Provision';

/** maintenance_info in a provision. */
export const maintenanceChecks: readonly Check[] = [
  {
    id: 'provision-maintenance-conflict',
    ...{ group, items: [19, 48], level: 'must', lane: 'own' },
    title:
      'another maintenance_info.version than the catalog has is refused with 422 MaintenanceInfoConflict',
    async run(tools) {
      assume(tools.plan.maintenanceVersion !== undefined, 'the plan has no maintenance_info');
      const answer = await tools.send(
        tools.instance().provision({ body: { maintenance_info: { version: '0.0.0-check' } } }),
      );
      expectErrorCode(answer, 'MaintenanceInfoConflict');
    },
  },
  {
    id: 'provision-maintenance-unknown',
    ...{ group, items: [19], level: 'client', lane: 'own' },
    title: 'a maintenance_info.version for a plan without one is refused with 422 MaintenanceInfoConflict',
    async run(tools) {
      const plan = tools.run.plans.find(({ maintenanceVersion }) => maintenanceVersion === undefined);
      assume(plan !== undefined, 'every plan has maintenance_info');
      const instance = tools.instance({ plan, parameters: undefined });
      const body = { maintenance_info: { version: '0.0.0-check' } };
      expectErrorCode(await tools.send(instance.provision({ body })), 'MaintenanceInfoConflict');
    },
  },
  {
    id: 'provision-maintenance-same',
    ...{ group, items: [48], level: 'must', lane: 'own' },
    title: 'the maintenance_info.version of the catalog is accepted, whatever else is in it',
    async run(tools) {
      const version = tools.plan.maintenanceVersion;
      assume(version !== undefined, 'the plan has no maintenance_info');
      const body = { maintenance_info: { version, description: 'of the check' } };
      expectStatus(await tools.send(tools.instance().provision({ body })), accepted);
    },
  },
  {
    id: 'provision-maintenance-absent',
    ...{ group, items: [48], level: 'must', lane: 'own' },
    title: 'maintenance_info without a version is ignored',
    async run(tools) {
      for (const maintenance_info of [undefined, {}, { description: 'of the check' }]) {
        expectStatus(await tools.send(tools.instance().provision({ body: { maintenance_info } })), accepted);
      }
    },
  },
];
