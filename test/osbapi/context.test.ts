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
import type { Sent } from '../support/osb-client.ts';
import {
  as,
  credentialOf,
  delivered,
  expectRefused,
  readyInstance,
  speaking,
  until,
  usernameOf,
} from './binding-steps.ts';

let broker: OsbBroker;
beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      ...testCredentials(),
      credentialOf('cc', { platform: 'cloudfoundry', namespaces: [] }),
      credentialOf('korifi', {
        platform: 'korifi',
        namespaces: ['team-*'],
        defaultNamespace: 'team-a',
        delivers: false,
      }),
      credentialOf('homely', { defaultNamespace: 'team-a' }),
    ],
  });
});
afterAll(() => broker?.close());

const both = (namespace: string) => [`${namespace}/ConfigMap`, `${namespace}/Secret`];
const storedInstance = ({ id }: FakeRequests, platform = 'kubernetes') =>
  broker.store.findInstance({ platform, instanceId: id });
const storedBinding = ({ id }: FakeRequests, bindingId: string, platform = 'kubernetes') =>
  broker.store.findBinding({ platform, instanceId: id, bindingId });

describe('the context', () => {
  it('[131] is stored as it was sent, whatever platform it is of and whatever keys it has', async () => {
    const contexts: JsonObject[] = [
      { platform: 'mainframe', partition: { lpar: 7, tags: ['a', null] } },
      { platform: 'mainframe', namespace: { not: 'a name' } },
      { platform: 'mainframe', namespace: 'kube-system' },
      { platform: 'kubernetes', namespace: 'team-a', unheard_of: true },
      { platform: 'cloudfoundry', organization_guid: null },
      { platform: '' },
      { colour: 'blue' },
      {},
    ];
    for (const context of contexts) {
      const requests = fakeRequests('quick');
      const id = freshId();
      expect((await broker.send(requests.provision({ context }))).status).toBe(201);
      expect((await broker.send(requests.bind(id, { context }))).status).toBe(201);
      expect((await storedInstance(requests))?.context).toEqual(context);
      expect((await storedBinding(requests, id))?.context).toEqual(context);
    }
    for (const without of [{ context: null }, {}]) {
      expect((await broker.send(fakeRequests('quick').provision(without))).status).toBe(201);
    }
  });

  it('[131] has a text as its platform and is an object, or it is 400', async () => {
    const ready = await readyInstance(broker, 'quick');
    const wrong: JsonObject[] = [{ context: { platform: 7 } }, { context: 'kubernetes' }, { context: [] }];
    const requests = wrong.flatMap((values) => [
      fakeRequests('quick').provision(values),
      ready.update(values),
      ready.bind(freshId(), values),
    ]);
    await expectRefused(broker, { status: 400, json: { error: 'BadRequest' } }, ...requests);
  });

  it('[132] of Cloud Foundry names organization, space and instance; names and annotations may change', async () => {
    const cc = speaking(broker, 'cc');
    const requests = fakeRequests('quick');
    const contextOf = (name: string, annotations: JsonObject): JsonObject => ({
      platform: 'cloudfoundry',
      organization_guid: 'org',
      organization_name: `${name}-org`,
      organization_annotations: annotations,
      space_guid: 'space',
      space_name: `${name}-space`,
      space_annotations: annotations,
      instance_name: name,
      instance_annotations: annotations,
    });
    const [before, after] = [contextOf('old', { 'a.example/b': 'c' }), contextOf('new', {})];
    expect((await cc.send(requests.provision({ context: before }))).status).toBe(201);
    expect((await cc.send(requests.provision({ context: after }))).status).toBe(200);
    expect((await storedInstance(requests, 'cloudfoundry'))?.context).toEqual(before);
    expect((await cc.send(requests.update({ context: after }))).status).toBe(200);
    expect((await storedInstance(requests, 'cloudfoundry'))?.context).toEqual(after);

    const id = freshId();
    const binding = await cc.send(requests.bind(id, { app_guid: 'app', context: before }));
    expect(binding.status).toBe(201);
    expect((await cc.send(requests.bind(id, { app_guid: 'app', context: after }))).status).toBe(200);
    expect((await storedBinding(requests, id, 'cloudfoundry'))?.context).toEqual(before);
    expect(delivered(broker, usernameOf(binding))).toEqual([]);
  });
});

