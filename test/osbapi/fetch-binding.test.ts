import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
  testCredentials,
  untilOver,
} from '../support/osb-broker.ts';
import { otherCredential } from '../support/osb-client.ts';
import { as, bound, credentialOf, readyInstance, waitingBinding } from './binding-steps.ts';

let broker: OsbBroker;
let slow: FakeRequests;
beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      ...testCredentials(),
      credentialOf('discreet', { options: { fetchedParameters: 'omit' } }),
      credentialOf('elsewhere', { platform: 'another-cluster' }),
    ],
  });
  slow = await readyInstance(broker, 'slow');
});
afterAll(() => broker?.close());

const notFound = { status: 404, json: { error: 'NotFound' } };

describe('fetching a binding', () => {
  it('[111] gives credentials as soon as last_operation says succeeded, whichever process is asked', async () => {
    const id = freshId();
    const replica = await broker.another();
    expect((await broker.send(slow.bind(id, { parameters: { role: 'writer' } }))).status).toBe(202);
    await untilOver(broker, slow.pollBinding(id));
    expect(await replica.send(slow.fetchBinding(id))).toMatchObject({
      status: 200,
      json: {
        credentials: {
          host: 'fake.example',
          port: 5432,
          username: expect.any(String) as string,
          password: expect.any(String) as string,
        },
        parameters: { role: 'writer' },
        endpoints: [{ host: 'fake.example', ports: ['5432'] }],
      },
    });
  });

  it('[111] gives all that the bind gave, and leaves out what there is not', async () => {
    const rotating = await readyInstance(broker, 'rotating');
    const attached = fakeRequests('attached', freshId(), 'attached-service');
    await broker.send(attached.provision());
    for (const requests of [rotating, attached]) {
      const id = freshId();
      const made = await broker.send(requests.bind(id));
      const fetched = await broker.send(requests.fetchBinding(id));
      expect(fetched.json).toEqual(made.json);
      expect(Object.values(fetched.json)).not.toContain(null);
    }
  });

  it('[112] is 404 while the binding is made, after that failed, while it is deleted and afterwards', async () => {
    const waiting = freshId();
    const { requests } = await waitingBinding(broker, waiting);
    expect(await broker.send(requests.fetchBinding(waiting))).toMatchObject(notFound);

    const failing = await readyInstance(broker, 'slow', { fail: 'bind' });
    const failed = freshId();
    await broker.send(failing.bind(failed));
    await untilOver(broker, failing.pollBinding(failed));
    expect(await broker.send(failing.fetchBinding(failed))).toMatchObject(notFound);

    const lazy = await readyInstance(broker, 'slow', { bindMilliseconds: 300 });
    const going = freshId();
    await bound(broker, lazy, going);
    await broker.send(lazy.unbind(going));
    expect(await broker.send(lazy.fetchBinding(going))).toMatchObject(notFound);
    await untilOver(broker, lazy.pollBinding(going));
    expect(await broker.send(lazy.fetchBinding(going))).toMatchObject(notFound);
    expect(await broker.send(slow.fetchBinding(freshId()))).toMatchObject(notFound);
    expect(await broker.send(fakeRequests('slow').fetchBinding(freshId()))).toMatchObject(notFound);
  });

  it('[112] is what the catalog promises for every offering, so that platforms bind asynchronously', async () => {
    const { services } = (await broker.send({ path: '/v2/catalog' })).json as { services: JsonObject[] };
    expect(services.map((service) => service.bindings_retrievable)).toEqual(services.map(() => true));
  });

  it('[112] withholds the parameters when the option fetchedParameters says so', async () => {
    const id = freshId();
    const whole = await bound(broker, slow, id, { parameters: { role: 'writer' } });
    const { parameters, ...rest } = whole.json;
    expect(parameters).toEqual({ role: 'writer' });
    expect((await broker.send(as('discreet', slow.fetchBinding(id)))).json).toEqual(rest);
  });

  it('[113] gives the same credentials each time', async () => {
    const id = freshId();
    const first = await bound(broker, slow, id);
    const replica = await broker.another();
    for (const { send } of [broker, broker, replica]) {
      expect(await send(slow.fetchBinding(id))).toMatchObject({ status: 200, json: first.json });
    }
    const again = await broker.send(slow.bind(id));
    expect(again.json.credentials).toEqual(first.json.credentials);
  });

  it('[114] is 404 through the path of another instance, and for another platform', async () => {
    const id = freshId();
    const other = await readyInstance(broker, 'slow');
    const first = await bound(broker, slow, id);
    expect(await broker.send(other.fetchBinding(id))).toMatchObject(notFound);
    expect((await broker.send(other.pollBinding(id))).status).toBe(404);
    const headers = { authorization: otherCredential };
    expect(await broker.send({ ...slow.fetchBinding(id), headers })).toMatchObject(notFound);
    await broker.send(as('elsewhere', slow.provision()));
    expect(await broker.send(as('elsewhere', slow.fetchBinding(id)))).toMatchObject(notFound);
    expect((await broker.send(slow.fetchBinding(id))).json).toEqual(first.json);
  });
});
