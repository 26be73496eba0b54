/**
 * A platform's picture of two instances and their bindings. Small, and made without the state matrix of `domain`, for
 * what is broken there must not change what is expected here: where a thing stands is what its latest operation says.
 */
import type { JsonObject, JsonValue } from '../../../src/lib/json.ts';

export type Plan = 'quick' | 'slow';
/** How the service ends an operation: as it shall, before anything was done, or in the middle. */
export type Verdict = 'works' | 'refuses' | 'breaks';
/** What the service makes of an operation that begins. What it holds goes on when a sequence says so. */
export type Fate = 'holds' | Verdict;

export interface Operation {
  type: 'provision' | 'update' | 'deprovision' | 'bind' | 'unbind';
  state: 'in progress' | 'succeeded' | 'failed';
  fate: Fate;
  /** Absent when the request that began it also saw its end. */
  token?: string;
  /** How it ended, as the answer of its own request told. */
  told?: 'succeeded' | 'failed';
  /** What an update makes of the instance, and the PATCH as it was sent. */
  update?: { plan: Plan; note: string; asked: string };
  /** A deprovision unbinds first, and then removes the instance. */
  hasUnbound?: boolean;
  /** What last_operation tells of an instance beside the state. */
  aftermath: JsonObject;
}

/** An id, through all its lives. */
interface Thing {
  operations: Operation[];
  isGone: boolean;
  plan: Plan;
}

export interface Instance extends Thing {
  note: string;
  /** Whether it can be bound after an operation that failed. */
  isUsable: boolean;
  /** Whether what the service made of it is broken. */
  isBroken: boolean;
  /** Without it there is no login to revoke. */
  wasReady: boolean;
  /** Made by the requests under way: they may also delete it before the service heard of it. */
  isNew: boolean;
  dashboardUrl?: JsonValue;
  bindings: Binding[];
}

export interface Binding extends Thing {
  parameters: JsonObject;
  predecessor?: number;
  wasBound: boolean;
  credentials?: JsonValue;
}

export interface Model {
  instances: Instance[];
  /** By place and type of operation: see `fateKey`. */
  fates: Record<string, Fate>;
}

/** Where an operation is: at an instance, or at one of its bindings. */
export interface Place {
  instance: number;
  binding?: number;
}

export const instanceCount = 2;
export const bindingCount = 3;

export function emptyModel(): Model {
  const binding = (): Binding => ({
    operations: [],
    isGone: true,
    plan: 'quick',
    parameters: {},
    wasBound: false,
  });
  const instance = (): Instance => ({
    operations: [],
    isGone: true,
    plan: 'quick',
    note: '',
    isUsable: true,
    isBroken: false,
    wasReady: false,
    isNew: false,
    bindings: Array.from({ length: bindingCount }, binding),
  });
  return { instances: Array.from({ length: instanceCount }, instance), fates: {} };
}

export function instanceAt(model: Model, { instance }: Place): Instance {
  const found = model.instances[instance];
  if (found === undefined) throw new Error(`there is no instance ${instance}`);
  return found;
}

export function bindingAt(model: Model, place: Place): Binding {
  const found = instanceAt(model, place).bindings[place.binding ?? 0];
  if (found === undefined) throw new Error(`there is no binding ${place.binding}`);
  return found;
}

export function thingAt(model: Model, place: Place): Instance | Binding {
  return place.binding === undefined ? instanceAt(model, place) : bindingAt(model, place);
}

export function latest({ operations }: Pick<Thing, 'operations'>): Operation | undefined {
  return operations.at(-1);
}

/** The operation under way. */
export function running(thing: Pick<Thing, 'operations'>): Operation | undefined {
  const operation = latest(thing);
  return operation?.state === 'in progress' ? operation : undefined;
}

export function places(): Place[] {
  return Array.from({ length: instanceCount }, (_, instance) => [
    { instance },
    ...Array.from({ length: bindingCount }, (_, binding) => ({ instance, binding })),
  ]).flat();
}

