import { ChandlerError } from '../domain/errors.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';
import { compileTemplate } from '../template/compile-template.ts';
import { MissingValue, TemplateError, type TemplateScope } from '../template/types.ts';
import type { RenderDashboardUrl } from './types.ts';

/**
 * See {@link RenderDashboardUrl}. Texts that a platform or user chose (the instance's id, parameters) are
 * percent-encoded, so that none of them can change the host or begin a query.
 */
export const renderDashboardUrl: RenderDashboardUrl = (revision, instance) => {
  if (revision.dashboardUrl === undefined) return undefined;
  const scope = {
    plan: revision.set,
    parameters: encoded({ ...revision.parameterDefaults, ...instance.parameters }),
    instance: {
      name: instance.externalName,
      namespace: instance.namespace,
      platform: instance.platform,
      contextNamespace: instance.contextNamespace ?? '',
      id: encode(instance.instanceId),
    },
  };
  const url = render(revision.dashboardUrl, scope);
  if (typeof url === 'string' && /^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url;
  throw new ChandlerError('TemplateFailed', {
    sentence: 'The dashboard URL of the plan came to no http or https URL.',
  });
};

function render(template: string, scope: TemplateScope): JsonValue {
  try {
    const known = new Set(Object.keys(scope));
    return compileTemplate(template, { known, path: ['dashboardUrl'] }).render(scope);
  } catch (thrown) {
    if (!(thrown instanceof MissingValue) && !(thrown instanceof TemplateError)) throw thrown;
    throw new ChandlerError('TemplateFailed', {
      sentence: `The dashboard URL of the plan could not be rendered: ${thrown.message}`,
      cause: thrown,
    });
  }
}

function encoded(parameters: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'string' ? encode(value) : value,
    ]),
  );
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
