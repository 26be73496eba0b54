import { describe, expect, it } from 'vitest';
import { WrongUsage } from '../cli/check/read-options.ts';
import { CannotCheck } from '../conformance/check-broker.ts';
import { NoSuchPlan } from '../conformance/plan-on-offer.ts';
import { NoSuchCheck } from '../conformance/selection.ts';
import { ChandlerError } from '../domain/errors.ts';
import { explainFailure } from './explain-failure.ts';

const refused = (message = 'connect ECONNREFUSED 127.0.0.1:5432') =>
  new ChandlerError('StoreUnavailable', { cause: new Error(message) });

describe('a Postgres that cannot be used', () => {
  it('is named by variable, host, port and database, and never by its login', () => {
    const environment = { DATABASE_URL: 'postgres://chandler:hunter2@db.example/state?sslmode=require' };
    expect(explainFailure(refused(), environment)).toBe(
      'The Postgres at DATABASE_URL (db.example:5432/state) cannot be used: connect ECONNREFUSED 127.0.0.1:5432.',
    );
  });

  it('may be either of two', () => {
    const environment = {
      DATABASE_URL: 'postgres://a:hunter2@pooler:6432/state',
      CHANDLER_LISTEN_URL: 'postgres://a:hunter2@[::1]:5433/state',
    };
    expect(explainFailure(refused(), environment)).toMatch(
      /^The Postgres at DATABASE_URL \(pooler:6432\/state\) or CHANDLER_LISTEN_URL \(\[::1\]:5433\/state\) cannot/,
    );
  });

  it('has a reason also where every address of its name refused', () => {
    const tried = [
      new Error('connect ECONNREFUSED ::1:5432'),
      new Error('connect ECONNREFUSED 127.0.0.1:5432'),
    ];
    const failure = new ChandlerError('StoreUnavailable', { cause: new AggregateError(tried) });
    expect(explainFailure(failure, {})).toBe(
      'The Postgres of Chandler cannot be used: connect ECONNREFUSED ::1:5432, connect ECONNREFUSED 127.0.0.1:5432.',
    );
  });
});

it('says which port is taken, and what to do', () => {
  const taken = { code: 'EADDRINUSE', address: '127.0.0.1', port: 8080 };
  expect(explainFailure(Object.assign(new Error('listen EADDRINUSE'), taken), {})).toBe(
    'Another program listens on port 8080 of 127.0.0.1 already: end it, or give Chandler another port with CHANDLER_PORT.',
  );
});

describe('a fault that nobody foresaw', () => {
  const cause = new Error('broke at postgres://chandler:hunter2@db/state', {
    cause: new Error('the root of it'),
  });

  it.each([
    ['as the cause of an Internal error', new ChandlerError('Internal', { cause })],
    ['by itself', cause],
  ])('is told %s with its stack and causes, without what logs would not show', (_, thrown) => {
    const told = explainFailure(thrown, {});
    expect(told).toMatch(/^Error: broke at postgres:\/\/\[redacted\]@db\/state\n +at /);
    expect(told).toMatch(/\nCaused by: Error: the root of it\n +at /);
    expect(told).not.toMatch(/hunter2|It was logged/);
  });

  it('is told where it has no cause', () => {
    expect(explainFailure(new ChandlerError('Internal', { sentence: 'no cause' }), {})).toMatch(
      /no cause\n +at /,
    );
    expect(explainFailure('a text', {})).toBe('a text');
  });
});

it('the private cause stands behind the public sentence', () => {
  const thrown = new ChandlerError('ChartRejected', { cause: new Error('helm said no') });
  expect(explainFailure(thrown, {})).toBe('The chart of this plan could not be rendered. (helm said no)');
});

it.each([[WrongUsage], [CannotCheck], [NoSuchPlan], [NoSuchCheck]])(
  'what keeps chandler check from checking is told without a stack: %o',
  (Thrown) => {
    expect(explainFailure(new Thrown('what to mend'), {})).toBe('what to mend');
  },
);