export function operationsOf(model: Model): Operation[] {
  return places().flatMap((place) => thingAt(model, place).operations);
}

export function fateKey({ instance, binding }: Place, type: Operation['type']): string {
  return `${instance} ${binding ?? '-'} ${type}`;
}

/** Whether a bind has to wait for its instance. */
export function isWaiting(instance: Instance, { type, state }: Operation): boolean {
  return type === 'bind' && state === 'in progress' && running(instance) !== undefined;
}

/** How an operation under way will end; undefined while that is open. */
export function outlookOf(instance: Instance, operation: Operation): Verdict | undefined {
  if (operation.type === 'unbind' && !instance.wasReady) return 'works';
  if (isWaiting(instance, operation)) return undefined;
  if (operation.type === 'bind' && !isBindable(instance)) return 'refuses';
  return operation.fate === 'holds' ? undefined : operation.fate;
}

/** Of an instance on which nothing is under way. */
export function isBindable(instance: Instance): boolean {
  const operation = latest(instance);
  if (instance.isGone || operation === undefined) return false;
  return operation.state === 'succeeded' || (operation.type === 'update' && instance.isUsable);
}

/**
 * Whether an operation can go on without another request.
 * @param early also where it only may: see `isNew`
 */
export function canProceed(model: Model, place: Place, early = false): boolean {
  const instance = instanceAt(model, place);
  const operation = running(thingAt(model, place));
  if (operation === undefined) return false;
  if (operation.type === 'deprovision' && operation.hasUnbound !== true) return true;
  if (early && operation.type === 'deprovision' && instance.isNew) return true;
  return outlookOf(instance, operation) !== undefined;
}

/** One step of the operation at that place, which can proceed. */
export function proceed(model: Model, place: Place): void {
  const instance = instanceAt(model, place);
  const operation = running(thingAt(model, place));
  if (operation === undefined) return;
  if (operation.type === 'deprovision' && operation.hasUnbound !== true) {
    operation.hasUnbound = true;
    for (const binding of instance.bindings) binding.isGone = true;
    return;
  }
  const verdict = outlookOf(instance, operation) ?? 'works';
  operation.state = verdict === 'works' ? 'succeeded' : 'failed';
  if (place.binding === undefined) endOnInstance(instance, operation, verdict);
  else endOnBinding(bindingAt(model, place), operation);
}

function endOnInstance(instance: Instance, operation: Operation, verdict: Verdict): void {
  const works = verdict === 'works';
  switch (operation.type) {
    case 'provision':
      Object.assign(instance, { wasReady: works, isBroken: verdict === 'breaks' });
      break;
    case 'update': {
      const { plan, note } = operation.update ?? instance;
      if (works) Object.assign(instance, { plan, note });
      if (verdict !== 'refuses') instance.isBroken = verdict === 'breaks';
      instance.isUsable = !instance.isBroken;
      if (!works) operation.aftermath = aftermathOf(instance, operation, verdict);
      break;
    }
    case 'deprovision':
      instance.isGone = works;
      if (!works) operation.aftermath = aftermathOf(instance, operation, verdict);
      break;
    case 'bind':
    case 'unbind':
      throw new Error(`${operation.type} of an instance`);
  }
}

function endOnBinding(binding: Binding, { type, state }: Operation): void {
  if (state === 'failed') return;
  if (type === 'bind') binding.wasBound = true;
  else binding.isGone = true;
}

/** What is said of an instance when an operation of it fails. */
export function aftermathOf(instance: Instance, { type }: Operation, verdict: Verdict): JsonObject {
  if (type === 'deprovision') return { instance_usable: false };
  if (type !== 'update') return {};
  return { instance_usable: verdict === 'refuses' && !instance.isBroken, update_repeatable: true };
}

/** Until nothing goes on by itself. */
export function proceedAll(model: Model): void {
  for (;;) {
    const place = places().find((each) => canProceed(model, each));
    if (place === undefined) break;
    proceed(model, place);
  }
  for (const instance of model.instances) instance.isNew = false;
}
