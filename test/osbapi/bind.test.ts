import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
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
import {
  as,
  asyncRequired,
  bound,
  concurrencyError,
  credentialOf,
  expectRefused,
  lastingProvision,
  lastingUpdate,
  operationOf,
  passwordOf,
  readyInstance,
  speaking,
  usernameOf,
  waitingBinding,
} from './binding-steps.ts';

let broker: OsbBroker;
let quick: FakeRequests;
beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      ...testCredentials(),
      credentialOf('refuses', { options: { bindDuringOperation: 'refuse' } }),
      credentialOf('numbers', { options: { endpoints: 'numbers' } }),
      credentialOf('modest', { options: { endpoints: 'omit', bindingMetadata: 'omit' } }),
    ],
  });
  quick = await readyInstance(broker);
});
afterAll(() => broker?.close());

describe('the body of a bind', () => {
  it('[90] names the service and plan of the instance and needs nothing else; otherwise it is 400 and leaves no row', async () => {
    const id = freshId();
    const bodies: JsonObject[] = [
      {},
      { service_id: 'fake-service' },
      { plan_id: 'quick' },
      { service_id: null, plan_id: 'quick' },
      { service_id: 'fake-service', plan_id: '' },
      { service_id: 'fake-service', plan_id: 7 },
      { service_id: 'unknown', plan_id: 'quick' },
      { service_id: 'fake-service', plan_id: 'unknown' },
      { service_id: 'fake-service', plan_id: 'slow' },
      { service_id: 'attached-service', plan_id: 'attached' },
    ];
    const requests = bodies.map((body) => ({ ...quick.bind(id), body }));
    await expectRefused(broker, { status: 400, json: { error: 'BadRequest' } }, ...requests);
    const bare = { ...quick.bind(id), body: { service_id: 'fake-service', plan_id: 'quick' } };
    expect((await broker.send(bare)).status).toBe(201);
  });

  it("[91] holds parameters of the plan's schema for bindings, or is refused with 400 and what is wrong", async () => {
    const id = freshId();
    for (const [parameters, problem] of [
      [{ role: 'king' }, /role.*reader/],
      [{ rule: 'reader' }, /rule/],
      [{ role: 1 }, /role/],
      ['reader', /parameters/],
    ] as const) {
      const description = expect.stringMatching(problem) as string;
      const refused = { status: 400, json: { error: expect.any(String) as string, description } };
      await expectRefused(broker, refused, quick.bind(id, { parameters }));
    }
    const answer = await broker.send(quick.bind(id, { parameters: { role: 'writer' } }));
    expect(answer.status).toBe(201);
  });

  it('[94] names an app when only apps can be bound, at the top or in bind_resource; otherwise 422 RequiresApp', async () => {
    const requests = await readyInstance(broker, 'app-only');
    const refused = {
      status: 422,
      json: {
        error: 'RequiresApp',
        description: 'This service supports generation of credentials through binding an application only.',
      },
    };
    const without: JsonObject[] = [
      {},
      { app_guid: '', bind_resource: { app_guid: '' } },
      { app_guid: null, bind_resource: null },
      { bind_resource: { route: 'shop.example' } },
    ];
    await expectRefused(
      broker,
      refused,
      ...without.map((values) => requests.bind(freshId(), values)),
      requests.bind(freshId(), {}, ''),
    );
    const inEitherSpot: JsonObject[] = [
      { app_guid: 'app-1' },
      { bind_resource: { app_guid: 'app-1' } },
      { app_guid: '', bind_resource: { app_guid: 'app-1' } },
    ];
    for (const values of inEitherSpot) {
      const id = freshId();
      expect((await broker.send(requests.bind(id, values))).status).toBe(201);
      const key = { platform: 'kubernetes', instanceId: requests.id, bindingId: id };
      expect(await broker.store.findBinding(key)).toMatchObject({ appGuid: 'app-1' });
    }
  });

  it('[103] may carry all that Cloud Foundry and Service Catalog know of an app', async () => {
    const id = freshId();
    const ofCloudFoundry = (annotations: JsonObject) => ({
      app_guid: 'app-1',
      bind_resource: {
        app_guid: 'app-1',
        space_guid: 'space',
        app_annotations: annotations,
        credential_client_id: 'client',
      },
    });
    expect((await broker.send(quick.bind(id, ofCloudFoundry({ 'a.example/b': 'c' })))).status).toBe(201);
    expect((await broker.send(quick.bind(id, ofCloudFoundry({})))).status).toBe(200);
    const route = await broker.send(quick.bind(freshId(), { bind_resource: { route: 'shop.example' } }));
    expect(route.status).toBe(201);
    const namespaceUid = '5f0c5a5e-6d0c-4bd5-a7b1-2a1c3a8e2f5d';
    const ofServiceCatalog = {
      app_guid: namespaceUid,
      bind_resource: { app_guid: namespaceUid },
      context: { platform: 'kubernetes', namespace: 'team-a', clusterid: 'c-1', instance_name: 'db' },
    };
    expect((await broker.send(quick.bind(freshId(), ofServiceCatalog))).status).toBe(201);
    await expectRefused(broker, { status: 400 }, quick.bind(freshId(), { bind_resource: 'app-1' }));
  });
});

