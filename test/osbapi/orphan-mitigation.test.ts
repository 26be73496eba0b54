import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { identityLabels } from '../../src/lib/labels.ts';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  type OsbBroker,
  type OsbBrokerOptions,
  startOsbBroker,
  untilOver,
} from '../support/osb-broker.ts';
import { credential, type Sent } from '../support/osb-client.ts';
import {
  bound,
  delivered,
  expectRefused,
  operationOf,
  readyInstance,
  until,
  untilClaimed,
  usernameOf,
} from './binding-steps.ts';

let broker: OsbBroker;
/** Another process, which waits for nothing that takes its time. */
let hasty: Pick<OsbBroker, 'send'>;
beforeAll(async () => {
  const given: OsbBrokerOptions = { settings: { syncWaitMs: 150, quickWaitMs: 50 } };
  const started = await startOsbBroker(given);
  hasty = { send: started.send };
  delete given.settings;
  broker = { ...started, ...(await started.another()) };
});
afterAll(() => broker?.close());

const forever = { milliseconds: 600_000 };
const context = { platform: 'kubernetes', namespace: 'team-a' };
const gone = { status: 410, json: { error: 'Gone' } };

describe('what makes a platform delete', () => {
  it('[127] is 5xx and a failed last_operation, and then there is a row; after 4xx there is none', async () => {
    const [synchronous, asynchronous] = [fakeRequests('quick'), fakeRequests('slow')];
    const failing = { parameters: { fail: 'provision' } };
    expect(await broker.send(synchronous.provision(failing, ''))).toMatchObject({
      status: 500,
      json: { error: 'ResourceFailed', description: expect.stringMatching(/told to fail/) as string },
    });
    expect((await broker.send(asynchronous.provision(failing))).status).toBe(202);
    expect((await untilOver(broker, asynchronous.poll())).json.state).toBe('failed');
    const late = fakeRequests('quick');
    expect((await hasty.send(late.provision({ parameters: forever }, ''))).status).toBe(503);
    for (const { id } of [synchronous, asynchronous, late]) {
      expect(await broker.store.findInstance(instanceKey(id))).toMatchObject({ state: 'provision failed' });
    }
    const refused = fakeRequests('quick');
    await expectRefused(
      broker,
      { status: 400 },
      refused.provision({ parameters: { size: 'huge' } }),
      refused.provision({ plan_id: 'unknown' }),
    );
    expect(await broker.store.findInstance(instanceKey(refused.id))).toBeUndefined();
  });

  it('[127] is the same for a bind', async () => {
    const failing = await readyInstance(broker, 'quick', { fail: 'bind' });
    const lazy = await readyInstance(broker, 'quick', { bindMilliseconds: 250 });
    const ids = [freshId(), freshId(), freshId()] as const;
    expect(await broker.send(failing.bind(ids[0], {}, ''))).toMatchObject({
      status: 500,
      json: { error: 'CredentialsRejected' },
    });
    // A quick one that failed is for last_operation to tell, when the platform can poll.
    expect((await broker.send(failing.bind(ids[1]))).status).toBe(202);
    expect((await broker.send(failing.pollBinding(ids[1]))).json.state).toBe('failed');
    expect((await hasty.send(lazy.bind(ids[2], {}, ''))).status).toBe(503);
    for (const [requests, id] of [
      [failing, ids[0]],
      [failing, ids[1]],
      [lazy, ids[2]],
    ] as const) {
      expect(await broker.store.findBinding(bindingKey(requests, id))).toMatchObject({
        state: 'bind failed',
      });
    }
    await expectRefused(broker, { status: 400 }, failing.bind(freshId(), { parameters: { role: 'king' } }));
  });

  it('[127] is not an update: after one that failed the instance is as it was', async () => {
    const requests = await readyInstance(broker, 'quick', { note: 'old' });
    const failing = requests.update({ parameters: { note: 'new', fail: 'update' } }, '');
    expect((await broker.send(failing)).status).toBe(500);
    expect(await broker.send(requests.fetch())).toMatchObject({
      status: 200,
      json: { parameters: { note: 'old' } },
    });
  });
});

