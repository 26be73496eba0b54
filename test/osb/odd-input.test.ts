/** What looks wrong and is legal: it works, under a safe name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  deleteBinding,
  deleteInstance,
  newId,
  pollBinding,
  pollInstance,
  putBinding,
  putInstance,
} from './requests.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker();
});
afterAll(() => broker.close());

describe('legal ids, however odd', () => {
  const ids = [
    ['a slash', 'a%2Fb'],
    ['a slash and dots', '..%2F..%2Fetc%2Fpasswd'],
    ['dots', '..'],
    ['percent-encoded dots', '%2e%2e%2e'],
    ['a number', '42'],
    ['300 characters', 'x'.repeat(300)],
    ['an emoji', encodeURIComponent('🐘💥')],
    ['right-to-left text', encodeURIComponent('עברית')],
    [
      '1,000 bytes that do not compress',
      Array.from({ length: 1000 }, (_, i) => ((i * 7919) % 36).toString(36)).join(''),
    ],
    ['capitals', 'ABC'],
    ['the same in small letters', 'abc'],
    ['spaces and quotes', encodeURIComponent(`a 'b' "c"; drop table x`)],
    ['a question mark and a hash', encodeURIComponent('?x=1#y')],
    ['the name of a path', 'last_operation'],
    ['prototype', '__proto__'],
  ] as const;

  it.each(ids)(
    '%s: provision, bind, fetch, poll, unbind and deprovision work under a safe name',
    async (_case, id) => {
      const platformKey = { platform: 'kubernetes', instanceId: decodeURIComponent(id) };
      expect((await broker.send(putInstance(id))).status).toBe(202);
      await broker.worker.finishNext();
      expect((await broker.send({ path: `/v2/service_instances/${id}` })).status).toBe(200);
      expect((await broker.send(pollInstance(id))).json.state).toBe('succeeded');
      const made = await broker.store.findInstance(platformKey);
      expect(made?.externalName).toMatch(/^i-[a-z2-7]{20}$/);

      const [bound] = await Promise.all([
        broker.send(putBinding(id, id, {}, '')),
        broker.worker.finishNext(),
      ]);
      expect(bound.status).toBe(201);
      expect((await broker.send({ path: `/v2/service_instances/${id}/service_bindings/${id}` })).status).toBe(
        200,
      );
      expect((await broker.send(pollBinding(id, id))).json.state).toBe('succeeded');
      expect(
        (await broker.store.findBinding({ ...platformKey, bindingId: platformKey.instanceId }))?.externalName,
      ).toMatch(/^b-[a-z2-7]{20}$/);
      const [unbound] = await Promise.all([
        broker.send(deleteBinding(id, id, '?service_id=service-pg&plan_id=usual')),
        broker.worker.finishNext(),
      ]);
      expect(unbound.status).toBe(200);
      expect((await broker.send(deleteInstance(id))).status).toBe(202);
      await broker.worker.finishNext();
      expect((await broker.send(deleteInstance(id))).status).toBe(410);
    },
  );

  it('no two of them share a name', async () => {
    const rows = await broker.query(
      'select count(distinct external_name) as names, count(*) as rows from service_instances',
    );
    expect(rows[0]?.names).toBe(rows[0]?.rows);
  });
});

describe('an originating identity', () => {
  it.each([
    ['{"username":"jo"}'],
    ['{}'],
    ['{"user_id":"683ea748-3092-4ff4-b656-39cacc4d5360","extra":{"a":["b"]}}'],
  ])('of %s is accepted and sealed', async (identity) => {
    const value = Buffer.from(identity).toString('base64');
    const answer = await broker.send({
      ...putInstance(newId()),
      headers: { 'x-broker-api-originating-identity': `kubernetes ${value}` },
    });
    expect(answer.status).toBe(202);
    const [row] = await broker.query(
      'select o::text as text from operations o order by position desc limit 1',
    );
    expect(row?.text).toMatch(/in progress/);
    if (identity !== '{}') expect(row?.text).not.toMatch(/jo"|683ea748/);
  });
});
