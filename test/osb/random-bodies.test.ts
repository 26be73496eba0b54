/** Whatever JSON arrives, the answer is a 2xx or a 4xx that keeps the invariants of OSBAPI's error body. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/lib/json.ts';
import { bindingBody, instanceBody, newId, putBinding, putInstance, readyInstance } from './requests.ts';
import { type Answer, startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
let instance: string;
beforeAll(async () => {
  broker = await startTestBroker({ settings: { quickWaitMs: 0, syncWaitMs: 50 } });
  instance = await readyInstance(broker);
});
afterAll(() => broker.close());
beforeEach(() => broker.worker.putOffAll());

const runs = 100;

function keepsItsWord(answer: Answer): void {
  expect(answer.text).not.toMatch(/node_modules|\.ts:\d|\n\s+at /);
  expect(answer.status).toBeGreaterThanOrEqual(200);
  expect(answer.status).toBeLessThan(500);
  if (answer.status < 300) {
    expect(JSON.stringify(answer.json)).not.toContain('null');
    return;
  }
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.json.error).toMatch(/^([A-Z][a-z]*)+$/);
  expect(answer.json.description).toMatch(/^[A-Za-z_][^\p{Cc}]*$/u);
  expect(answer.text.length).toBeLessThan(2000);
}

/** Good bodies in which some fields hold anything. */
function disturbed(good: JsonObject, more: string[]): fc.Arbitrary<JsonObject> {
  const anything = fc.jsonValue({ stringUnit: 'binary', maxDepth: 6 }) as fc.Arbitrary<JsonValue>;
  const fields = [...Object.keys(good), ...more];
  return fc
    .dictionary(fc.constantFrom(...fields), anything, { maxKeys: 3 })
    .map((values) => ({ ...good, ...values }));
}

describe('any JSON', () => {
  it('as the body of a PUT is answered without a fault', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ stringUnit: 'binary' }), fc.boolean(), async (body, ofBinding) => {
        const sent = ofBinding ? putBinding(instance, newId()) : putInstance(newId());
        keepsItsWord(await broker.send({ ...sent, body }));
      }),
      { numRuns: runs },
    );
  });

  it('in a field of a provision is answered without a fault', async () => {
    await fc.assert(
      fc.asyncProperty(disturbed(instanceBody, ['maintenance_info', 'unknown']), async (body) => {
        keepsItsWord(await broker.send({ ...putInstance(newId()), body }));
      }),
      { numRuns: runs },
    );
  });

  it('in a field of a bind is answered without a fault', async () => {
    const more = ['context', 'parameters', 'app_guid', 'bind_resource', 'predecessor_binding_id'];
    await fc.assert(
      fc.asyncProperty(disturbed(bindingBody, more), async (body) => {
        keepsItsWord(await broker.send({ ...putBinding(instance, newId()), body }));
      }),
      { numRuns: runs },
    );
  });

  it('as parameters that the schema allows comes back the same', async () => {
    const parameters = fc.record({
      storage: fc.string({ unit: 'grapheme', maxLength: 20 }),
      replicas: fc.integer({ min: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(parameters, async (values) => {
        fc.pre(!values.storage.includes('\0') && values.storage.length <= 20);
        const id = await readyInstance(broker, { parameters: values });
        const fetched = await broker.send({ path: `/v2/service_instances/${id}` });
        expect(fetched.json.parameters).toEqual(values);
        expect((await broker.send(putInstance(id, { parameters: values }))).status).toBe(200);
      }),
      { numRuns: 20 },
    );
  });
});

describe('any text', () => {
  it('as a percent-encoded id is either legal everywhere or refused with 400', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), async (id) => {
        fc.pre(id.isWellFormed());
        const path = encodeURIComponent(id);
        const answer = await broker.send(putInstance(path));
        keepsItsWord(answer);
        // One that was drawn before has the same attributes, and is still being made.
        expect(answer.status).toBe(id.includes('\0') ? 400 : 202);
      }),
      { numRuns: runs },
    );
  });

  it('as a query is answered without a fault', async () => {
    await fc.assert(
      fc.asyncProperty(fc.webQueryParameters(), async (query) => {
        for (const method of ['GET', 'DELETE']) {
          keepsItsWord(await broker.send({ method, path: `/v2/service_instances/unknown?${query}` }));
          keepsItsWord(
            await broker.send({
              path: `/v2/service_instances/${instance}/last_operation?operation=${query}`,
            }),
          );
        }
      }),
      { numRuns: 50 },
    );
  });
});
