import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  fakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
  testCredentials,
  untilOver,
} from '../support/osb-broker.ts';
import {
  as,
  concurrencyError,
  credentialOf,
  lastingProvision,
  lastingUpdate,
  readyInstance,
} from './binding-steps.ts';

let broker: OsbBroker;

beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      ...testCredentials(),
      credentialOf('looking', { options: { fetchDuringDeprovision: 'not-found' } }),
      credentialOf('discreet', { options: { fetchedParameters: 'omit' } }),
    ],
  });
});
afterAll(() => broker.close());

const notFound = { status: 404, json: { error: 'NotFound' } };

describe('fetching an instance', () => {
  it('[65] works as soon as last_operation says succeeded', async () => {
    const requests = fakeRequests('slow');
    await broker.send(requests.provision());
    await untilOver(broker, requests.poll());
    expect((await broker.send(requests.fetch())).status).toBe(200);
  });

  it('[66] gives service, plan, dashboard, parameters as they were sent, and the maintenance version', async () => {
    const requests = await readyInstance(broker, 'quick', { note: 'mine', size: '2Gi' });
    const { json } = await broker.send(requests.fetch());
    expect(json).toEqual({
      service_id: 'fake-service',
      plan_id: 'quick',
      dashboard_url: expect.stringMatching(/size=2Gi$/) as string,
      parameters: { note: 'mine', size: '2Gi' },
      maintenance_info: { version: '1.4.0' },
    });
  });

  it('[66] leaves out what there is not, for Cloud Foundry refuses nulls', async () => {
    const requests = fakeRequests('attached', freshId(), 'attached-service');
    await broker.send(requests.provision());
    const { json } = await broker.send(requests.fetch());
    expect(json).toEqual({ service_id: 'attached-service', plan_id: 'attached' });
  });

  it('[66] withholds parameters where the options say so', async () => {
    const requests = await readyInstance(broker, 'quick', { note: 'mine' });
    expect((await broker.send(as('discreet', requests.fetch()))).json).not.toHaveProperty('parameters');
  });

  it('[67] that never was, is being made, or could not be made is 404', async () => {
    const failed = fakeRequests('slow');
    await broker.send(failed.provision({ parameters: { fail: 'provision' } }));
    await untilOver(broker, failed.poll());
    for (const requests of [fakeRequests(), await lastingProvision(broker), failed]) {
      expect(await broker.send(requests.fetch())).toMatchObject(notFound);
    }
  });

  it('[68] that is being updated is 422', async () => {
    const requests = await readyInstance(broker, 'slow');
    await lastingUpdate(broker, requests);
    expect(await broker.send(requests.fetch())).toMatchObject(concurrencyError);
  });

  it('[68] that is being deleted is 422, or 404 where the options say so; afterwards it is 404', async () => {
    const requests = await readyInstance(broker, 'slow', { removeMilliseconds: 1500 });
    await broker.send(requests.deprovision());
    expect(await broker.send(requests.fetch())).toMatchObject(concurrencyError);
    expect(await broker.send(as('looking', requests.fetch()))).toMatchObject(notFound);
    await untilOver(broker, requests.poll());
    expect(await broker.send(requests.fetch())).toMatchObject(notFound);
  });

  it('[69] gives the values of the last update that succeeded', async () => {
    const requests = await readyInstance(broker, 'slow', { note: 'old' });
    await broker.send(requests.update({ plan_id: 'quick', parameters: { note: 'new' } }));
    await untilOver(broker, requests.poll());
    expect((await broker.send(requests.fetch())).json).toMatchObject({
      plan_id: 'quick',
      parameters: { note: 'new' },
    });
    await broker.send(
      requests.update({ plan_id: 'slow', parameters: { note: 'lost', fail: 'broken-update' } }),
    );
    await untilOver(broker, requests.poll());
    expect((await broker.send(requests.fetch())).json).toMatchObject({
      plan_id: 'quick',
      parameters: { note: 'new' },
    });
    expect((await broker.send({ path: `${requests.instance}?service_id=x&plan_id=y` })).status).toBe(200);
  });
});