/** Each leaves an instance behind as a platform may find it. The plan is quick, so that a DELETE may be synchronous. */
const instances: [string, (requests: FakeRequests) => Promise<unknown>][] = [
  ['never was', () => Promise.resolve()],
  ['was refused', (requests) => broker.send(requests.provision({ parameters: { size: 'huge' } }))],
  ['could not be made in time', (requests) => hasty.send(requests.provision({ parameters: forever }, ''))],
  [
    'failed while the platform waited',
    (requests) => broker.send(requests.provision({ parameters: { fail: 'provision' } }, '')),
  ],
  [
    'failed while the platform polled',
    async (requests) => {
      await hasty.send(requests.provision({ parameters: { fail: 'provision', milliseconds: 150 } }));
      expect((await untilOver(broker, requests.poll())).json.state).toBe('failed');
    },
  ],
  ['is being made', (requests) => hasty.send(requests.provision({ parameters: forever }))],
  [
    'is being made and has a binding that waits',
    async (requests) => {
      await hasty.send(requests.provision({ parameters: forever }));
      expect((await broker.send(requests.bind(freshId(), { context }))).status).toBe(202);
    },
  ],
  [
    'was given up by the platform in the middle of the request',
    async (requests) => {
      await hangUp(requests.provision({ parameters: forever }, ''), async () =>
        Boolean(await broker.store.findInstance(instanceKey(requests.id))),
      );
    },
  ],
  ['is ready', (requests) => broker.send(requests.provision())],
  [
    'is ready and has a binding',
    async (requests) => {
      await broker.send(requests.provision());
      await bound(broker, requests, freshId(), { context });
    },
  ],
  [
    'could not be updated',
    async (requests) => {
      await broker.send(requests.provision());
      await broker.send(requests.update({ parameters: { fail: 'broken-update' } }));
      expect((await untilOver(broker, requests.poll())).json.state).toBe('failed');
    },
  ],
  [
    'is being updated',
    async (requests) => {
      await broker.send(requests.provision());
      await hasty.send(requests.update({ parameters: forever }));
    },
  ],
  [
    'could not be deleted once',
    async (requests) => {
      await broker.send(requests.provision({ parameters: { fail: 'deprovision' } }));
      await broker.send(requests.deprovision());
      expect((await untilOver(broker, requests.poll())).json.state).toBe('failed');
      setInput(await externalNameOf(requests), 'fail', '');
    },
  ],
  [
    'is gone',
    async (requests) => {
      await broker.send(requests.provision());
      await untilGone(requests.deprovision());
    },
  ],
];

describe('deleting an instance that', () => {
  it.each(instances)('[128] %s is 200, 202 or 410, and leaves nothing', async (_name, make) => {
    const mitigate = async (query: string) => {
      const requests = fakeRequests('quick');
      await make(requests);
      const name = await externalNameOf(requests);
      await untilGone(requests.deprovision(`${query}service_id=fake-service&plan_id=quick`));
      expect((await broker.send(requests.fetch())).status).toBe(404);
      expectNothingOf(name);
    };
    await Promise.all(['accepts_incomplete=true&', ''].map(mitigate));
  });

  it('[128] never was, of a plan that the catalog does not have, is 410 as well', async () => {
    const requests = fakeRequests('gone', freshId(), 'gone-too');
    await expectRefused(broker, gone, requests.deprovision(), requests.unbind(freshId()));
  });
});

