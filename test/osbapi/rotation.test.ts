import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import {
  type FakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
  testCredentials,
  untilOver,
} from '../support/osb-broker.ts';
import {
  asyncRequired,
  bound,
  concurrencyError,
  credentialOf,
  delivered,
  expectRefused,
  lastingUpdate,
  passwordOf,
  readyInstance,
  speaking,
  usernameOf,
  waitingBinding,
} from './binding-steps.ts';

let broker: OsbBroker;
let rotating: FakeRequests;
beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      ...testCredentials(),
      credentialOf('elsewhere', { platform: 'another-cluster', delivers: true }),
      credentialOf('homely', { defaultNamespace: 'team-a' }),
    ],
  });
  rotating = await readyInstance(broker, 'rotating');
});
afterAll(() => broker?.close());

/** The whole body of a rotation, as the specification has it. */
function rotation(
  requests: FakeRequests,
  bindingId: string,
  predecessor: string,
  values: JsonObject = {},
  query = 'accepts_incomplete=true',
) {
  const body = { predecessor_binding_id: predecessor, ...values };
  return { ...requests.bind(bindingId, {}, query), body };
}

async function expire(bindingId: string): Promise<void> {
  await broker.query(
    `update service_bindings set expires_at = now() - interval '1 second', renew_before = null
     where binding_id = '${bindingId}'`,
  );
}

const badPredecessor = { status: 400, json: { error: 'BadRequest' } };

describe('a rotation', () => {
  it('[104] needs predecessor_binding_id alone in its body', async () => {
    const [old, young] = [freshId(), freshId()];
    const before = await bound(broker, rotating, old);
    const answer = await broker.send(rotation(rotating, young, old));
    expect(answer.status).toBe(201);
    expect(usernameOf(answer)).not.toBe(usernameOf(before));
    expect(broker.fake.logins.has(usernameOf(answer))).toBe(true);
    const ofKorifi = { service_id: null, plan_id: null, parameters: null, app_guid: '' };
    expect((await broker.send(rotation(rotating, freshId(), old, ofKorifi))).status).toBe(201);
    expect((await broker.send(rotating.bind(freshId(), { predecessor_binding_id: old }))).status).toBe(201);
  });

  it('[104] checks the service and plan that it names all the same', async () => {
    const old = freshId();
    await bound(broker, rotating, old);
    const wrong: JsonObject[] = [
      { service_id: 'unknown', plan_id: 'rotating' },
      { service_id: 'attached-service' },
      { plan_id: 'unknown' },
      { plan_id: 'quick' },
    ];
    const requests = wrong.map((values) => rotation(rotating, freshId(), old, values));
    await expectRefused(broker, badPredecessor, ...requests);
    const first = { ...rotating.bind(freshId()), body: { predecessor_binding_id: '' } };
    await expectRefused(broker, badPredecessor, first);
  });

  it('[104] is for plans that the catalog calls binding_rotatable; others refuse it with 400', async () => {
    const { services } = (await broker.send({ path: '/v2/catalog' })).json as {
      services: { plans: JsonObject[] }[];
    };
    const plans = services.flatMap((service) => service.plans);
    const rotatable = new Map(plans.map((plan) => [plan.id, plan.binding_rotatable]));
    expect([rotatable.get('rotating'), rotatable.get('fixed')]).toEqual([true, false]);

    const fixed = await readyInstance(broker, 'fixed');
    const old = freshId();
    await bound(broker, fixed, old);
    const description = expect.stringMatching(/cannot be rotated/) as string;
    await expectRefused(
      broker,
      { status: 400, json: { error: 'BadRequest', description } },
      rotation(fixed, freshId(), old),
    );
  });

  it('[105] is refused with 400 when the predecessor never was, is gone, failed, or is being deleted', async () => {
    const requests = await readyInstance(broker, 'slow');
    const gone = freshId();
    await bound(broker, requests, gone);
    await broker.send(requests.unbind(gone));
    await untilOver(broker, requests.pollBinding(gone));
    const failing = await readyInstance(broker, 'slow', { fail: 'bind' });
    const failed = freshId();
    await broker.send(failing.bind(failed));
    await untilOver(broker, failing.pollBinding(failed));
    const leaving = await readyInstance(broker, 'slow', { bindMilliseconds: 200 });
    const going = freshId();
    await bound(broker, leaving, going);
    await broker.send(leaving.unbind(going));
    expect(await broker.send(rotation(leaving, freshId(), going))).toMatchObject(badPredecessor);
    await untilOver(broker, leaving.pollBinding(going));
    await expectRefused(
      broker,
      badPredecessor,
      rotation(requests, freshId(), freshId()),
      rotation(requests, freshId(), gone),
      rotation(failing, freshId(), failed),
    );
    const itself = freshId();
    await expectRefused(broker, badPredecessor, rotation(requests, itself, itself));
  });

  it('[105] is refused with 400 when the predecessor belongs to another instance or platform', async () => {
    const old = freshId();
    await bound(broker, rotating, old);
    const other = await readyInstance(broker, 'rotating');
    await expectRefused(broker, badPredecessor, rotation(other, freshId(), old));

    const elsewhere = speaking(broker, 'elsewhere');
    // The same instance id: only the platform tells the two apart.
    expect((await elsewhere.send(rotating.provision())).status).toBe(201);
    expect(await elsewhere.send(rotation(rotating, freshId(), old))).toMatchObject(badPredecessor);
  });

  it('[105] is refused with 400 once the predecessor has expired, and not a moment before', async () => {
    const old = freshId();
    await bound(broker, rotating, old);
    expect((await broker.send(rotation(rotating, freshId(), old))).status).toBe(201);
    await expire(old);
    const description = expect.stringMatching(/have expired/) as string;
    await expectRefused(
      broker,
      { status: 400, json: { error: 'BadRequest', description } },
      rotation(rotating, freshId(), old),
    );
  });

  it('[105] of a binding that is still being made is 422 ConcurrencyError', async () => {
    const old = freshId();
    const { requests } = await waitingBinding(broker, old);
    await expectRefused(broker, concurrencyError, rotation(requests, freshId(), old));
  });

  it('[105] is asynchronous as any bind: 202 without credentials, AsyncRequired, and waiting for an update', async () => {
    const slow = await readyInstance(broker, 'slow');
    const [old, young] = [freshId(), freshId()];
    await bound(broker, slow, old);
    await expectRefused(broker, asyncRequired, rotation(slow, freshId(), old, {}, ''));
    const accepted = await broker.send(rotation(slow, young, old));
    expect(accepted).toMatchObject({ status: 202, json: { operation: expect.any(String) as string } });
    expect(accepted.json).not.toHaveProperty('credentials');
    expect((await untilOver(broker, slow.pollBinding(young))).json.state).toBe('succeeded');
    await lastingUpdate(broker, slow);
    expect((await broker.send(rotation(slow, freshId(), young))).status).toBe(202);
  });

  it('[105] has parameters that the schema allows', async () => {
    const old = freshId();
    await bound(broker, rotating, old);
    const wrong = rotation(rotating, freshId(), old, { parameters: { role: 'king' } });
    await expectRefused(broker, { status: 400 }, wrong);
  });
});