describe('the answer to a bind', () => {
  it('[92] is 201 when the plan binds quickly, whether or not the platform can poll', async () => {
    for (const requests of [quick, await readyInstance(broker, 'bind-quick')]) {
      for (const query of ['', 'accepts_incomplete=false', 'accepts_incomplete=true']) {
        const answer = await broker.send(requests.bind(freshId(), {}, query));
        expect(answer.status).toBe(201);
        expect(broker.fake.logins.has(usernameOf(answer))).toBe(true);
      }
    }
  });

  it('[92] is 202 without credentials otherwise, and 422 AsyncRequired for a platform that cannot poll', async () => {
    const slow = await readyInstance(broker, 'slow');
    const id = freshId();
    const cannotPoll = ['', 'accepts_incomplete=false'].map((query) => slow.bind(id, {}, query));
    await expectRefused(broker, asyncRequired, ...cannotPoll);
    const answer = await broker.send(slow.bind(id));
    expect(answer.status).toBe(202);
    expect(answer.json).toEqual({ operation: expect.any(String) as string });
  });

  it('[93] to the same bind once more is 202 with the same operation, then 200 with the credentials', async () => {
    const id = freshId();
    const { requests, accepted } = await waitingBinding(broker, id, { parameters: { role: 'writer' } });
    const repeat = await broker.send(requests.bind(id, { parameters: { role: 'writer' } }));
    expect(repeat).toMatchObject({ status: 202, json: accepted.json });

    const done = freshId();
    const first = await broker.send(quick.bind(done, { parameters: { role: 'writer' } }));
    for (const query of ['accepts_incomplete=true', '']) {
      const again = await broker.send(quick.bind(done, { parameters: { role: 'writer' } }, query));
      expect(again).toMatchObject({ status: 200, json: first.json });
    }
    const slow = await readyInstance(broker, 'slow');
    const fetched = await bound(broker, slow, id.concat('-slow'));
    const repeated = await broker.send(slow.bind(id.concat('-slow'), {}, ''));
    expect(repeated).toMatchObject({ status: 200, json: { credentials: fetched.json.credentials } });
  });

  it.each<[string, JsonObject]>([
    ['parameters', { parameters: { role: 'writer' } }],
    ['app', { app_guid: 'app-2' }],
    ['plan', { plan_id: 'fixed' }],
    ['service', { service_id: 'attached-service', plan_id: 'attached' }],
    ['namespace', { context: { platform: 'kubernetes', namespace: 'team-b' } }],
    ['predecessor', { predecessor_binding_id: 'another' }],
  ])('[93] to a bind of the same id with another %s is 409, running or done', async (_name, values) => {
    const id = freshId();
    const context = { platform: 'kubernetes', namespace: 'team-a' };
    const { requests } = await waitingBinding(broker, id, { context });
    await broker.send(quick.bind(id.concat('-done'), { context }));
    await expectRefused(
      broker,
      { status: 409, json: { error: 'Conflict' } },
      requests.bind(id, { context, ...values }),
      quick.bind(id.concat('-done'), { context, ...values }),
      quick.bind(id.concat('-done'), { context, ...values }, ''),
    );
  });

  it('[96] holds credentials as an object, of which no two bindings share any', async () => {
    const answers = [await broker.send(quick.bind(freshId())), await broker.send(quick.bind(freshId()))];
    for (const answer of answers) {
      expect(answer.json.credentials).toEqual({
        host: 'fake.example',
        port: 5432,
        username: expect.stringMatching(/^b-/) as string,
        password: expect.stringMatching(/^.{20,}$/) as string,
      });
    }
    expect(new Set(answers.map(usernameOf)).size).toBe(2);
    expect(new Set(answers.map(passwordOf)).size).toBe(2);
  });

  it('[101] is 400 for a plan that is not bindable, which the catalog says', async () => {
    const requests = await readyInstance(broker, 'unbindable');
    const refused = { status: 400, json: { error: 'BadRequest', description: 'This plan is not bindable.' } };
    await expectRefused(
      broker,
      refused,
      requests.bind(freshId()),
      requests.bind(freshId(), {}, ''),
      requests.bind(freshId(), { app_guid: 'app-1' }),
    );
    expect(planOf(await broker.send({ path: '/v2/catalog' }), 'unbindable')).toMatchObject({
      bindable: false,
    });
  });

  it('[102] names an operation that is short and safe in a URL, and only when one is running', async () => {
    const { accepted } = await waitingBinding(broker, freshId());
    expect(operationOf(accepted)).toMatch(/^[A-Za-z0-9._~-]{1,100}$/);
    const id = freshId();
    const finished = [await broker.send(quick.bind(id)), await broker.send(quick.bind(id))];
    expect(finished.map(({ status }) => status)).toEqual([201, 200]);
    for (const { json } of finished) expect(json).not.toHaveProperty('operation');
  });
});