/** The same for bindings. */
const bindings: [string, (requests: FakeRequests, bindingId: string) => Promise<unknown>][] = [
  ['is of an instance that never was', () => Promise.resolve()],
  ['never was', (requests) => broker.send(requests.provision())],
  [
    'was refused',
    async (requests, id) => {
      await broker.send(requests.provision());
      expect((await broker.send(requests.bind(id, { parameters: { role: 'king' } }))).status).toBe(400);
    },
  ],
  [
    'was refused because the instance failed',
    async (requests, id) => {
      await broker.send(requests.provision({ parameters: { fail: 'provision' } }));
      expect((await broker.send(requests.bind(id))).status).toBe(422);
    },
  ],
  [
    'failed while the platform waited',
    async (requests, id) => {
      await broker.send(requests.provision({ parameters: { fail: 'bind' } }));
      expect((await broker.send(requests.bind(id, {}, ''))).status).toBe(500);
    },
  ],
  [
    'failed while the platform polled',
    async (requests, id) => {
      await broker.send(requests.provision({ parameters: { fail: 'bind' } }));
      await broker.send(requests.bind(id));
      expect((await untilOver(broker, requests.pollBinding(id))).json.state).toBe('failed');
    },
  ],
  [
    'failed with the instance that it waited for',
    async (requests, id) => {
      await hasty.send(requests.provision({ parameters: { fail: 'provision', milliseconds: 250 } }));
      expect((await broker.send(requests.bind(id, { context }))).status).toBe(202);
      expect((await untilOver(broker, requests.pollBinding(id))).json.state).toBe('failed');
    },
  ],
  [
    'could not be delivered',
    async (requests, id) => {
      await broker.send(requests.provision());
      const values = { context: { platform: 'kubernetes', namespace: 'team-nowhere' } };
      const answer = await broker.send(requests.bind(id, values, ''));
      expect(answer).toMatchObject({ status: 500, json: { error: 'NamespaceMissing' } });
    },
  ],
  [
    'could not be made in time',
    async (requests, id) => {
      await broker.send(requests.provision({ parameters: { bindMilliseconds: 250 } }));
      expect((await hasty.send(requests.bind(id, { context }, ''))).status).toBe(503);
      setInput(await externalNameOf(requests), 'bindMilliseconds', 0);
    },
  ],
  [
    'is being made',
    async (requests, id) => {
      await broker.send(requests.provision({ parameters: { bindMilliseconds: 200 } }));
      await untilClaimed(broker, operationOf(await hasty.send(requests.bind(id, { context }))));
      setInput(await externalNameOf(requests), 'bindMilliseconds', 0);
    },
  ],
  [
    'waits for its instance',
    async (requests, id) => {
      await hasty.send(requests.provision({ parameters: forever }));
      expect((await broker.send(requests.bind(id, { context }))).status).toBe(202);
    },
  ],
  [
    'was given up by the platform in the middle of the request',
    async (requests, id) => {
      await broker.send(requests.provision({ parameters: { bindMilliseconds: 100 } }));
      await hangUp(requests.bind(id, { context }, ''), async () => {
        const binding = await broker.store.findBinding(bindingKey(requests, id));
        return binding !== undefined;
      });
      setInput(await externalNameOf(requests), 'bindMilliseconds', 0);
    },
  ],
  [
    'is there',
    async (requests, id) => {
      await broker.send(requests.provision());
      await bound(broker, requests, id, { context });
    },
  ],
  [
    'is the successor of another one and failed',
    async (requests, id) => {
      await broker.send(requests.provision());
      const predecessor = freshId();
      await bound(broker, requests, predecessor, { context });
      setInput(await externalNameOf(requests), 'fail', 'bind');
      const rotation = { ...requests.bind(id), body: { predecessor_binding_id: predecessor } };
      await broker.send(rotation);
      expect((await untilOver(broker, requests.pollBinding(id))).json.state).toBe('failed');
      await untilGone(requests.unbind(predecessor));
    },
  ],
  [
    'went with its instance',
    async (requests, id) => {
      await broker.send(requests.provision());
      await bound(broker, requests, id, { context });
      await untilGone(requests.deprovision());
    },
  ],
  [
    'is gone',
    async (requests, id) => {
      await broker.send(requests.provision());
      await bound(broker, requests, id);
      await untilGone(requests.unbind(id));
    },
  ],
];

describe('deleting a binding that', () => {
  it.each(bindings)('[128] %s is 200, 202 or 410, and leaves nothing', async (_name, make) => {
    const mitigate = async (query: string) => {
      const [requests, id] = [fakeRequests('quick'), freshId()];
      await make(requests, id);
      const binding = await broker.store.findBindingOrTombstone(bindingKey(requests, id));
      await untilGone(requests.unbind(id, `${query}service_id=fake-service&plan_id=quick`));
      expect((await broker.send(requests.fetchBinding(id))).status).toBe(404);
      if (binding !== undefined) {
        expect(broker.fake.logins.has(binding.externalName)).toBe(false);
        expect(delivered(broker, binding.externalName)).toEqual([]);
      }
      await untilGone(requests.deprovision());
    };
    await Promise.all(['accepts_incomplete=true&', ''].map(mitigate));
  });
});

