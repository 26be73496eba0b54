/** What a binding gives, and how a check gets at it. */

import { isDeepStrictEqual } from 'node:util';
import { fieldOf } from '../answers.ts';
import { isObject, type JsonValue } from '../json.ts';
import type { Binding } from '../subject.ts';
import type { Tools } from '../tools.ts';
import { Blocked, expectStatus, expectThat } from '../verdict.ts';
import type { Answered } from '../wire/exchange.ts';

/** GET of a binding, or the same PUT where bindings cannot be fetched. */
export function tellBinding(tools: Tools, binding: Binding): Promise<Answered> {
  return tools.send(tools.plan.bindingsRetrievable ? binding.fetch() : binding.bind());
}

/** @throws Failure unless an answer to a bind or GET has credentials, or what stands for them */
export function expectCredentialsIn(answer: Answered): void {
  const attached = Object.keys(permissions).some((name) => fieldOf(answer, name) !== undefined);
  const credentials = fieldOf(answer, 'credentials') ?? (attached ? {} : undefined);
  expectThat(isObject(credentials), 'the answer must have "credentials", and those must be a JSON object');
}

/** The credentials of a binding, which a broker that answered them with its 201 needs not tell again. */
export async function credentialsOf(tools: Tools, binding: Binding): Promise<JsonValue | undefined> {
  const answered = tools.credentialsAnswered(binding);
  const told = await tellBinding(tools, binding);
  if (![200, 201].includes(told.answer.status) && answered === undefined)
    throw new Blocked(`the binding is told with ${told.answer.status}`);
  return fieldOf(told, 'credentials') ?? answered;
}

/** @returns credentials to compare with later. @throws Blocked when there are none, or others each time */
export async function lastingCredentialsOf(tools: Tools, binding: Binding): Promise<JsonValue> {
  const credentials = await credentialsOf(tools, binding);
  if (!isObject(credentials)) throw new Blocked('the binding is told without credentials');
  const again = await credentialsOf(tools, binding);
  if (!isDeepStrictEqual(again, credentials)) throw new Blocked('the binding is told otherwise each time');
  return credentials;
}

/** @throws Failure unless the binding is still there, with these credentials if it tells any */
export async function expectCredentials(
  tools: Tools,
  binding: Binding,
  before: JsonValue,
  otherwise: string,
): Promise<void> {
  const answer = await tellBinding(tools, binding);
  expectStatus(answer, [200], 'the binding was there before');
  const now = fieldOf(answer, 'credentials');
  const isTold = now !== undefined || tools.credentialsAnswered(binding) === undefined;
  if (isTold) expectThat(isDeepStrictEqual(now, before), otherwise);
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
