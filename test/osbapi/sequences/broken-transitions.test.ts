/** The property can fail: transitions that are broken on the way to the broker are found, and their sequence is short. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/lib/json.ts';
import type { OsbBroker } from '../../support/osb-broker.ts';
import type { Answer, Sent } from '../../support/osb-client.ts';
import type { HeldService } from './held-service.ts';
import { checkSequences, type Send, startSteeredBroker } from './property.ts';

let broker: OsbBroker;
let service: HeldService;

beforeAll(async () => {
  ({ broker, service } = await startSteeredBroker());
});
afterAll(() => broker.close());

const instanceOf = ({ path }: Sent): string => path.replace(/\?.*/, '');
const isOfInstance = (sent: Sent, method: string) =>
  sent.method === method && !sent.path.includes('/service_bindings/');
const answerOf = (status: number, json: JsonObject): Answer => ({
  status,
  headers: {},
  text: JSON.stringify(json),
  json,
});

/** What is broken, and how that looks to a platform. */
const broken: Record<string, (send: Send) => Send> = {
  'a provision with other attributes joins the one under way': (send) => async (sent) => {
    const answer = await send(sent);
    if (!isOfInstance(sent, 'PUT') || answer.status !== 409) return answer;
    const { json } = await send({ path: `${instanceOf(sent)}/last_operation` });
    return json.state === 'in progress' ? answerOf(202, { operation: randomUUID() }) : answer;
  },

  'a deprovision is forgotten': (send) => async (sent) => {
    const isQuick = sent.path.includes('plan_id=quick') && !sent.path.includes('accepts_incomplete');
    if (!isOfInstance(sent, 'DELETE') || !isQuick) return send(sent);
    const { json } = await send({ path: instanceOf(sent) });
    return json.plan_id === 'quick' ? answerOf(200, {}) : send(sent);
  },

  'binds of one instance block each other': (send) => {
    const underWay = new Map<string, number>();
    return async (sent) => {
      const [instance = '', binding] = sent.path.split('/service_bindings/');
      if (sent.method !== 'PUT' || binding === undefined) return send(sent);
      const before = underWay.get(instance) ?? 0;
      underWay.set(instance, before + 1);
      try {
        if (before > 0) return answerOf(422, { error: 'ConcurrencyError', description: 'Come again.' });
        return await send(sent);
      } finally {
        underWay.set(instance, (underWay.get(instance) ?? 1) - 1);
      }
    };
  },
};

/** With others it takes longer. */
const seed = 5;

it.each(Object.entries(broken))(
  'finds and shrinks a sequence in which %s',
  {
    timeout: 180_000,
  },
  async (_title, breaking) => {
    const { url, query } = broker;
    const tested = { url, query, service, send: breaking(broker.send) };
    const { failed, sequences, commands, report } = await checkSequences(tested, {
      count: 200,
      seed,
    });
    expect(failed).toBe(true);
    console.log(`found by sequence ${sequences}`);
    expect(commands, report).toBeLessThanOrEqual(3);
    expect(report.split('\n').filter((line) => line.startsWith('curl ')).length).toBeGreaterThan(0);
    expect(report).toContain(`CHANDLER_SEED=${seed} CHANDLER_PATH='${sequences - 1}`);
  },
);
