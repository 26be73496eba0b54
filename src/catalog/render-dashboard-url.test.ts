// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChandlerError } from '../domain/errors.ts';
import type { PlanRevision } from '../domain/offering.ts';
import { renderDashboardUrl } from './render-dashboard-url.ts';

const instance = {
  externalName: 'i-abc',
  namespace: 'i-abc-ns',
  platform: 'kubernetes',
  instanceId: 'id-1',
  parameters: { size: '2Gi' },
  contextNamespace: 'team-a',
};
const revision = (dashboardUrl?: string): PlanRevision =>
  ({
    set: { host: 'dash.example.com:8443' },
    parameterDefaults: { size: '1Gi', theme: 'dark' },
    ...(dashboardUrl === undefined ? {} : { dashboardUrl }),
  }) as unknown as PlanRevision;

it('is absent when the plan has none', () => {
  expect(renderDashboardUrl(revision(), instance)).toBeUndefined();
});

it('reads the plan, the parameters over their defaults, and the instance', () => {
  const url =
    'https://${plan.host}/${instance.platform}/${instance.contextNamespace}/${instance.namespace}/${instance.name}/${instance.id}?size=${parameters.size}&theme=${parameters.theme}';
  expect(renderDashboardUrl(revision(url), instance)).toBe(
    'https://dash.example.com:8443/kubernetes/team-a/i-abc-ns/i-abc/id-1?size=2Gi&theme=dark',
  );
});

it('has an empty namespace for an instance whose context names none', () => {
  const { contextNamespace: _, ...without } = instance;
  const url = 'https://${plan.host}/?n=${instance.contextNamespace}';
  expect(renderDashboardUrl(revision(url), without)).toBe('https://dash.example.com:8443/?n=');
});

it('leads to the host and has the query that the plan says, whatever ids and parameters hold', () => {
  const plan = revision('https://${plan.host}/i/${instance.id}?theme=${parameters.theme}');
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom('?', '#', '&', '=', '/', '@', ':', '%', '\\', '.', 'a', '\ud800') }),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(text, text, (instanceId, theme) => {
      const url = new URL(renderDashboardUrl(plan, { ...instance, instanceId, parameters: { theme } }) ?? '');
      expect(url.host).toBe('dash.example.com:8443');
      expect([...url.searchParams]).toEqual([['theme', theme.toWellFormed()]]);
      expect(url.hash).toBe('');
    }),
  );
});

describe('fails as TemplateFailed', () => {
  it.each([
    ['for a value that is not there', 'https://${parameters.region}.example.com', /parameters.region/],
    ['for a name that it cannot read', 'https://${outputs.host}', /outputs/],
    ['for what is no URL', '${parameters.theme}', /no http or https URL/],
    ['for another scheme', '${"javascript:" + parameters.theme}', /no http or https URL/],
    ['for what is no text', '${parameters}', /no http or https URL/],
  ])('%s', (_, url, message) => {
    try {
      expect(renderDashboardUrl(revision(url), instance)).toBe('nothing');
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(ChandlerError);
      expect(thrown).toMatchObject({
        code: 'TemplateFailed',
        message: expect.stringMatching(message) as string,
      });
    }
  });
});