describe('predecessor and successor', () => {
  it('[106] work both, and deleting the old one leaves the new one whole', async () => {
    const requests = await readyInstance(broker, 'rotating', {}, inNamespace('team-a'));
    const [old, young] = [freshId(), freshId()];
    const first = await bound(broker, requests, old);
    const second = await broker.send(rotation(requests, young, old));
    const names = [usernameOf(first), usernameOf(second)];
    expect(names.map((name) => broker.fake.logins.has(name))).toEqual([true, true]);
    expect(passwordOf(first)).not.toBe(passwordOf(second));
    expect((await broker.send(requests.fetchBinding(old))).json).toEqual(first.json);

    expect((await broker.send(requests.unbind(old))).status).toBe(200);
    expect(names.map((name) => broker.fake.logins.has(name))).toEqual([false, true]);
    expect(names.map((name) => delivered(broker, name))).toEqual([[], ['team-a/ConfigMap', 'team-a/Secret']]);
    const kept = await broker.send(requests.fetchBinding(young));
    expect(kept).toMatchObject({ status: 200, json: { credentials: second.json.credentials } });
  });

  it('[106] work both, and deleting the new one leaves the old one whole', async () => {
    const [old, young] = [freshId(), freshId()];
    const first = await bound(broker, rotating, old);
    await broker.send(rotation(rotating, young, old));
    expect((await broker.send(rotating.unbind(young))).status).toBe(200);
    expect(broker.fake.logins.has(usernameOf(first))).toBe(true);
    expect((await broker.send(rotating.fetchBinding(old))).json).toEqual(first.json);
  });

  it('[106] may follow each other for ever, each with a lifetime of its own', async () => {
    const requests = await readyInstance(broker, 'rotating');
    const [first, second, third] = [freshId(), freshId(), freshId()];
    await bound(broker, requests, first);
    await broker.send(rotation(requests, second, first));
    await expire(first);
    await broker.send(requests.unbind(first));
    const last = await broker.send(rotation(requests, third, second));
    expect(last.status).toBe(201);
    const { expires_at } = last.json.metadata as { expires_at: string };
    expect(Date.parse(expires_at)).toBeGreaterThan(Date.now() + 29 * 24 * 3_600_000);
    await broker.send(requests.unbind(second));
    expect((await broker.send(requests.fetchBinding(third))).json.credentials).toEqual(last.json.credentials);
    expect(broker.fake.logins.has(usernameOf(last))).toBe(true);
  });

  it('[107] have the same parameters, app and namespace unless the rotation says otherwise', async () => {
    const requests = await readyInstance(broker, 'rotating', {}, inNamespace('team-a'));
    const [old, same, other] = [freshId(), freshId(), freshId()];
    const values = { parameters: { role: 'writer' }, app_guid: 'app-1', ...inNamespace('team-b') };
    await bound(broker, requests, old, values);
    const attributesOf = async (bindingId: string) => {
      const key = { platform: 'kubernetes', instanceId: requests.id, bindingId };
      const binding = await broker.store.findBinding(key);
      return [binding?.parameters, binding?.appGuid, binding?.delivery?.namespace];
    };
    const answer = await broker.send(rotation(requests, same, old));
    expect(await attributesOf(same)).toEqual([{ role: 'writer' }, 'app-1', 'team-b']);
    expect(delivered(broker, usernameOf(answer))).toEqual(['team-b/ConfigMap', 'team-b/Secret']);
    expect((await broker.send(requests.fetchBinding(same))).json.parameters).toEqual({ role: 'writer' });

    const otherwise = { parameters: { role: 'reader' }, app_guid: 'app-2', ...inNamespace('shop') };
    await broker.send(rotation(requests, other, old, otherwise));
    expect(await attributesOf(other)).toEqual([{ role: 'reader' }, 'app-2', 'shop']);
  });

  it("[107] share the namespace also when the platform's credential has a default one", async () => {
    const homely = speaking(broker, 'homely');
    const requests = await readyInstance(homely, 'rotating');
    const [old, young] = [freshId(), freshId()];
    await bound(homely, requests, old, inNamespace('team-b'));
    const answer = await homely.send(rotation(requests, young, old));
    expect(delivered(broker, usernameOf(answer))).toEqual(['team-b/ConfigMap', 'team-b/Secret']);
  });
});