/** As Service Catalog sends it: the organization is its cluster, the space is the namespace. */
const ofServiceCatalog = (clusterId: string, namespace: string, values: JsonObject = {}): JsonObject => ({
  organization_guid: clusterId,
  space_guid: `uid-of-${namespace}`,
  context: {
    platform: 'kubernetes',
    clusterid: clusterId,
    namespace,
    instance_name: 'db',
    namespace_annotations: { team: 'a' },
    instance_annotations: { size: 's' },
    ...values,
  },
});

describe('the context of Kubernetes', () => {
  it('[133] names the namespace that credentials are delivered to: the one of the bind, else of the instance', async () => {
    const requests = fakeRequests('quick');
    expect((await broker.send(requests.provision(ofServiceCatalog('c-1', 'team-a')))).status).toBe(201);
    const own = await broker.send(
      requests.bind(freshId(), {
        app_guid: 'uid-of-team-b',
        bind_resource: { app_guid: 'uid-of-team-b' },
        context: { platform: 'kubernetes', clusterid: 'c-1', namespace: 'team-b', instance_name: 'db' },
      }),
    );
    const inherited = await broker.send(requests.bind(freshId()));
    expect([own.status, inherited.status]).toEqual([201, 201]);
    expect(delivered(broker, usernameOf(own))).toEqual(both('team-b'));
    expect(delivered(broker, usernameOf(inherited))).toEqual(both('team-a'));

    const reference = { apiVersion: 'v1', kind: 'Secret', namespace: 'team-b', name: usernameOf(own) };
    const secret = await broker.cluster.get(reference);
    const { username = '', password = '' } = (secret?.data ?? {}) as Record<string, string>;
    const text = (encoded: string) => Buffer.from(encoded, 'base64').toString();
    expect(own.json.credentials).toMatchObject({ username: text(username), password: text(password) });
    expect(secret?.type).toBe('servicebinding.io/fake');
  });

  it('[133] may come from a cluster whose id has changed, for the same namespace', async () => {
    const requests = fakeRequests('quick');
    expect((await broker.send(requests.provision(ofServiceCatalog('c-1', 'team-a')))).status).toBe(201);
    const renamed = ofServiceCatalog('c-2', 'team-a', {
      instance_name: 'database',
      namespace_annotations: {},
    });
    expect((await broker.send(requests.provision(renamed))).status).toBe(200);
    const { context } = renamed as { context: JsonObject };
    const id = freshId();
    expect((await broker.send(requests.bind(id, { context: { ...context, clusterid: 'c-1' } }))).status).toBe(
      201,
    );
    expect((await broker.send(requests.bind(id, { context }))).status).toBe(200);
    expect((await broker.send(requests.update({ context }))).status).toBe(200);
    expect((await broker.send(requests.provision(ofServiceCatalog('c-3', 'team-a')))).status).toBe(200);

    await expectRefused(
      broker,
      { status: 409, json: { error: 'Conflict' } },
      requests.provision(ofServiceCatalog('c-2', 'team-b')),
      requests.provision({ ...renamed, space_guid: 'another' }),
      requests.provision({ ...renamed, organization_guid: 'another' }),
      requests.provision({ organization_guid: 'c-2', space_guid: 'uid-of-team-a' }),
    );
  });

  it('[133] names a namespace that the credential allows, or it is 400', async () => {
    const ready = await readyInstance(broker, 'quick');
    const requests = ['kube-system', 'chandler', 'foreign', 'Not A Name', ''].flatMap((namespace) => {
      const values = { context: { platform: 'kubernetes', namespace } };
      return [fakeRequests('quick').provision(values), ready.update(values), ready.bind(freshId(), values)];
    });
    await expectRefused(broker, { status: 400 }, ...requests);
  });

  it('[134] may disagree with organization_guid and space_guid: both are kept, and neither is a fault', async () => {
    const requests = fakeRequests('quick');
    const context = {
      platform: 'kubernetes',
      namespace: 'team-a',
      organization_guid: 'in-context',
      space_guid: 'in-context',
    };
    const values = { organization_guid: 'on-top', space_guid: 'on-top', context };
    expect((await broker.send(requests.provision(values))).status).toBe(201);
    expect(await storedInstance(requests)).toMatchObject({
      organizationGuid: 'on-top',
      spaceGuid: 'on-top',
      context,
      contextNamespace: 'team-a',
    });
    const moved = { ...values, context: { ...context, organization_guid: 'new', space_guid: 'new' } };
    expect((await broker.send(requests.provision(moved))).status).toBe(200);
    const conflict = { ...values, organization_guid: 'new' };
    await expectRefused(broker, { status: 409 }, requests.provision(conflict));
    const binding = await broker.send(requests.bind(freshId()));
    expect(delivered(broker, usernameOf(binding))).toEqual(both('team-a'));
  });
});

