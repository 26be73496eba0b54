/**
 * The books: instances, bindings and their operations.
 *
 *   instance  PUT          GET   PATCH               bind                   DELETE       last_operation
 *   none      create       404   404                 404                    410          404
 *   creating  same 202     404   422 busy            202 and waits, or 422  202 cancels  in progress
 *   failed    tries again  404   422                 422                    202          failed
 *   ready     same 200     200   200, 202            201, 202               200, 202     succeeded, failed
 *   updating  422 busy     422   same 202, else 422  202 and waits, or 422  422 busy     in progress
 *   deleting  422 busy     422   422 busy            422 busy               202 same     in progress
 *   deleted   create       404   404                 404                    410          succeeded, later 410
 */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from './call.ts';

export interface Operation {
  /** Only an asynchronous operation has one; hex and dashes, since some clients do not escape it. [50, 58] */
  token: string | undefined;
  state: 'in progress' | 'succeeded' | 'failed';
  description: string;
  /** What only a failed update or deprovision may tell. [21] */
  afterwards: { instance_usable?: boolean; update_repeatable?: boolean };
  endedAt: number;
  timer: NodeJS.Timeout | undefined;
}

/** What an update can change. */
export interface Changeable {
  planId: string;
  parameters: JsonObject;
  maintenanceVersion: string | undefined;
  context: JsonObject | undefined;
}

export interface Instance extends Changeable {
  id: string;
  serviceId: string;
  organizationGuid: string;
  spaceGuid: string;
  state: 'creating' | 'failed' | 'ready' | 'updating' | 'deleting' | 'deleted';
  /** What the running or failed asynchronous update wants to be true. */
  wanted: Changeable | undefined;
  operations: Operation[];
}

export interface Binding {
  id: string;
  instanceId: string;
  serviceId: string;
  planId: string;
  parameters: JsonObject;
  appGuid: string | undefined;
  predecessorId: string | undefined;
  username: string;
  password: string;
  createdAt: number;
  state: 'creating' | 'failed' | 'ready' | 'deleting' | 'deleted';
  operations: Operation[];
}

const delayMs = Number(process.env.REFERENCE_DELAY_MS ?? 60);

export const instances = new Map<string, Instance>();
export const bindings = new Map<string, Binding>();

/** An instance that is gone is kept in the books for its last_operation alone. */
export function liveInstance(id: string): Instance | undefined {
  const instance = instances.get(id);
  return instance?.state === 'deleted' ? undefined : instance;
}

/** A binding is found only through the path of its own instance. [114] */
export function bindingOf(instanceId: string, id: string): Binding | undefined {
  const binding = bindings.get(id);
  return binding?.instanceId === instanceId ? binding : undefined;
}

export function liveBindings(instance: Instance): Binding[] {
  return [...bindings.values()].filter((one) => one.instanceId === instance.id && one.state !== 'deleted');
}

export function latestOperation({ operations }: Instance | Binding): Operation {
  const latest = operations.at(-1);
  if (latest === undefined) throw new Error('nothing is in the books without an operation');
  return latest;
}

export function startOperation(
  { operations }: Instance | Binding,
  description: string,
  work: (operation: Operation) => void,
): Operation {
  const started: Operation = {
    token: randomUUID(),
    state: 'in progress',
    description,
    afterwards: {},
    endedAt: 0,
    timer: undefined,
  };
  operations.push(started);
  runLater(started, work);
  return started;
}

export function runLater(operation: Operation, work: (operation: Operation) => void): void {
  operation.timer = setTimeout(work, delayMs, operation);
}

/** The end of an operation is final. [122] */
export function endOperation(operation: Operation, state: 'succeeded' | 'failed', description: string): void {
  clearTimeout(operation.timer);
  operation.state = state;
  operation.description = description;
  operation.endedAt = Date.now();
}

/** What was done within its request can be polled all the same. */
export function recordDone({ operations }: Instance | Binding, description: string): void {
  operations.push({
    token: undefined,
    state: 'succeeded',
    description,
    afterwards: {},
    endedAt: Date.now(),
    timer: undefined,
  });
}
