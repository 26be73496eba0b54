/** A client that never sends accepts_incomplete: Cloud Foundry's v2 service keys, eden, Service Catalog's binds. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlanRevision } from '../../src/domain/offering.ts';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  loadFakeCatalog,
  type OsbBroker,
  startOsbBroker,
  untilOver,
} from '../support/osb-broker.ts';
import type { Answer } from '../support/osb-client.ts';
import { asyncRequired, bound, expectRefused } from './binding-steps.ts';

const plans: PlanRevision[] = (await loadFakeCatalog()).compiledPlans.map(({ revision }) => revision);
const named = (wanted: (plan: PlanRevision) => boolean) =>
  plans.filter(wanted).map((plan) => [plan.planName, plan] as const);

let broker: OsbBroker;

beforeAll(async () => {
  broker = await startOsbBroker();
});
afterAll(() => broker.close());

const app = { app_guid: 'app' };
const idsOf = ({ serviceId, planId }: PlanRevision) => `service_id=${serviceId}&plan_id=${planId}`;
const requestsFor = ({ serviceId, planId }: PlanRevision) => fakeRequests(planId, freshId(), serviceId);

/** By whatever way the plan has. */
async function instanceOf(plan: PlanRevision): Promise<FakeRequests> {
  const requests = requestsFor(plan);
  await broker.send(requests.provision());
  expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
  return requests;
}

describe('a client that never sends accepts_incomplete', () => {
  it.each(named(({ sync }) => sync.provision))('provisions the plan %s', async (_name, plan) => {
    const requests = requestsFor(plan);
    expect((await broker.send(requests.provision({}, ''))).status).toBe(201);
    expect((await broker.send(requests.fetch())).status).toBe(200);
    expect((await broker.send(requests.provision({}, ''))).status).toBe(200);
  });

  it.each(named(({ sync }) => !sync.provision))(
    'gets AsyncRequired and no row from a provision of the plan %s',
    async (_name, plan) => {
      const requests = requestsFor(plan);
      await expectRefused(broker, asyncRequired, requests.provision({}, ''));
      expect((await broker.send(requests.poll())).status).toBe(404);
    },
  );

  it.each(named(({ bind, sync }) => bind !== undefined && sync.bind))(
    'binds the plan %s, and reads the same credentials again',
    async (_name, plan) => {
      const requests = await instanceOf(plan);
      const id = freshId();
      const first: Answer = await broker.send(requests.bind(id, app, ''));
      expect(first).toMatchObject({ status: 201, json: { credentials: { host: 'fake.example' } } });
      const again = await broker.send(requests.bind(id, app, ''));
      expect([again.status, again.json]).toEqual([200, first.json]);
    },
  );

  it.each(named(({ bind, sync }) => bind !== undefined && !sync.bind))(
    'gets AsyncRequired and no row from a bind of the plan %s',
    async (_name, plan) => {
      const requests = await instanceOf(plan);
      await expectRefused(broker, asyncRequired, requests.bind(freshId(), app, ''));
    },
  );

  it.each(named(({ sync }) => sync.update))('updates an instance of the plan %s', async (_name, plan) => {
    const requests = await instanceOf(plan);
    expect((await broker.send(requests.update({ parameters: { note: 'new' } }, ''))).status).toBe(200);
    expect((await broker.send(requests.fetch())).json.parameters).toEqual({ note: 'new' });
  });

  it.each(named(({ sync, serviceId }) => !sync.update && serviceId === 'fake-service'))(
    'gets AsyncRequired from an update of the plan %s',
    async (_name, plan) => {
      const requests = await instanceOf(plan);
      await expectRefused(broker, asyncRequired, requests.update({ parameters: { note: 'new' } }, ''));
    },
  );

  it.each(named(({ bind }) => bind !== undefined))(
    'unbinds the plan %s, or gets AsyncRequired, as it says',
    async (_name, plan) => {
      const requests = await instanceOf(plan);
      const id = freshId();
      await bound(broker, requests, id, app);
      const sent = requests.unbind(id, idsOf(plan));
      if (!plan.sync.unbind) return expectRefused(broker, asyncRequired, sent);
      expect(await broker.send(sent)).toMatchObject({ status: 200, json: {} });
      expect((await broker.send(sent)).status).toBe(410);
    },
  );

  it.each(named(() => true))(
    'deprovisions the plan %s, or gets AsyncRequired, as it says',
    async (_name, plan) => {
      const requests = await instanceOf(plan);
      const sent = requests.deprovision(idsOf(plan));
      if (!plan.sync.deprovision) return expectRefused(broker, asyncRequired, sent);
      expect(await broker.send(sent)).toMatchObject({ status: 200, json: {} });
      expect((await broker.send(sent)).status).toBe(410);
    },
  );
});
