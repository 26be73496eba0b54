/**
 * Random sequences of requests, repeats and races, held against a small model. `make sequences` tries 2,000;
 * CHANDLER_SEQUENCES says another number. A failure prints what repeats it, and its smallest sequence as curl lines.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OsbBroker } from '../../support/osb-broker.ts';
import type { Answer, Sent } from '../../support/osb-client.ts';
import type { HeldService } from './held-service.ts';
import { checkSequences, startSteeredBroker } from './property.ts';

const { CHANDLER_SEQUENCES, CHANDLER_SEED, CHANDLER_PATH } = process.env;
const count = Number(CHANDLER_SEQUENCES ?? 200);
/** `make test` tries the same sequences every time; `make sequences` others. */
const seed = Number(CHANDLER_SEED ?? (CHANDLER_SEQUENCES === undefined ? 11 : Date.now() % 1_000_000));

const answersSeen = [
  '200',
  '201',
  '202',
  '400 BadRequest',
  '404 NotFound',
  '409 Conflict',
  '410 Gone',
  '422 AsyncRequired',
  '422 ConcurrencyError',
  '422 InstanceNotUsable',
];

let broker: OsbBroker;
let service: HeldService;

beforeAll(async () => {
  ({ broker, service } = await startSteeredBroker());
});
afterAll(() => broker.close());

it(`${count} random sequences are answered as the model answers them, and leave nothing (seed ${seed})`, {
  timeout: 3_600_000,
}, async () => {
  const begun = performance.now();
  const { url, query } = broker;
  const seen = new Map<string, number>();
  const send = async (sent: Sent): Promise<Answer> => {
    const answer = await broker.send(sent);
    const word = `${answer.status} ${typeof answer.json.error === 'string' ? answer.json.error : ''}`.trim();
    seen.set(word, (seen.get(word) ?? 0) + 1);
    return answer;
  };
  const verdict = await checkSequences(
    { url, send, query, service },
    {
      count,
      seed,
      ...(CHANDLER_PATH ? { path: CHANDLER_PATH } : {}),
    },
  );
  if (verdict.failed) expect.fail(verdict.report);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const table = [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([word, times]) => `${word}: ${times}`);
  console.log(`${verdict.sequences} sequences in ${seconds} s, seed ${seed}: ${table.join(', ')}`);
  // Sequences that only ever were refused would have tried nothing.
  if (count >= 100 && !CHANDLER_PATH) expect([...seen.keys()]).toEqual(expect.arrayContaining(answersSeen));
});
