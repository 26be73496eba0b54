/** What a refusal is: the status and the sentence that were promised, and not one row changed. */
import { expect } from 'vitest';
import type { OsbBroker } from '../support/osb-broker.ts';
import type { Answer, Sent } from '../support/osb-client.ts';

/** Operations of earlier tests write rows as long as they run. */
export async function untilIdle({ query }: Pick<OsbBroker, 'query'>): Promise<void> {
  const running = () => query(`select uid from operations where state = 'in progress'`);
  await expect.poll(running, { interval: 5, timeout: 10_000 }).toEqual([]);
}

export interface Refusal {
  status: number;
  error?: string;
  description: RegExp | string;
}

/** Only on a broker on which nothing is in progress; see {@link untilIdle}. */
export async function expectRefusal(
  broker: OsbBroker,
  sent: Sent,
  { status, error, description }: Refusal,
): Promise<Answer> {
  const before = await broker.rows();
  const answer = await broker.send(sent);
  expect(answer.status, answer.text).toBe(status);
  if (error !== undefined) expect(answer.json.error).toBe(error);
  if (typeof description === 'string') expect(answer.json.description).toBe(description);
  else expect(answer.json.description).toMatch(description);
  expect(await broker.rows()).toBe(before);
  return answer;
}