describe('a platform that sends no context', () => {
  it('[135] as Korifi does, nor an identity of its user, is served from provision to deprovision', async () => {
    const korifi = speaking(broker, 'korifi');
    const requests = fakeRequests('bind-quick');
    const id = freshId();
    const body = { service_id: 'fake-service', plan_id: 'bind-quick', parameters: null };
    const provision: Sent = {
      ...requests.provision(),
      body: { ...body, organization_guid: 'org', space_guid: 'space' },
    };
    expect((await korifi.send(provision)).status).toBe(202);
    await untilOver(korifi, requests.poll());
    expect((await korifi.send(provision)).status).toBe(200);

    const bind: Sent = {
      ...requests.bind(id),
      body: { ...body, app_guid: '', bind_resource: { app_guid: '' } },
    };
    await korifi.send(bind);
    const again = await korifi.send(bind);
    expect(again).toMatchObject({ status: 200, json: { credentials: { host: 'fake.example' } } });
    expect(broker.fake.logins.has(usernameOf(again))).toBe(true);
    expect(delivered(broker, usernameOf(again))).toEqual([]);
    expect(await storedInstance(requests, 'korifi')).toMatchObject({
      contextNamespace: 'team-a',
      context: {},
    });

    const headers = { 'content-type': 'application/json' };
    for (const deletion of [requests.unbind(id), requests.deprovision()]) {
      await until(async () => (await korifi.send({ ...deletion, headers })).status === 410);
    }
    expect(broker.fake.logins.has(usernameOf(again))).toBe(false);
  });

  it('[135] gets credentials delivered to the default namespace of its credential, if it has one', async () => {
    const [homely, homeless] = [speaking(broker, 'homely'), broker];
    const ofHomely = await readyInstance(homely, 'quick');
    const binding = await homely.send(ofHomely.bind(freshId()));
    expect(delivered(broker, usernameOf(binding))).toEqual(both('team-a'));
    const ofHomeless = await readyInstance(homeless, 'quick');
    const undelivered = await homeless.send(ofHomeless.bind(freshId()));
    expect(undelivered.status).toBe(201);
    expect(delivered(broker, usernameOf(undelivered))).toEqual([]);
  });

  it('[135] contradicts nothing that a context said before, although its credential has a default namespace', async () => {
    const context = { platform: 'kubernetes', namespace: 'team-b' };
    const requests = fakeRequests('quick');
    const id = freshId();
    const send = (sent: Sent) => broker.send(as('homely', sent));
    expect((await send(requests.provision({ context }))).status).toBe(201);
    expect((await send(requests.provision())).status).toBe(200);
    expect((await send(requests.update({ context: { platform: 'kubernetes' } }))).status).toBe(200);
    const binding = await send(requests.bind(id));
    expect(delivered(broker, usernameOf(binding))).toEqual(both('team-b'));
    expect((await send(requests.bind(id, { context }))).status).toBe(200);
    expect((await send(requests.bind(id))).status).toBe(200);
  });
});
