import { expect, it } from 'vitest';
import { sampleExchange } from '../../test/support/conformance-report.ts';
import { decisiveLast, expectErrorCode, expectStatus, Failure } from './verdict.ts';
import type { Answered } from './wire/exchange.ts';

const [refused, polled] = [409, 200].map((status) => sampleExchange({}, { status }) as Answered) as [
  Answered,
  Answered,
];

function failureOf(run: () => void): Failure {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
  }
  throw new Error('it did not fail');
}

it('a failure shows the answer that it is about, also when others came after it', () => {
  for (const run of [
    () => expectStatus(refused, [202]),
    () => expectErrorCode(refused, 'ConcurrencyError'),
  ]) {
    // What a session hands out is a copy with the same answer.
    const { answer } = failureOf(run);
    expect(decisiveLast([{ ...refused }, polled], answer)).toEqual([polled, refused]);
  }
});

it('a failure about no single answer shows them in order', () => {
  expect(decisiveLast([refused, polled], undefined)).toEqual([refused, polled]);
});
