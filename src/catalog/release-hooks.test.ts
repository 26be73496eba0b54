/** How long hooks of a release may take. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { goodOffering, problemsOf, useCatalogFolder } from './catalog-fixture.ts';

const { loadWith } = useCatalogFolder({ beforeEach, afterEach });

const withRelease = (helm: JsonObject, timeouts: JsonObject): JsonObject => ({
  timeouts,
  resources: [
    { id: 'server', helm: { chart: 'charts/db', mode: 'release', ...helm } },
    ...(goodOffering.resources as JsonObject[]).filter(({ id }) => id === 'admin'),
  ],
});

const hookSeconds = async (timeouts: JsonObject): Promise<unknown> => {
  const { compiledPlans } = await loadWith(withRelease({}, timeouts));
  const server = compiledPlans[0]?.revision.resources.find(({ id }) => id === 'server');
  return server?.kind === 'helm' ? server.release?.hookTimeout : undefined;
};

it('is at most what the shortest operation that runs them may take, since helm waits for nothing else', async () => {
  expect(await hookSeconds({ deprovision: '2m' })).toBe(120);
  expect(await hookSeconds({ provision: '1h', update: '1h', deprovision: '1h', unbind: '1m' })).toBe(300);
});

it('is refused when it is longer', async () => {
  const problems = await problemsOf(loadWith(withRelease({ hookTimeout: '10m' }, { update: '9m' })));
  expect(problems.map(({ message }) => message)).toEqual([
    '`hookTimeout` must not be longer than the shortest of `timeouts` of provision, update and deprovision: 540s',
  ]);
});
