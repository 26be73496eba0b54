/** What a binding gives, and how a check gets at it. */
import { isDeepStrictEqual } from 'node:util';
import { isObject, type JsonValue } from '../json.ts';
import type { Binding } from '../subject.ts';
import type { Tools } from '../tools.ts';
import { type Answered, Blocked, expectStatus, expectThat } from '../verdict.ts';
import { fieldOf } from './fetch.ts';

/** GET of a binding, or the same PUT where bindings cannot be fetched. */
export function tellBinding(tools: Tools, binding: Binding): Promise<Answered> {
  return tools.send(tools.plan.bindingsRetrievable ? binding.fetch() : binding.bind());
}

/** The credentials of a binding. */
export async function credentialsOf(tools: Tools, binding: Binding): Promise<JsonValue | undefined> {
  const answer = await tellBinding(tools, binding);
  if (answer.answer.status !== 200) throw new Blocked(`the binding is told with ${answer.answer.status}`);
  return fieldOf(answer, 'credentials');
}

/** @returns credentials to compare with later. @throws Blocked when there are none, or others each time */
export async function lastingCredentialsOf(tools: Tools, binding: Binding): Promise<JsonValue> {
  const credentials = await credentialsOf(tools, binding);
  if (!isObject(credentials)) throw new Blocked('the binding is told without credentials');
  const again = await credentialsOf(tools, binding);
  if (!isDeepStrictEqual(again, credentials)) throw new Blocked('the binding is told otherwise each time');
  return credentials;
}

/** @throws Failure unless the binding is still there, with these credentials */
export async function expectCredentials(
  tools: Tools,
  binding: Binding,
  before: JsonValue,
  otherwise: string,
): Promise<void> {
  const answer = await tellBinding(tools, binding);
  expectStatus(answer, [200], 'the binding was there before');
  expectThat(isDeepStrictEqual(fieldOf(answer, 'credentials'), before), otherwise);
}

/** A binding that is being made, with the answer to its PUT. */
export async function bindingInProgress(tools: Tools): Promise<{ binding: Binding; answer: Answered }> {
  tools.assumeBindable();
  const binding = (await tools.ready()).binding();
  return { binding, answer: await tools.begin(binding.bind(), 'binds') };
}

/** What a binding may give besides or in place of credentials, by the permission that the service asks for. */
export const permissions = {
  syslog_drain_url: 'syslog_drain',
  route_service_url: 'route_forwarding',
  volume_mounts: 'volume_mount',
} as const;
