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
import type { Answer, Sent } from '../support/osb-client.ts';
import {
  as,
  asyncRequired,
  bound,
  concurrencyError,
  credentialOf,
  expectRefused,
  externalNameOf,
  lastingProvision,
  lastingUpdate,
  operationOf,
  readyInstance,
} from './binding-steps.ts';

let broker: OsbBroker;

beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      ...testCredentials({ updateParameters: 'merge' }),
      credentialOf('replacing', { options: { updateParameters: 'replace' } }),
    ],
  });
});
afterAll(() => broker.close());

async function fetched(requests: FakeRequests): Promise<JsonObject> {
  return (await broker.send(requests.fetch())).json;
}

/** Sends an update and waits for its end. @returns what last_operation says */
async function updated(requests: FakeRequests, sent: Sent): Promise<Answer> {
  const answer = await broker.send(sent);
  expect([200, 202], answer.text).toContain(answer.status);
  return untilOver(broker, requests.poll());
}

describe('the body of an update', () => {
  it.each([
    ['missing', {}],
    ['empty', { service_id: '' }],
    ['that of another offering', { service_id: 'attached-service' }],
    ['unknown', { service_id: 'unknown' }],
  ])('[70] with a service_id that is %s is refused with 400', async (_how, body) => {
    const ready = await readyInstance(broker, 'slow');
    await expectRefused(broker, { status: 400, json: { error: 'BadRequest' } }, { ...ready.update(), body });
  });

  it('[70] without plan_id leaves the plan, without parameters the parameters; null is the same', async () => {
    const ready = await readyInstance(broker, 'slow', { note: 'kept' });
    await updated(ready, as('replacing', ready.update({ plan_id: 'quick', parameters: null })));
    expect(await fetched(ready)).toMatchObject({ plan_id: 'quick', parameters: { note: 'kept' } });
    await updated(ready, ready.update({ plan_id: null, parameters: { note: 'new' } }));
    expect(await fetched(ready)).toMatchObject({ plan_id: 'quick', parameters: { note: 'new' } });
  });

  it('[70] lays its parameters over those of the instance, or replaces them, so that {} clears', async () => {
    const ready = await readyInstance(broker, 'slow', { note: 'first', region: 'there' });
    await updated(ready, ready.update({ parameters: { size: '2Gi' } }));
    expect((await fetched(ready)).parameters).toEqual({ note: 'first', region: 'there', size: '2Gi' });
    const all = { region: 'there', size: '2Gi' };
    await updated(ready, as('replacing', ready.update({ parameters: all })));
    expect((await fetched(ready)).parameters).toEqual(all);
    const notes = await readyInstance(broker, 'slow', { note: 'first' });
    await updated(notes, as('replacing', notes.update({ parameters: {} })));
    expect(await fetched(notes)).not.toHaveProperty('parameters');
  });

  it('[75] with a plan of another service, or an unknown one, is refused with 400', async () => {
    const ready = await readyInstance(broker, 'slow');
    const refused = { status: 400, json: { error: 'BadRequest' } };
    await expectRefused(
      broker,
      refused,
      ready.update({ plan_id: 'attached' }),
      ready.update({ plan_id: 'x' }),
    );
  });

  it.each([
    ['unknown', { colour: 'red' }, 'There is no parameter `colour`'],
    ['of a wrong type', { milliseconds: 'soon' }, '`milliseconds` must be of type integer'],
    ['too large', { size: '101Gi' }, '`size` must be at most 100Gi'],
    ['not to be changed', { region: 'there' }, '`region` cannot be changed after the instance was made.'],
  ])('[75] with parameters that are %s is refused with 400 and says why', async (_how, parameters, text) => {
    const ready = await readyInstance(broker, 'slow');
    const sent = ready.update({ parameters });
    await expectRefused(broker, { status: 400, json: { error: 'InvalidParameters' } }, sent);
    expect((await broker.send(sent)).json.description).toContain(text);
  });

  it('[75] that break a rule of the plan are refused with 400 and its words, what keeps it is fine', async () => {
    const ready = await readyInstance(broker, 'stepwise', { size: '2Gi' });
    const sent = ready.update({ parameters: { size: '5Gi' } });
    await expectRefused(broker, { status: 400, json: { error: 'InvalidParameters' } }, sent);
    expect((await broker.send(sent)).json.description).toContain('twice its size at most. Grow it in steps.');
    await updated(ready, ready.update({ parameters: { size: '4Gi' } }));
    await updated(ready, ready.update({ plan_id: 'quick' }));
    expect(await fetched(ready)).toMatchObject({ plan_id: 'quick', parameters: { size: '4Gi' } });
  });

  it('[79] may hold previous_values that are wrong: the record of the broker wins', async () => {
    const ready = await readyInstance(broker, 'slow', { note: 'kept' });
    const previous_values = {
      plan_id: 'quick',
      service_id: 'other',
      organization_id: 'x',
      space_id: 'y',
      maintenance_info: { version: '0.0.1' },
    };
    expect((await broker.send(ready.update({ previous_values }))).status).toBe(200);
    await updated(ready, ready.update({ previous_values, parameters: { size: '2Gi' } }));
    expect(await fetched(ready)).toMatchObject({
      plan_id: 'slow',
      parameters: { note: 'kept', size: '2Gi' },
      maintenance_info: { version: '1.4.0' },
    });
  });
});

