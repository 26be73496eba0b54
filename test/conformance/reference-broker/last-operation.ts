import type { Answer, Call } from './call.ts';
import { Refusal } from './refusal.ts';
import { type Binding, bindingOf, type Instance, instances, latestOperation } from './state.ts';

/** How long a finished deletion can still be polled. */
const retentionMs = 10 * 60 * 1000;

export function instanceLastOperation({ instanceId, query }: Call): Answer {
  const instance = instances.get(instanceId);
  if (instance === undefined) throw new Refusal(404, 'NotFound', 'There never was such a service instance.');
  return poll(instance, query);
}

export function bindingLastOperation({ instanceId, bindingId, query }: Call): Answer {
  const binding = bindingOf(instanceId, bindingId);
  if (binding === undefined) throw new Refusal(404, 'NotFound', 'There never was such a service binding.');
  return poll(binding, query);
}

/** service_id and plan_id are hints, and stay unread: Service Catalog sends a plan that is yet to be. [56, 57] */
function poll(resource: Instance | Binding, query: URLSearchParams): Answer {
  const latest = latestOperation(resource);
  const asked = query.get('operation');
  const operation = resource.operations.find(({ token }) => token !== undefined && token === asked) ?? latest;
  // A deletion within its own request left nothing to poll; what it overtook can still be asked for by name. [59]
  const forgotten = latest.token === undefined || latest.endedAt + retentionMs < Date.now();
  if (resource.state === 'deleted' && operation === latest && forgotten) {
    throw new Refusal(410, 'Gone', 'It is deleted.');
  }
  const { state, description, afterwards } = operation;
  return { status: 200, body: { state, description, ...afterwards } };
}
