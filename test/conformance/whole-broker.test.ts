/** The checker has nothing to blame in a broker that follows every rule, and leaves nothing behind in it. */
import { expect, it } from 'vitest';
import { checkBroker } from '../../src/conformance/check-broker.ts';
import { silent } from '../support/check-options.ts';
import { startReferenceBroker } from './start-reference-broker.ts';
import { optionsFor } from './try-mutant.ts';

const both = ['reference/quick', 'reference/slow'];
const runs = [
  { as: 'nobody in particular', platform: undefined, plans: both },
  { as: 'Cloud Foundry', platform: 'cloudfoundry', plans: both },
  { as: 'Korifi', platform: 'korifi', plans: both },
  // Service Catalog cannot bind what binds only asynchronously.
  { as: 'Service Catalog', platform: 'kubernetes', plans: ['reference/quick'] },
  { as: 'nobody in particular, for apps alone', platform: undefined, plans: ['reference-app/app'] },
] as const;

it.concurrent.each(runs)(
  'the reference broker passes every check as $as, and nothing is left in it',
  { timeout: 120_000 },
  async ({ platform, plans }) => {
    const broker = await startReferenceBroker();
    try {
      const report = await checkBroker(optionsFor(broker, { platform, plans: [...plans] }), silent);
      const wrong = report.results.filter(
        ({ outcome }) => outcome !== 'passed' && outcome !== 'not applicable',
      );
      expect(wrong.map(({ id, message }) => `${id}: ${message}`)).toEqual([]);
      expect(report.leftovers).toEqual([]);
      expect(await broker.books()).toEqual({ instances: 0, bindings: 0 });
    } finally {
      await broker.stop();
    }
  },
);