describe('a bind while its instance changes', () => {
  it('[95] waits for the provision or update when the platform can poll', async () => {
    const requests = fakeRequests('bind-quick');
    await broker.send(requests.provision({ parameters: { milliseconds: 200 } }));
    const first = freshId();
    expect((await broker.send(requests.bind(first))).status).toBe(202);
    expect((await broker.send(requests.pollBinding(first))).json.state).toBe('in progress');
    expect((await broker.send(requests.fetchBinding(first))).status).toBe(404);
    expect(await untilOver(broker, requests.pollBinding(first))).toMatchObject({
      json: { state: 'succeeded' },
    });
    expect((await broker.send(requests.fetchBinding(first))).status).toBe(200);

    await broker.send(requests.update({ parameters: { milliseconds: 201 } }));
    const second = freshId();
    expect((await broker.send(requests.bind(second))).status).toBe(202);
    expect((await broker.send(requests.pollBinding(second))).json.state).toBe('in progress');
    expect((await untilOver(broker, requests.pollBinding(second))).json.state).toBe('succeeded');
    expect((await broker.send(requests.poll())).json.state).toBe('succeeded');
  });

  it('[95] fails with the provision that it waits for, and outlives a failed update that left the instance usable', async () => {
    const failing = fakeRequests('slow');
    await broker.send(failing.provision({ parameters: { milliseconds: 100, fail: 'provision' } }));
    const id = freshId();
    await broker.send(failing.bind(id));
    expect((await untilOver(broker, failing.pollBinding(id))).json.state).toBe('failed');

    const updating = await readyInstance(broker, 'slow');
    const [usable, unusable] = [freshId(), freshId()];
    await broker.send(updating.update({ parameters: { fail: 'update' } }));
    await broker.send(updating.bind(usable));
    expect((await untilOver(broker, updating.pollBinding(usable))).json.state).toBe('succeeded');
    expect((await broker.send(updating.poll())).json.state).toBe('failed');
    await broker.send(updating.update({ parameters: { fail: 'broken-update', milliseconds: 100 } }));
    await broker.send(updating.bind(unusable));
    expect((await untilOver(broker, updating.pollBinding(unusable))).json.state).toBe('failed');
  });

  it('[95] is 422 ConcurrencyError when the platform cannot poll, or the option bindDuringOperation refuses it', async () => {
    const busy = await lastingProvision(broker, 'bind-quick');
    const updating = await readyInstance(broker, 'bind-quick');
    await lastingUpdate(broker, updating);
    for (const requests of [busy, updating]) {
      await expectRefused(broker, concurrencyError, requests.bind(freshId(), {}, ''));
      await expectRefused(broker, concurrencyError, as('refuses', requests.bind(freshId())));
    }
  });

  it('[95] is 422 while the instance is deleted or after it failed, and 404 when there is none', async () => {
    const going = await readyInstance(broker, 'slow', { removeMilliseconds: 600_000 });
    await broker.send(going.deprovision());
    await expectRefused(broker, concurrencyError, going.bind(freshId()));

    const failed = fakeRequests('slow');
    await broker.send(failed.provision({ parameters: { fail: 'provision' } }));
    await untilOver(broker, failed.poll());
    const unusable = { status: 422, json: { error: 'InstanceNotUsable' } };
    await expectRefused(broker, unusable, failed.bind(freshId()));

    await expectRefused(broker, { status: 404 }, fakeRequests('quick').bind(freshId()));
  });
});

