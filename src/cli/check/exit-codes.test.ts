import { expect, it } from 'vitest';
import { sampleExchange, sampleReport, sampleResult } from '../../../test/support/conformance-report.ts';
import { exitCodeOf } from './exit-codes.ts';

const at = (outcome: 'failed' | 'blocked', level: 'must' | 'client' | 'should') =>
  sampleResult({ outcome, level });
const entry = { instanceId: 'i', bindingId: undefined, plans: [], refused: false, unanswered: false };
const leftovers = [{ entry, last: sampleExchange({}, undefined) }];

it.each([
  ['nothing failed', [], {}, [0, 0, 0]],
  ['a SHOULD failed', [at('failed', 'should')], {}, [0, 0, 1]],
  ['something that clients need failed', [at('failed', 'client')], {}, [0, 1, 1]],
  ['a MUST failed', [at('failed', 'must')], { leftovers }, [1, 1, 1]],
  ['a check that counts could not be tried', [at('blocked', 'client')], {}, [0, 2, 2]],
  ['something is left', [at('failed', 'should')], { leftovers }, [3, 3, 1]],
  ['it was interrupted', [at('failed', 'must')], { leftovers, interrupted: true }, [130, 130, 130]],
])('%s', (_, results, change, codes) => {
  const report = sampleReport(results, change);
  expect((['must', 'client', 'should'] as const).map((failOn) => exitCodeOf(report, failOn))).toEqual(codes);
});
