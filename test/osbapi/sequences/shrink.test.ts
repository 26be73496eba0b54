import { expect, it } from 'vitest';
import type { Request } from './expectations.ts';
import { shrink } from './shrink.ts';
import type { Deed } from './world.ts';

const fetch = (instance: number): Request => ({ verb: 'fetch', instance });
const deprovision: Request = { verb: 'deprovision', instance: 0, plan: 'slow', polls: true };
const has = ({ requests }: Deed, verb: Request['verb']) => requests.some((request) => request.verb === verb);

it('keeps only the commands and the requests without which the sequence passes', async () => {
  const deeds: Deed[] = [
    { requests: [fetch(0)] },
    {
      requests: [fetch(1), deprovision, fetch(0)],
      fate: 'holds',
      finish: { place: { instance: 1 }, verdict: 'works' },
    },
    { requests: [], finish: { place: { instance: 0 }, verdict: 'works' } },
    { requests: [fetch(0)] },
    { requests: [fetch(1)] },
  ];
  // Fails when something is fetched after a deprovision that does not fail.
  const failureOf = (tried: readonly Deed[]) => {
    const at = tried.findIndex((deed) => has(deed, 'deprovision') && deed.fate !== 'breaks');
    const fails = at >= 0 && tried.slice(at + 1).some((deed) => has(deed, 'fetch'));
    return Promise.resolve(fails ? `${tried.length} commands` : undefined);
  };
  const smallest = await shrink(deeds, 'five commands', failureOf);
  expect(smallest).toMatchObject({
    deeds: [{ requests: [deprovision], fate: 'works' }, { requests: [fetch(0)] }],
    failure: '2 commands',
  });
  expect(smallest.deeds[0]).not.toHaveProperty('finish');
  expect(smallest.tries).toBeLessThan(40);
});

it('keeps a sequence that cannot be smaller', async () => {
  const deeds: Deed[] = [{ requests: [deprovision], fate: 'works' }, { requests: [fetch(0)] }];
  const failureOf = (tried: readonly Deed[]) => Promise.resolve(tried.length === 2 ? 'fails' : undefined);
  expect(await shrink(deeds, 'fails', failureOf)).toMatchObject({ deeds, failure: 'fails' });
});
