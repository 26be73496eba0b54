/** Chandler passes its own checker, whoever asks and whether its plans are quick or slow. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { osbOptionsFor } from '../../src/domain/osb-options.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import { check, expectConformance, outcomesOf } from '../support/check-options.ts';
import { type OsbBroker, startOsbBroker } from '../support/osb-broker.ts';

/** Long enough for a request to collide with it. */
const milliseconds = 100;
const parameters = { milliseconds, removeMilliseconds: milliseconds, bindMilliseconds: milliseconds };
const updateParameters = [{ note: 'one' }, { note: 'two' }];

let broker: OsbBroker;

beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: ['cloudfoundry', 'kubernetes', 'korifi'].map((platform) => ({
      username: platform,
      password: new Redacted('correct horse'),
      platform,
      namespaces: ['team-*'],
      ...(platform === 'korifi' ? { defaultNamespace: 'team-a' } : {}),
      delivers: platform === 'kubernetes',
      options: osbOptionsFor(platform, {}),
    })),
  });
});

afterAll(() => broker.close());

const login = (username: string) => ({ username, password: 'correct horse', namespace: 'team-a' });

/** Each run makes some fifty instances. */
const patience = { timeout: 180_000 };

describe.each([undefined, 'cloudfoundry', 'kubernetes', 'korifi'] as const)('asked as by %s', (platform) => {
  const run = { ...login(platform ?? 'cloudfoundry'), platform, updateParameters };

  it('a plan that does everything within the request breaks no rule of any level', patience, async () => {
    const report = await check(broker.url, { ...run, plans: ['fake/quick'] });
    expectConformance(report);
    expect(outcomesOf(report)).toMatchObject({
      'provision-works': 'passed',
      'bind-works': 'passed',
      'update-plan': 'passed',
    });
  });

  // Service Catalog never polls for a binding.
  const slow = platform === 'kubernetes' ? 'fake/bind-quick' : 'fake/slow';
  it(`a plan that provisions asynchronously (${slow}) breaks no rule of any level`, patience, async () => {
    const report = await check(broker.url, { ...run, plans: [slow], parameters, parallel: 8 });
    expectConformance(report);
    expect(outcomesOf(report)).toMatchObject({
      'provision-repeat-early': 'passed',
      'update-collision': 'passed',
      'deprovision-early': 'passed',
      'provision-during-deprovision': 'passed',
    });
  });
});

it('plans that need an app, rotate or cannot be changed break no rule of any level', patience, async () => {
  const plans = ['fake/app-only', 'fake/rotating', 'fake/fixed', 'fake/unmaintained'];
  expectConformance(await check(broker.url, { ...login('cloudfoundry'), updateParameters, plans }));
});