describe('Chandler itself', () => {
  it('[129] reaps nothing: neither what a platform still knows nor an object without a row', async () => {
    const requests = await readyInstance(broker, 'quick', {}, { context });
    const [live, passing] = [freshId(), freshId()];
    const kept = await bound(broker, requests, live);
    const labels = identityLabels({
      installationId: broker.store.installationId,
      instanceUid: '00000000-0000-4000-8000-000000000000',
      bindingUid: '00000000-0000-4000-8000-000000000001',
    });
    const orphan = { name: `b-orphan-${live}`.slice(0, 60), namespace: 'team-a', labels };
    await broker.cluster.create({ apiVersion: 'v1', kind: 'Secret', metadata: orphan });
    await broker.query(`
      update service_bindings set updated_at = now() - interval '10 years', created_at = now() - interval '10 years'
      where binding_id = '${live}'`);

    await bound(broker, requests, passing);
    await untilGone(requests.unbind(passing));
    const other = await readyInstance(broker, 'quick', {}, { context });
    await untilGone(other.deprovision());
    await broker.another();
    await readyInstance(broker, 'quick');

    expect(delivered(broker, orphan.name)).toEqual(['team-a/Secret']);
    expect(delivered(broker, usernameOf(kept))).toEqual(['team-a/ConfigMap', 'team-a/Secret']);
    expect(broker.fake.logins.has(usernameOf(kept))).toBe(true);
    expect((await broker.send(requests.fetchBinding(live))).json).toEqual(kept.json);
  });

  it('[130] lists in its tables what it has, by the ids that the platform knows', async () => {
    const requests = await readyInstance(broker, 'quick');
    const [live, dead] = [freshId(), freshId()];
    await bound(broker, requests, live);
    await bound(broker, requests, dead);
    await untilGone(requests.unbind(dead));
    const deleted = await readyInstance(broker, 'quick');
    await untilGone(deleted.deprovision());

    const both = `('${requests.id}', '${deleted.id}')`;
    expect(
      await broker.query(`
        select platform, instance_id, service_id, plan_id, state from service_instances
        where state <> 'deprovisioned' and instance_id in ${both}`),
    ).toEqual([
      {
        platform: 'kubernetes',
        instance_id: requests.id,
        service_id: 'fake-service',
        plan_id: 'quick',
        state: 'ready',
      },
    ]);
    expect(
      await broker.query(`
        select platform, instance_id, binding_id, state from service_bindings
        where state <> 'unbound' and instance_id in ${both}`),
    ).toEqual([{ platform: 'kubernetes', instance_id: requests.id, binding_id: live, state: 'bound' }]);
  });
});

const instanceKey = (instanceId: string) => ({ platform: 'kubernetes', instanceId });
const bindingKey = ({ id }: FakeRequests, bindingId: string) => ({ ...instanceKey(id), bindingId });

async function externalNameOf({ id }: FakeRequests): Promise<string> {
  return (await broker.store.findInstanceOrTombstone(instanceKey(id)))?.externalName ?? '';
}

/** Changes how the fake behaves for an instance that is there. */
function setInput(name: string, input: string, value: string | number): void {
  const instance = broker.fake.instances.get(`${name}-server`);
  if (instance === undefined) throw new Error(`the fake has no ${name}`);
  instance.inputs = { ...instance.inputs, [input]: value };
}

/** Orphan mitigation as platforms do it, and beyond: the same DELETE until there is nothing left to delete. */
async function untilGone(deletion: Sent): Promise<void> {
  await until(async () => {
    const { status, text } = await broker.send(deletion);
    expect([200, 202, 410], text).toContain(status);
    return status === 410;
  });
}

function expectNothingOf(name: string): void {
  if (name === '') return;
  expect([...broker.fake.instances.keys()].filter((each) => each.startsWith(name))).toEqual([]);
  expect([...broker.fake.logins.values()].filter(({ instance }) => instance === name)).toEqual([]);
}

/** Sends a request and breaks the connection as soon as it is written down. */
async function hangUp(sent: Sent, isWritten: () => Promise<boolean>): Promise<void> {
  const open = request(new URL(sent.path, broker.url), {
    method: sent.method ?? 'GET',
    headers: {
      authorization: credential,
      'content-type': 'application/json',
      'x-broker-api-version': '2.17',
    },
  });
  const closed = new Promise<void>((resolve) => open.once('close', () => resolve()));
  open.on('error', () => undefined);
  open.end(JSON.stringify(sent.body));
  await until(isWritten);
  open.destroy();
  await closed;
}
