/** What most tests of bindings begin with, and the credentials that stand for other platforms and options. */
import { expect, onTestFinished } from 'vitest';
import { type OsbOptions, osbOptionsFor } from '../../src/domain/osb-options.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import type { BasicCredential } from '../../src/osb/types.ts';
import { type FakeRequests, fakeRequests, type OsbBroker, untilOver } from '../support/osb-broker.ts';
import { type Answer, basic, type Sent } from '../support/osb-client.ts';

type Sender = Pick<OsbBroker, 'send'>;
type Given = Partial<Omit<BasicCredential, 'options'>> & { options?: Partial<OsbOptions> };

/** One more credential of a platform, with options of its own; its password is its name. */
export function credentialOf(username: string, given: Given = {}): BasicCredential {
  const platform = given.platform ?? 'kubernetes';
  return {
    namespaces: ['team-*', 'shop'],
    delivers: platform === 'kubernetes',
    ...given,
    username,
    password: new Redacted(username),
    platform,
    options: osbOptionsFor(platform, given.options),
  };
}

/** The same request with the credential of that name. */
export function as(username: string, sent: Sent): Sent {
  return { ...sent, headers: { ...sent.headers, authorization: basic(username, username) } };
}

/** A broker that is always spoken to with one credential. */
export function speaking(broker: Sender, username: string): Sender {
  return { send: (sent) => broker.send(as(username, sent)) };
}

/** Provisions an instance of the fake until it is ready. */
export async function readyInstance(
  broker: Sender,
  plan = 'quick',
  parameters: JsonObject = {},
  values: JsonObject = {},
): Promise<FakeRequests> {
  const requests = fakeRequests(plan);
  await broker.send(requests.provision({ parameters, ...values }));
  expect((await untilOver(broker, requests.poll())).json).toMatchObject({ state: 'succeeded' });
  return requests;
}

/** Binds until it is over. @returns what fetching the binding gives */
export async function bound(
  broker: Sender,
  requests: FakeRequests,
  bindingId: string,
  values: JsonObject = {},
): Promise<Answer> {
  await broker.send(requests.bind(bindingId, values));
  expect((await untilOver(broker, requests.pollBinding(bindingId))).json).toMatchObject({
    state: 'succeeded',
  });
  return broker.send(requests.fetchBinding(bindingId));
}

/** An instance that is being made for as long as the test lasts. */
export async function lastingProvision(broker: Sender, plan = 'slow'): Promise<FakeRequests> {
  const requests = fakeRequests(plan);
  onTestFinished(() => end(broker, requests));
  expect((await broker.send(requests.provision({ parameters: { milliseconds: 600_000 } }))).status).toBe(202);
  return requests;
}

/** An instance that is being updated for as long as the test lasts. */
export async function lastingUpdate(
  broker: Sender,
  requests: FakeRequests,
  values: JsonObject = {},
): Promise<Answer> {
  onTestFinished(() => end(broker, requests));
  const answer = await broker.send(requests.update({ parameters: { milliseconds: 600_000 }, ...values }));
  expect(answer.status).toBe(202);
  return answer;
}

/** A binding that waits for its instance as long as the test lasts. */
export async function waitingBinding(
  broker: Sender,
  bindingId: string,
  values: JsonObject = {},
): Promise<{ requests: FakeRequests; accepted: Answer }> {
  const requests = await lastingProvision(broker);
  const accepted = await broker.send(requests.bind(bindingId, values));
  expect(accepted.status).toBe(202);
  return { requests, accepted };
}

/** A worker that looks at what takes its time has less of it for the next test. */
async function end(broker: Sender, requests: FakeRequests): Promise<void> {
  await broker.send(requests.deprovision());
  await untilOver(broker, requests.poll());
}

/** Waits until a worker is at work on an operation. */
export async function untilClaimed({ query }: Pick<OsbBroker, 'query'>, operation: string): Promise<void> {
  await until(async () => {
    const rows = await query(`select 1 from operations where uid = '${operation}' and fence > 0`);
    return rows.length > 0;
  });
}

/** Waits until a bind is written down. @returns its operation */
export async function untilBinding(
  { store, query }: Pick<OsbBroker, 'store' | 'query'>,
  { id }: FakeRequests,
  bindingId: string,
): Promise<string> {
  const key = { platform: 'kubernetes', instanceId: id, bindingId };
  await until(async () => (await store.findBinding(key)) !== undefined);
  const [row] = await query(`
    select o.uid from operations o join service_bindings b on b.uid = o.binding_uid
    where b.binding_id = '${bindingId}'`);
  return String(row?.uid);
}

export async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error('it does not come');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What everything of an instance is named after outside of Postgres; of its last life when it is gone. */
export async function externalNameOf(
  { store }: Pick<OsbBroker, 'store'>,
  { id: instanceId }: FakeRequests,
): Promise<string> {
  const row = await store.findInstanceOrTombstone({ platform: 'kubernetes', instanceId });
  if (row === undefined) throw new Error(`there is no instance ${instanceId}`);
  return row.externalName;
}

/** The login that a binding's credentials name. */
export function usernameOf({ json }: Answer): string {
  return textIn(json.credentials as JsonObject, 'username');
}

export function passwordOf({ json }: Answer): string {
  return textIn(json.credentials as JsonObject, 'password');
}

export function operationOf({ json }: Answer): string {
  return textIn(json, 'operation');
}

function textIn(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value !== 'string') throw new Error(`no ${key} in ${JSON.stringify(object)}`);
  return value;
}

/** The Secret and the ConfigMap of a binding, by its external name: `namespace/Kind`. */
export function delivered({ cluster }: Pick<OsbBroker, 'cluster'>, externalName: string): string[] {
  const place = ({ kind, metadata }: KubeObject) => `${metadata.namespace ?? ''}/${kind}`;
  return cluster
    .all()
    .filter(({ metadata }) => metadata.name === externalName)
    .map(place)
    .sort();
}

/** Sends requests that must be refused in the same way, and checks that they change nothing that platforms see. */
export async function expectRefused(
  broker: Pick<OsbBroker, 'send' | 'query'>,
  refused: { status: number; json?: JsonObject },
  ...requests: Sent[]
): Promise<void> {
  const before = await promises(broker);
  for (const sent of requests) {
    expect(await broker.send(sent), `${sent.method} ${sent.path} ${JSON.stringify(sent.body)}`).toMatchObject(
      refused,
    );
  }
  expect(await promises(broker)).toEqual(before);
}

/** What was promised to platforms, without what a worker notes while it keeps a promise. */
async function promises({ query }: Pick<OsbBroker, 'query'>): Promise<Record<string, unknown>[]> {
  return query(`
    select uid, state, service_id, plan_id, parameters_sealed, context_sealed from service_instances
    union all
    select uid, state, predecessor_binding_id, app_guid, parameters_sealed, context_sealed from service_bindings
    union all
    select uid, state, type, null, target_sealed, null from operations
    order by 1`);
}

/** Words that some clients compare letter by letter. */
export const asyncRequired = {
  status: 422,
  json: {
    error: 'AsyncRequired',
    description: 'This service plan requires client support for asynchronous service operations.',
  },
};
export const concurrencyError = {
  status: 422,
  json: {
    error: 'ConcurrencyError',
    description: 'The Service Broker does not support concurrent requests that mutate the same resource.',
  },
};
