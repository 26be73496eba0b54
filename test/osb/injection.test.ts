/** Parameters that try to be more than data: refused before there is a row, or taken as they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shippedKinds } from '../../src/catalog/catalog-fixture.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import {
  literalTexts,
  provisionBody,
  refusedParameters,
  refusedTemplate,
  templateTexts,
} from '../support/injection/cases.ts';
import { newId } from './requests.ts';
import { type Sent, startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  const catalog = await loadCatalog({ folder: 'test/support/injection/catalog', kinds: shippedKinds });
  broker = await startTestBroker({ deps: { catalog } });
  for (const { revision, charts } of catalog.compiledPlans) await broker.store.putRevision(revision, charts);
});
afterAll(() => broker?.close());

const labelled = (text: string): [string, string] => [JSON.stringify(text).slice(0, 60), text];

type Plan = Parameters<typeof provisionBody>[0];

const put = (id: string, body: JsonObject | string): Sent => ({
  method: 'PUT',
  path: `/v2/service_instances/${id}?accepts_incomplete=true`,
  body,
  headers: { 'content-type': 'application/json' },
});
const asText = (plan: Plan, parameters: string): string =>
  JSON.stringify(provisionBody(plan, {})).replace('"parameters":{}', () => `"parameters":${parameters}`);

async function expectRefused(body: JsonObject | string, status: number, says: RegExp): Promise<void> {
  const before = await broker.rows();
  const answer = await broker.send(put(newId(), body));
  expect({ status: answer.status, says: answer.json.description }).toEqual({
    status,
    says: expect.stringMatching(says) as unknown,
  });
  expect(await broker.rows()).toBe(before);
  expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
}

async function expectTaken(plan: Plan, text: string): Promise<void> {
  const id = newId();
  expect((await broker.send(put(id, provisionBody(plan, { text })))).status).toBe(202);
  const made = await broker.store.findInstance({ platform: 'kubernetes', instanceId: id });
  expect(made?.parameters).toEqual({ text });
}

// First of all: the scripted worker finishes whatever was asked for first.
it('template text does not get to a plan that may run it by an update from one that does not', async () => {
  const id = newId();
  expect((await broker.send(put(id, provisionBody('free', { text: '{{ x }}' })))).status).toBe(202);
  await broker.worker.finishNext();
  const before = await broker.rows();
  const answer = await broker.send({
    ...put(id, { service_id: 'injection-service', plan_id: 'injection-guarded' }),
    method: 'PATCH',
  });
  expect([answer.status, answer.json.description]).toEqual([400, expect.stringMatching(refusedTemplate)]);
  expect(await broker.rows()).toBe(before);
});

describe.each<Plan>(['guarded', 'free'])('a plan that is %s', (plan) => {
  it.each(refusedParameters)('refuses %s, and no row is written', (_what, parameters, status, says) =>
    expectRefused(asText(plan, parameters), status, says),
  );

  it.each(literalTexts.map(labelled))('takes %s as it is', (_label, text) => expectTaken(plan, text));
});

describe('template text', () => {
  it.each(templateTexts.map(labelled))('%s is refused where charts may run it', (_label, text) =>
    expectRefused(provisionBody('guarded', { text }), 400, refusedTemplate),
  );

  it.each(templateTexts.map(labelled))('%s is taken where the plan says that none does', (_label, text) =>
    expectTaken('free', text),
  );
});
