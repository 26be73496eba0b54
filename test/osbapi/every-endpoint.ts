/** One request for each endpoint of the OSB API, for an instance and a binding that exist. */
import { type FakeRequests, fakeRequests } from '../support/osb-broker.ts';
import type { Sent } from '../support/osb-client.ts';

export const endpoints = [
  'catalog',
  'provision',
  'fetch',
  'poll',
  'update',
  'deprovision',
  'bind',
  'fetch binding',
  'poll binding',
  'unbind',
] as const;

export type Endpoint = (typeof endpoints)[number];

/** Those whose request has a body. */
export const withBody = ['provision', 'update', 'bind'] as const satisfies readonly Endpoint[];

/** Those that change something. */
export const changing = [...withBody, 'deprovision', 'unbind'] as const satisfies readonly Endpoint[];

/**
 * A request that would succeed. A provision is of another instance, and a bind of another binding.
 * @param requests of an instance of the plan `quick`
 */
export function requestOf(endpoint: Endpoint, requests: FakeRequests, bindingId: string): Sent {
  switch (endpoint) {
    case 'catalog':
      return { path: '/v2/catalog' };
    case 'provision':
      return fakeRequests('quick').provision();
    case 'fetch':
      return requests.fetch();
    case 'poll':
      return requests.poll();
    case 'update':
      return requests.update({ parameters: { note: 'changed' } });
    case 'deprovision':
      return requests.deprovision();
    case 'bind':
      return requests.bind(`${bindingId}-other`);
    case 'fetch binding':
      return requests.fetchBinding(bindingId);
    case 'poll binding':
      return requests.pollBinding(bindingId);
    case 'unbind':
      return requests.unbind(bindingId);
  }
}
