import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type FakeRequests,
  loadFakeCatalog,
  type OsbBroker,
  startOsbBroker,
  untilOver,
} from '../support/osb-broker.ts';
import { bound, expectRefused, readyInstance, usernameOf } from './binding-steps.ts';

let broker: OsbBroker;
/** A process whose catalog was edited: a newer maintenance version with another tier, and a plan less. */
let newer: Pick<OsbBroker, 'send'>;

beforeAll(async () => {
  broker = await startOsbBroker();
  const edited = await loadFakeCatalog((text) =>
    text
      .replace('version: 1.4.0', 'version: 1.5.0')
      .replace('set: { tier: none }', 'set: { tier: newest }')
      .replace('set: { tier: slow }', 'set: { tier: newest slow }')
      .replace(/ {2}- id: fixed\n(.|\n)*?(?= {2}- id: )/, ''),
  );
  newer = await broker.another(edited);
});
afterAll(() => broker.close());

const conflict = { status: 422, json: { error: 'MaintenanceInfoConflict' } };
const speaking = () => ({ ...broker, send: newer.send });

async function tierOf({ id }: FakeRequests): Promise<unknown> {
  const row = await broker.store.findInstance({ platform: 'kubernetes', instanceId: id });
  return broker.fake.instances.get(`${row?.externalName ?? ''}-server`)?.inputs.tier;
}

async function maintenanceOf(requests: FakeRequests): Promise<unknown> {
  return (await newer.send(requests.fetch())).json.maintenance_info;
}

describe('maintenance', () => {
  it('[76] is performed when the version of the catalog is asked for', async () => {
    const ready = await readyInstance(broker, 'slow');
    expect([await tierOf(ready), await maintenanceOf(ready)]).toEqual(['slow', { version: '1.4.0' }]);
    const answer = await newer.send(ready.update({ maintenance_info: { version: '1.5.0' } }));
    expect(answer.status).toBe(202);
    await untilOver(newer, ready.poll());
    expect([await tierOf(ready), await maintenanceOf(ready)]).toEqual(['newest slow', { version: '1.5.0' }]);
    const again = await newer.send(ready.update({ maintenance_info: { version: '1.5.0' } }, ''));
    expect(again.status).toBe(200);
  });

  it('[76] is refused with 422 for any version that the catalog does not have', async () => {
    const ready = await readyInstance(broker, 'slow');
    await expectRefused(
      speaking(),
      conflict,
      ready.update({ maintenance_info: { version: '1.4.0' } }),
      ready.update({ maintenance_info: { version: '2.0.0' } }),
      ready.update({ plan_id: 'unmaintained', maintenance_info: { version: '1.5.0' } }),
    );
  });

  it('[76] is not performed by other updates, nor by the previous version that Cloud Foundry echoes', async () => {
    const ready = await readyInstance(broker, 'slow');
    const previous_values = { maintenance_info: { version: '1.4.0' } };
    await newer.send(ready.update({ parameters: { note: 'new' }, previous_values }));
    await untilOver(newer, ready.poll());
    expect([await tierOf(ready), await maintenanceOf(ready)]).toEqual(['slow', { version: '1.4.0' }]);
  });

  it('[77] that fails leaves the old version, and can be tried again', async () => {
    const ready = await readyInstance(broker, 'slow');
    const newest = { maintenance_info: { version: '1.5.0' } };
    await newer.send(ready.update({ ...newest, parameters: { fail: 'broken-update' } }));
    expect((await untilOver(newer, ready.poll())).json).toMatchObject({
      state: 'failed',
      instance_usable: false,
      update_repeatable: true,
    });
    expect(await maintenanceOf(ready)).toEqual({ version: '1.4.0' });
    await newer.send(ready.update(newest));
    expect((await untilOver(newer, ready.poll())).json.state).toBe('succeeded');
    expect([await tierOf(ready), await maintenanceOf(ready)]).toEqual(['newest slow', { version: '1.5.0' }]);
  });

  it('[76] comes with a change of the plan, whose newest version counts', async () => {
    const ready = await readyInstance(broker, 'slow');
    await newer.send(ready.update({ plan_id: 'quick', maintenance_info: { version: '1.5.0' } }));
    await untilOver(newer, ready.poll());
    expect([await tierOf(ready), await maintenanceOf(ready)]).toEqual(['newest', { version: '1.5.0' }]);
  });
});

describe('an instance of a plan that left the catalog', () => {
  it('[88] is updated, bound, unbound and deleted as ever', async () => {
    const ready = await readyInstance(broker, 'fixed');
    expect((await newer.send(ready.provision())).status).toBe(200);
    await newer.send(ready.update({ parameters: { note: 'new' } }));
    expect((await untilOver(newer, ready.poll())).json.state).toBe('succeeded');
    const name = usernameOf(await bound(newer, ready, 'binding-of-fixed'));
    expect((await newer.send(ready.unbind('binding-of-fixed'))).status).toBe(200);
    expect(broker.fake.logins.has(name)).toBe(false);
    expect((await newer.send(ready.deprovision())).status).toBe(200);
    expect((await newer.send(ready.provision())).status).toBe(400);
  });
});