describe('a rotation that is sent again', () => {
  it('[108] is 202 with the same operation while it runs', async () => {
    const slow = await readyInstance(broker, 'slow');
    const [old, young] = [freshId(), freshId()];
    await bound(broker, slow, old, { parameters: { role: 'writer' } });
    await lastingUpdate(broker, slow);
    const accepted = await broker.send(rotation(slow, young, old));
    expect(accepted.status).toBe(202);
    const inFull = { parameters: { role: 'writer' } };
    for (const again of [rotation(slow, young, old), rotation(slow, young, old, inFull)]) {
      expect(await broker.send(again)).toMatchObject({ status: 202, json: accepted.json });
    }
  });

  it('[108] is 200 with the same credentials afterwards, also when the predecessor is gone', async () => {
    const [old, young] = [freshId(), freshId()];
    await bound(broker, rotating, old, { app_guid: 'app-1' });
    const first = await broker.send(rotation(rotating, young, old));
    expect(await broker.send(rotation(rotating, young, old))).toMatchObject({
      status: 200,
      json: first.json,
    });
    await broker.send(rotating.unbind(old));
    expect(await broker.send(rotation(rotating, young, old, {}, ''))).toMatchObject({
      status: 200,
      json: first.json,
    });
  });

  it('[108] is 409 with another predecessor, with none, or with other parameters', async () => {
    const [old, another, young] = [freshId(), freshId(), freshId()];
    await bound(broker, rotating, old);
    await bound(broker, rotating, another);
    await broker.send(rotation(rotating, young, old));
    await expectRefused(
      broker,
      { status: 409, json: { error: 'Conflict' } },
      rotation(rotating, young, another),
      rotating.bind(young),
      rotation(rotating, young, old, { parameters: { role: 'writer' } }),
    );
  });
});

function inNamespace(namespace: string): JsonObject {
  return { context: { platform: 'kubernetes', namespace } };
}
