/** A store on a database of its own, and rows to put into it. */
import { randomBytes } from 'node:crypto';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { PlanRevision } from '../../src/domain/offering.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import { KeyRing } from '../../src/lib/sealed.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { NewBinding, NewInstance, NewOperation, Store } from '../../src/store/types.ts';
import { createTestDatabase } from './postgres.ts';

export function testKeys(id = 'test'): KeyRing {
  return new KeyRing([{ id, key: randomBytes(32) }]);
}

export interface TestStore {
  store: Store;
  keys: KeyRing;
  url: string;
  /** Another process on the same database. Closed by `close` as well. */
  openAnother(): Promise<Store>;
  close(): Promise<void>;
}

export async function openTestStore(): Promise<TestStore> {
  const database = await createTestDatabase();
  const keys = testKeys();
  const opened: Store[] = [];
  const open = async () => {
    const store = await openStore({ databaseUrl: database.url, keys });
    opened.push(store);
    return store;
  };
  return {
    store: await open(),
    keys,
    url: database.url,
    openAnother: open,
    close: async () => {
      for (const store of opened) await store.close();
      await database.drop();
    },
  };
}

export const testRevision: PlanRevision = {
  digest: 'revision-1',
  serviceId: 'service-1',
  planId: 'plan-1',
  serviceName: 'postgresql',
  planName: 'small',
  set: { cpu: '250m' },
  parameterDefaults: {},
  schemas: { provision: {}, update: {}, bind: {} },
  generate: {},
  resources: [],
  outputs: {},
  updates: { plan: true, growOnly: [] },
  sync: { provision: false, update: false, deprovision: false, bind: true, unbind: true },
  timeouts: { provision: 600, update: 600, deprovision: 600, bind: 60, unbind: 60 },
};

export function newInstance(values: Partial<NewInstance> = {}): NewInstance {
  return {
    platform: 'test',
    instanceId: `instance-${randomBytes(6).toString('hex')}`,
    serviceId: testRevision.serviceId,
    planId: testRevision.planId,
    planRevision: testRevision.digest,
    organizationGuid: 'org',
    spaceGuid: 'space',
    context: {},
    parameters: {},
    cluster: 'local',
    generated: new Redacted({}),
    ...values,
  };
}

export function newBinding(instance: ServiceInstance, values: Partial<NewBinding> = {}): NewBinding {
  return {
    platform: instance.platform,
    instanceId: instance.instanceId,
    bindingId: `binding-${randomBytes(6).toString('hex')}`,
    instanceUid: instance.uid,
    serviceId: instance.serviceId,
    planId: instance.planId,
    context: {},
    parameters: {},
    password: new Redacted('a password'),
    ...values,
  };
}

export function newOperation(
  target: ServiceInstance | ServiceBinding,
  values: Partial<NewOperation> = {},
): NewOperation {
  const onBinding = 'bindingId' in target;
  return {
    type: onBinding ? 'bind' : 'provision',
    instanceUid: onBinding ? target.instanceUid : target.uid,
    ...(onBinding ? { bindingUid: target.uid } : {}),
    timeoutSeconds: 600,
    description: 'accepted',
    ...values,
  };
}
