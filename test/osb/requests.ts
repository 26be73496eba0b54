/** The requests of a well-behaved platform, to be varied by tests. */
import type { JsonObject } from '../../src/lib/json.ts';
import type { Answer, Sent, TestBroker } from './test-broker.ts';

export const instanceBody: JsonObject = {
  service_id: 'service-pg',
  plan_id: 'usual',
  organization_guid: 'org',
  space_guid: 'space',
  context: { platform: 'kubernetes', namespace: 'team-a' },
  parameters: { storage: '1Gi' },
};
export const bindingBody: JsonObject = { service_id: 'service-pg', plan_id: 'usual' };

export const putInstance = (
  id: string,
  values: JsonObject = {},
  query = '?accepts_incomplete=true',
): Sent => ({
  method: 'PUT',
  path: `/v2/service_instances/${id}${query}`,
  body: { ...instanceBody, ...values },
});

export const deleteInstance = (
  id: string,
  query = '?accepts_incomplete=true&service_id=service-pg&plan_id=usual',
): Sent => ({ method: 'DELETE', path: `/v2/service_instances/${id}${query}` });

export const pollInstance = (id: string, query = ''): Sent => ({
  path: `/v2/service_instances/${id}/last_operation${query}`,
});

export const putBinding = (
  instanceId: string,
  id: string,
  values: JsonObject = {},
  query = '?accepts_incomplete=true',
): Sent => ({
  method: 'PUT',
  path: `/v2/service_instances/${instanceId}/service_bindings/${id}${query}`,
  body: { ...bindingBody, ...values },
});

export const deleteBinding = (
  instanceId: string,
  id: string,
  query = '?accepts_incomplete=true&service_id=service-pg&plan_id=usual',
): Sent => ({ method: 'DELETE', path: `/v2/service_instances/${instanceId}/service_bindings/${id}${query}` });

export const pollBinding = (instanceId: string, id: string, query = ''): Sent => ({
  path: `/v2/service_instances/${instanceId}/service_bindings/${id}/last_operation${query}`,
});

export function operationOf(answer: Answer): string {
  if (typeof answer.json.operation !== 'string')
    throw new Error(`no operation in ${answer.status} ${answer.text}`);
  return answer.json.operation;
}

let count = 0;

/** An id that no other test of this file uses. */
export function newId(prefix = 'id'): string {
  count += 1;
  return `${prefix}-${count}`;
}

/** Provisions an instance to `ready`; gives its id. */
export async function readyInstance(broker: TestBroker, values: JsonObject = {}): Promise<string> {
  const id = newId('instance');
  await broker.worker.finish(operationOf(await broker.send(putInstance(id, values))));
  return id;
}

/** Binds to a ready instance. */
export async function boundBinding(
  broker: TestBroker,
  instanceId: string,
  values: JsonObject = {},
): Promise<string> {
  const id = newId('binding');
  const answer = await broker.send(putBinding(instanceId, id, values));
  await broker.worker.finish(operationOf(answer));
  return id;
}
