import { expect, test } from 'vitest';
import { instanceName } from '../../lib/names.ts';
import { findIncarnation } from './names.ts';
import { OrphanRefused } from './orphan-refused.ts';

const parts = { installationId: 'installation', platform: 'kubernetes', osbId: 'id' };
const nameOf = (incarnation: number) => instanceName({ ...parts, incarnation });

test.each([1, 2, 1000])('a name tells that it is of life %i', (incarnation) => {
  expect(findIncarnation(nameOf, nameOf(incarnation))).toBe(incarnation);
});

test.each([{ installationId: 'other' }, { platform: 'other' }, { osbId: 'other' }])(
  'a name that was given for %o is not ours',
  (other) => {
    const name = instanceName({ ...parts, ...other, incarnation: 1 });
    expect(() => findIncarnation(nameOf, name)).toThrow(OrphanRefused);
  },
);