describe('what a binding brings beside credentials', () => {
  const attached = () => fakeRequests('attached', freshId(), 'attached-service');

  it('[97] log drain, route service and volumes come only from an offering that requires them', async () => {
    const requests = attached();
    await broker.send(requests.provision());
    const id = freshId();
    const answer = await broker.send(requests.bind(id));
    expect(answer).toMatchObject({
      status: 201,
      json: {
        syslog_drain_url: 'syslog://fake.example:514',
        route_service_url: 'https://fake.example/route',
        volume_mounts: [{ driver: 'nfs' }],
      },
    });
    expect(await broker.send(requests.bind(id))).toMatchObject({ status: 200, json: answer.json });
    expect((await broker.send(requests.fetchBinding(id))).json).toEqual(answer.json);

    const plain = await broker.send(quick.bind(freshId()));
    expect(Object.keys(plain.json).sort()).toEqual(['credentials', 'endpoints']);
    const { services } = (await broker.send({ path: '/v2/catalog' })).json as { services: JsonObject[] };
    expect(services.map(({ name, requires }) => [name, requires]).sort()).toEqual([
      ['attached', ['syslog_drain', 'route_forwarding', 'volume_mount']],
      ['fake', undefined],
    ]);
  });

  it.each([
    ['a log drain', 'syslog_drain', /syslogDrainUrl.*requires: \[syslog_drain\]/],
    ['a route service', 'route_forwarding', /routeServiceUrl.*requires: \[route_forwarding\]/],
    ['a volume', 'volume_mount', /volumeMounts.*requires: \[volume_mount\]/],
  ])('[97] a catalog with %s that the offering does not require is refused', async (_name, word, message) => {
    await expect(loadChanged((text) => text.replace(new RegExp(`${word},? ?`), ''))).rejects.toThrow(message);
  });

  it('[97] a catalog with a route service that is not https is refused', async () => {
    const load = loadChanged((text) => text.replace('routeServiceUrl: https:', 'routeServiceUrl: http:'));
    await expect(load).rejects.toThrow(/routeServiceUrl.*https/);
  });

  it('[98] a volume has driver, directory, mode, type and device, spelled as platforms read them', async () => {
    const requests = attached();
    await broker.send(requests.provision());
    const { json } = await broker.send(requests.bind(freshId()));
    const name = expect.stringMatching(/^i-[a-z2-7]+$/) as string;
    expect(json.volume_mounts).toEqual([
      {
        driver: 'nfs',
        container_dir: expect.stringMatching(/^\/data\/i-[a-z2-7]+$/) as string,
        mode: 'rw',
        device_type: 'shared',
        device: { volume_id: name, mount_config: { source: 'nfs://fake.example/share' } },
      },
    ]);
    for (const [right, wrong, message] of [
      ['mode: rw', 'mode: w', /`mode` must be "r" or "rw"/],
      ['deviceType: shared', 'deviceType: local', /`deviceType` must be "shared"/],
      ['volumeId: ', 'volume: ', /volumeId/],
    ] as const) {
      await expect(loadChanged((text) => text.replace(right, wrong))).rejects.toThrow(message);
    }
  });

  it('[99] endpoints have ports as strings; by option as numbers, or there are none', async () => {
    const id = freshId();
    const endpoints = async (username?: string) => {
      const requests = [quick.bind(id), quick.fetchBinding(id)];
      const answers = [];
      for (const each of requests) {
        const { json } = await broker.send(username === undefined ? each : as(username, each));
        answers.push(json.endpoints);
      }
      return answers;
    };
    const withPorts = (...ports: (string | number)[]) => [{ host: 'fake.example', ports, protocol: 'tcp' }];
    expect(await endpoints()).toEqual([withPorts('5432'), withPorts('5432')]);
    expect(await endpoints('numbers')).toEqual([withPorts(5432), withPorts(5432)]);
    expect(await endpoints('modest')).toEqual([undefined, undefined]);
  });

  it('[100] metadata says in UTC when the credentials expire and when to rotate before; nothing else is in it', async () => {
    const rotating = await readyInstance(broker, 'rotating');
    const id = freshId();
    const earliest = Date.now();
    const answer = await broker.send(rotating.bind(id));
    const metadata = answer.json.metadata as { expires_at: string; renew_before: string };
    const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/;
    expect(metadata).toEqual({
      expires_at: expect.stringMatching(instant) as string,
      renew_before: expect.stringMatching(instant) as string,
    });
    const [expires, renew] = [Date.parse(metadata.expires_at), Date.parse(metadata.renew_before)];
    const day = 24 * 3_600_000;
    expect(Math.abs(expires - earliest - 30 * day)).toBeLessThan(60_000);
    expect(expires - renew).toBe(7 * day);
    expect(broker.fake.logins.get(usernameOf(answer))?.expiresAt?.getTime()).toBe(expires);

    expect((await broker.send(rotating.bind(id))).json.metadata).toEqual(metadata);
    expect((await broker.send(rotating.fetchBinding(id))).json.metadata).toEqual(metadata);
    expect((await broker.send(as('modest', rotating.fetchBinding(id)))).json).not.toHaveProperty('metadata');
    expect((await broker.send(quick.bind(freshId()))).json).not.toHaveProperty('metadata');
    await lastingUpdate(broker, rotating);
    const accepted = await broker.send(rotating.bind(freshId()));
    expect(accepted.status).toBe(202);
    expect(accepted.json).not.toHaveProperty('metadata');
  });
});

it('[95] a platform for which binds do not wait can still bind what is ready', async () => {
  const refusing = speaking(broker, 'refuses');
  const requests = await readyInstance(refusing, 'slow');
  expect((await bound(refusing, requests, freshId())).status).toBe(200);
});

function planOf({ json }: { json: JsonObject }, id: string): JsonObject | undefined {
  const services = json.services as { plans: JsonObject[] }[];
  return services.flatMap(({ plans }) => plans).find((plan) => plan.id === id);
}

/** Loads the offering with attachments, changed. */
async function loadChanged(change: (text: string) => string): Promise<unknown> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chandler-attached-'));
  try {
    const source = path.join(import.meta.dirname, '../support/fake-catalog/attached.yaml');
    const text = await readFile(source, 'utf8');
    expect(change(text)).not.toBe(text);
    await writeFile(path.join(folder, 'attached.yaml'), change(text));
    return await loadCatalog({ folder, kinds: { engines: ['fake'], provisioners: ['fake'] } });
  } finally {
    await rm(folder, { recursive: true });
  }
}
