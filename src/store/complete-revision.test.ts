import { expect, test } from 'vitest';
import { testRevision } from '../../test/support/store.ts';
import type { BindSpec, PlanRevision } from '../domain/offering.ts';
import { completeRevision, type StoredRevision } from './complete-revision.ts';

const bind: BindSpec = {
  ...{ engine: 'postgresql', admin: 'admin', connectionLimit: 10 },
  ...{ rotatable: false, requiresApp: true, attachments: { syslogDrainUrl: 'syslog://a' } },
};
const complete: PlanRevision = {
  ...testRevision,
  bind,
  schemas: { provision: { type: 'object' }, update: { title: 'own' }, bind: {} },
  updates: { plan: true, growOnly: ['storage'] },
  sync: { provision: false, update: true, deprovision: false, bind: true, unbind: true },
  timeouts: { provision: 700, update: 80, deprovision: 600, bind: 60, unbind: 60 },
};

test('a revision of an earlier Chandler allows no updates, and its bindings are like those of today', () => {
  const { updates: _updates, schemas, sync, timeouts, ...rest } = complete;
  const earlier: StoredRevision = {
    ...rest,
    bind: { engine: 'postgresql', admin: 'admin', connectionLimit: 10 },
    schemas: { provision: schemas.provision, bind: schemas.bind },
    sync: { provision: false, deprovision: false, bind: true, unbind: true },
    timeouts: { provision: 700, deprovision: 600, bind: 60, unbind: 60 },
  };
  expect(completeRevision(earlier)).toEqual({
    ...complete,
    bind: { ...earlier.bind, rotatable: true, requiresApp: false, attachments: {} },
    schemas: {
      ...schemas,
      update: {
        ...{ $schema: 'http://json-schema.org/draft-04/schema#', type: 'object' },
        ...{ additionalProperties: false, properties: {} },
      },
    },
    updates: { plan: false, growOnly: [] },
    sync: { ...sync, update: false },
    timeouts: { ...timeouts, update: 700 },
  });
});

test('a revision that says everything stays as it is, one without bindings too', () => {
  expect(completeRevision(complete)).toEqual(complete);
  expect(completeRevision(testRevision)).toEqual(testRevision);
});