describe('an update', () => {
  it('[71] that is done within the request is 200, one that changes nothing too, any other 202', async () => {
    const quick = await readyInstance(broker, 'quick');
    const slow = await readyInstance(broker, 'slow');
    const done = await broker.send(quick.update({ parameters: { note: 'new' } }, ''));
    expect([done.status, done.json]).toEqual([200, {}]);
    const nothing = await broker.send(slow.update({ plan_id: 'slow', parameters: {} }, ''));
    expect([nothing.status, nothing.json]).toEqual([200, {}]);
    const running = await broker.send(slow.update({ parameters: { note: 'new' } }));
    expect(running).toMatchObject({ status: 202, json: { operation: expect.any(String) as string } });
  });

  it('[71] reaches what the instance is made of', async () => {
    const ready = await readyInstance(broker, 'slow', { note: 'old' });
    const name = await externalNameOf(broker, ready);
    await updated(ready, ready.update({ plan_id: 'quick', parameters: { note: 'new' } }));
    expect(broker.fake.instances.get(`${name}-server`)?.inputs).toMatchObject({ note: 'new', tier: 'none' });
  });

  it('[72] that is sent again while it runs is 202 with the same operation; another one is 422', async () => {
    const ready = await readyInstance(broker, 'slow');
    const { json } = await lastingUpdate(broker, ready);
    const again = await broker.send(ready.update({ parameters: { milliseconds: 600_000 } }));
    expect([again.status, again.json.operation]).toEqual([202, json.operation]);
    await expectRefused(
      broker,
      concurrencyError,
      ready.update({ parameters: { milliseconds: 599_999 } }),
      ready.update({ plan_id: 'quick', parameters: { milliseconds: 600_000 } }),
      ready.update({}),
    );
  });

  it('[72] with another context than the one that is made is 422, not lost', async () => {
    const context = (name: string) => ({ platform: 'kubernetes', namespace: 'team-a', instance_name: name });
    const ready = await readyInstance(broker, 'slow', {}, { context: context('old') });
    const sent = (values: JsonObject) => ready.update({ parameters: { milliseconds: 600_000 }, ...values });
    await lastingUpdate(broker, ready, { context: context('new') });
    await expectRefused(broker, concurrencyError, sent({ context: context('newer') }));
    for (const again of [sent({ context: context('new') }), sent({})]) {
      expect((await broker.send(again)).status).toBe(202);
    }
  });

  it('[73] of a plan that takes longer is 422 for a platform that cannot poll, and changes nothing', async () => {
    const ready = await readyInstance(broker, 'slow');
    const values = { parameters: { note: 'new' } };
    await expectRefused(
      broker,
      asyncRequired,
      ready.update(values, ''),
      ready.update(values, 'accepts_incomplete=false'),
    );
  });

  it.each([
    [
      'to a plan that the instance may not leave for',
      'fixed',
      { plan_id: 'quick' },
      'cannot change their plan',
    ],
    [
      'to a plan that is none of the ways',
      'stepwise',
      { plan_id: 'slow' },
      'stepwise cannot change to the plan slow, only to: quick',
    ],
    ['to a plan without the same credentials', 'slow', { plan_id: 'unbindable' }, 'other credentials'],
    ['that shrinks what can only grow', 'slow', { parameters: { size: '512Mi' } }, 'can only grow'],
    ['that shrinks through the other plan', 'bind-quick', { plan_id: 'slow' }, 'from 2Gi to 1Gi'],
  ])('[74] %s is refused with 422 and says why', async (_what, plan, values, text) => {
    const ready = await readyInstance(broker, plan);
    const sent = ready.update(values);
    await expectRefused(broker, { status: 422, json: { error: 'UpdateNotSupported' } }, sent);
    expect((await broker.send(sent)).json.description).toContain(text);
  });

  it('[74] that needs a volume to grow which cannot is 422 before anything is written; any other is fine', async () => {
    const asked: string[] = [];
    const rigid = await startOsbBroker({
      fixedVolumes: (_cluster, namespace) => {
        asked.push(namespace);
        return Promise.resolve([{ claim: 'data-0', storageClass: 'rigid' }]);
      },
    });
    try {
      const ready = await readyInstance(rigid, 'slow', { size: '2Gi' });
      const refused = { status: 422, json: { error: 'UpdateNotSupported' } };
      const larger = ready.update({ parameters: { size: '3Gi' } });
      await expectRefused(rigid, refused, larger);
      const why = 'the StorageClass rigid of PersistentVolumeClaim data-0 does not allow volumes to grow';
      expect((await rigid.send(larger)).json.description).toContain(why);
      const row = await rigid.store.findInstance({ platform: 'kubernetes', instanceId: ready.id });
      expect([...new Set(asked)]).toEqual([row?.namespace]);
      const same = ready.update({ parameters: { size: '2Gi', note: 'x' } });
      expect([200, 202]).toContain((await rigid.send(same)).status);
    } finally {
      await rigid.close();
    }
  });

  it('[74] of an instance that could not be made is 422', async () => {
    const failed = fakeRequests('slow');
    await broker.send(failed.provision({ parameters: { fail: 'provision' } }));
    await untilOver(broker, failed.poll());
    const refused = { status: 422, json: { error: 'InstanceNotUsable' } };
    await expectRefused(broker, refused, failed.update({ parameters: { note: 'x' } }));
  });

  it('[77] that fails leaves plan, parameters, context and maintenance as they were', async () => {
    const context = { platform: 'kubernetes', namespace: 'team-a', instance_name: 'old' };
    const ready = await readyInstance(broker, 'slow', { note: 'old' }, { context });
    const before = await fetched(ready);
    const row = () => broker.store.findInstance({ platform: 'kubernetes', instanceId: ready.id });
    const answer = await updated(
      ready,
      ready.update({
        plan_id: 'quick',
        parameters: { note: 'new', fail: 'broken-update' },
        context: { ...context, instance_name: 'new' },
      }),
    );
    expect(answer.json).toMatchObject({ state: 'failed', instance_usable: false, update_repeatable: true });
    expect(await fetched(ready)).toEqual(before);
    expect((await row())?.context).toEqual(context);
    // It may be tried again, and the instance works again then.
    expect((await updated(ready, ready.update({ parameters: { note: 'right' } }))).json.state).toBe(
      'succeeded',
    );
    expect((await row())?.usable).toBe(true);
  });

  it('[77] that fails within the request says so in its error, and leaves the old values', async () => {
    const ready = await readyInstance(broker, 'quick', { note: 'old' });
    const before = await fetched(ready);
    const answer = await broker.send(ready.update({ parameters: { fail: 'update' } }, ''));
    expect(answer).toMatchObject({
      status: 500,
      json: { error: 'ApplyRejected', instance_usable: true, update_repeatable: true },
    });
    expect(await fetched(ready)).toEqual(before);
    // An instance that can be used can be bound.
    await bound(broker, ready, freshId());
  });

  it('[77] that takes longer than its request may wait is cancelled with 503, and leaves the old values', async () => {
    const impatient = await startOsbBroker({ settings: { syncWaitMs: 50, quickWaitMs: 20 } });
    try {
      const ready = await readyInstance(impatient, 'quick', { note: 'old' });
      const before = (await impatient.send(ready.fetch())).json;
      const lasting = { note: 'new', milliseconds: 600_000 };
      const late = await impatient.send(ready.update({ parameters: lasting }, ''));
      const aftermath = { instance_usable: true, update_repeatable: true };
      expect(late).toMatchObject({ status: 503, json: { error: 'SynchronousTimeout', ...aftermath } });
      expect((await impatient.send(ready.poll())).json).toMatchObject({ state: 'failed', ...aftermath });
      expect((await impatient.send(ready.fetch())).json).toEqual(before);
      const right = ready.update({ parameters: { note: 'right', milliseconds: 0 } });
      expect([200, 202]).toContain((await impatient.send(right)).status);
      expect((await untilOver(impatient, ready.poll())).json.state).toBe('succeeded');
    } finally {
      await impatient.close();
    }
  });

  it('[78] after an update that failed is one that brings the instance back, and the context with it', async () => {
    const context = { platform: 'kubernetes', namespace: 'team-a', instance_name: 'old' };
    const ready = await readyInstance(broker, 'slow', {}, { context });
    await updated(ready, ready.update({ parameters: { fail: 'broken-update' } }));
    const renamed = { ...context, instance_name: 'new' };
    const sent = ready.update({ context: renamed });
    expect((await broker.send(sent)).status).toBe(202);
    expect((await untilOver(broker, ready.poll())).json.state).toBe('succeeded');
    const row = await broker.store.findInstance({ platform: 'kubernetes', instanceId: ready.id });
    expect([row?.context, row?.usable]).toEqual([renamed, true]);
  });

  it('[78] of the context alone is written down at once, also for a platform that cannot poll', async () => {
    const context = { platform: 'kubernetes', namespace: 'team-a', instance_name: 'old' };
    const ready = await readyInstance(broker, 'slow', {}, { context });
    const renamed = { ...context, instance_name: 'new', instance_annotations: { a: 'b' } };
    expect((await broker.send(ready.update({ context: renamed }, ''))).status).toBe(200);
    const row = await broker.store.findInstance({ platform: 'kubernetes', instanceId: ready.id });
    expect(row?.context).toEqual(renamed);
    const moved = ready.update({ context: { ...context, namespace: 'team-b' } });
    await expectRefused(broker, { status: 422, json: { error: 'UpdateNotSupported' } }, moved);
    const foreign = ready.update({ context: { ...context, namespace: 'not-mine' } });
    await expectRefused(broker, { status: 400, json: { error: 'NamespaceNotAllowed' } }, foreign);
  });

  it('[80] of an instance that never was, or is no more, is 404', async () => {
    const gone = await readyInstance(broker, 'quick');
    await broker.send(gone.deprovision());
    const refused = { status: 404, json: { error: 'NotFound' } };
    await expectRefused(broker, refused, fakeRequests().update({ plan_id: 'quick' }), gone.update());
  });

  it('[80] while the instance is made, deleted, bound or unbound is 422', async () => {
    const making = await lastingProvision(broker);
    const going = await readyInstance(broker, 'slow', { removeMilliseconds: 2000 });
    await broker.send(going.deprovision());
    const binding = await readyInstance(broker, 'slow', { bindMilliseconds: 2000 });
    await broker.send(binding.bind(freshId()));
    const unbinding = await readyInstance(broker, 'slow');
    const old = freshId();
    await bound(broker, unbinding, old);
    broker.fake.behave(await externalNameOf(broker, unbinding), { bindMilliseconds: 2000 });
    await broker.send(unbinding.unbind(old));
    await expectRefused(
      broker,
      concurrencyError,
      ...[making, going, binding, unbinding].map((requests) =>
        requests.update({ parameters: { note: 'x' } }),
      ),
    );
  });

  it('[81] says the dashboard URL in the first answer when it changed, and only then', async () => {
    const ready = await readyInstance(broker, 'slow');
    const sent = ready.update({ parameters: { size: '7Gi', milliseconds: 100 } });
    const first = await broker.send(sent);
    expect(first.json.dashboard_url).toMatch(/size=7Gi$/);
    expect((await broker.send(sent)).json).toEqual(first.json);
    await untilOver(broker, ready.poll());
    expect(await fetched(ready)).toMatchObject({ dashboard_url: first.json.dashboard_url });
    const unchanged = await broker.send(ready.update({ parameters: { note: 'new', milliseconds: 0 } }));
    expect(Object.keys(unchanged.json)).toEqual(['operation']);
    expect(operationOf(unchanged)).not.toBe('');
  });

  it('[81] says the changed dashboard URL in a synchronous answer too', async () => {
    const ready = await readyInstance(broker, 'quick');
    const done = await broker.send(ready.update({ parameters: { size: '7Gi' } }, ''));
    expect([done.status, done.json]).toEqual([
      200,
      { dashboard_url: expect.stringMatching(/size=7Gi$/) as string },
    ]);
  });
});
