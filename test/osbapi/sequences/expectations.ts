/** What the model expects of each request: the answers that are right, and what the request makes of the model. */
import { canonicalJson, type JsonObject, type JsonValue } from '../../../src/lib/json.ts';
import {
  aftermathOf,
  type Binding,
  bindingAt,
  fateKey,
  type Instance,
  instanceAt,
  isBindable,
  latest,
  type Model,
  type Operation,
  outlookOf,
  type Place,
  type Plan,
  running,
  thingAt,
} from './model.ts';

/** A request of a platform. `polls`: it sends accepts_incomplete=true. */
export type Request =
  | { verb: 'provision'; instance: number; plan: Plan; note: string; polls: boolean }
  | { verb: 'update'; instance: number; plan?: Plan; note?: string; polls: boolean }
  | { verb: 'deprovision'; instance: number; plan: Plan; polls: boolean }
  | BindRequest
  | { verb: 'unbind'; instance: number; binding: number; plan: Plan; polls: boolean }
  | { verb: 'fetch'; instance: number; binding?: number }
  | { verb: 'last_operation'; instance: number; binding?: number; of?: OperationPlace };

/** An operation, by how many there were before it at its place. */
export interface OperationPlace {
  place: Place;
  nth: number;
}

type RequestOf<Verb> = Extract<Request, { verb: Verb }>;

/** A rotation names its predecessor, and neither a plan nor parameters. */
interface BindRequest {
  verb: 'bind';
  instance: number;
  binding: number;
  plan?: Plan;
  role?: string;
  predecessor?: number;
  polls: boolean;
}

export interface Expected {
  status: number;
  error?: string;
  /** The operation that the answer names. */
  operation?: Operation;
  /** The operation whose end the answer tells. */
  ended?: Operation;
  /** Fields and their values; undefined for one that is not there. */
  body?: Record<string, JsonValue | undefined>;
  dashboardOf?: Instance;
  credentialsOf?: Binding;
}

export interface Outcome {
  /** Any of these is right. */
  expected: Expected[];
  /** A platform that cannot poll would wait for what the service holds. */
  waits?: boolean;
}

const refused = (status: number, error: string): Outcome => ({ expected: [{ status, error }] });
const asyncRequired = refused(422, 'AsyncRequired');
const busy = refused(422, 'ConcurrencyError');
const notUsable = refused(422, 'InstanceNotUsable');
const conflict = refused(409, 'Conflict');
const notFound = refused(404, 'NotFound');
const gone = refused(410, 'Gone');
const badRequest = refused(400, 'BadRequest');

/** Answers a request by the model, and changes the model as the request does. What begins is left in progress. */
export function react(model: Model, request: Request): Outcome {
  switch (request.verb) {
    case 'provision':
      return provision(model, request);
    case 'update':
      return update(model, request);
    case 'deprovision':
      return deprovision(model, request);
    case 'bind':
      return bind(model, request);
    case 'unbind':
      return unbind(model, request);
    case 'fetch':
      return request.binding === undefined ? fetchInstance(model, request) : fetchBinding(model, request);
    case 'last_operation':
      return lastOperation(model, request);
  }
}

function provision(model: Model, request: RequestOf<'provision'>): Outcome {
  const { plan, note, polls } = request;
  const instance = instanceAt(model, request);
  if (instance.isGone) {
    if (!polls && plan === 'slow') return asyncRequired;
    delete instance.dashboardUrl;
    const fresh = { isUsable: true, isBroken: false, wasReady: false, isNew: true, isGone: false };
    Object.assign(instance, { plan, note, ...fresh });
    const operation = begin(model, request, 'provision');
    return answered(instance, operation, request, plan, { status: 201, dashboardOf: instance });
  }
  const operation = latest(instance);
  const isRunning = operation?.state === 'in progress';
  if (isRunning && operation.type === 'deprovision') return busy;
  if (instance.plan !== plan || instance.note !== note) return conflict;
  const exists: Expected = { status: 200, dashboardOf: instance };
  if (isRunning) return joined(instance, operation, request, plan, exists);
  return operation?.state === 'succeeded' || operation?.type === 'update' ? { expected: [exists] } : conflict;
}

function update(model: Model, request: RequestOf<'update'>): Outcome {
  const instance = instanceAt(model, request);
  if (instance.isGone) return notFound;
  const operation = latest(instance);
  const { plan = instance.plan, note = instance.note } = request;
  const asked = canonicalJson({ plan: request.plan ?? null, note: request.note ?? null });
  const done: Expected = { status: 200, body: { dashboard_url: undefined } };
  if (operation?.state === 'in progress') {
    return operation.update?.asked === asked ? joined(instance, operation, request, plan, done) : busy;
  }
  const hasFailed = operation?.state === 'failed';
  if (hasFailed && operation.type !== 'update') return notUsable;
  if (instance.bindings.some((binding) => running(binding) !== undefined)) return busy;
  if (!hasFailed && plan === instance.plan && note === instance.note) return { expected: [done] };
  if (!request.polls && plan === 'slow') return asyncRequired;
  const begun = begin(model, request, 'update');
  begun.update = { plan, note, asked };
  return answered(instance, begun, request, plan, done);
}

function deprovision(model: Model, request: RequestOf<'deprovision'>): Outcome {
  const instance = instanceAt(model, request);
  const plan = instance.isGone ? request.plan : instance.plan;
  if (!request.polls && plan === 'slow') return asyncRequired;
  if (instance.isGone) return gone;
  if (!isPlanOf(instance, request.plan)) return badRequest;
  const operation = running(instance);
  if (operation?.type === 'deprovision') return joined(instance, operation, request, plan, { status: 200 });
  for (const thing of [instance, ...instance.bindings]) cancel(thing);
  return answered(instance, begin(model, request, 'deprovision'), request, plan, { status: 200 });
}

function bind(model: Model, request: BindRequest): Outcome {
  const instance = instanceAt(model, request);
  if (instance.isGone) return notFound;
  const binding = bindingAt(model, request);
  const isRotation = request.predecessor !== undefined;
  const isOurs = request.plan === undefined || isPlanOf(instance, request.plan, binding);
  const parameters: JsonObject = request.role === undefined ? {} : { role: request.role };
  if (!binding.isGone) {
    if (running(instance)?.type === 'deprovision') return busy;
    const isSame =
      isOurs &&
      binding.predecessor === request.predecessor &&
      (isRotation || canonicalJson(binding.parameters) === canonicalJson(parameters));
    return repeatedBind(instance, binding, request, isSame);
  }
  if (!isOurs) return badRequest;
  const predecessor = isRotation ? instance.bindings[request.predecessor ?? 0] : undefined;
  if (predecessor !== undefined) {
    const operation = latest(predecessor);
    if (predecessor.isGone || operation?.type !== 'bind' || operation.state === 'failed') return badRequest;
    if (operation.state === 'in progress') return busy;
  }
  const ofInstance = running(instance);
  if (ofInstance?.type === 'deprovision') return busy;
  if (ofInstance === undefined && !isBindable(instance)) return notUsable;
  if (!request.polls && instance.plan === 'slow') return asyncRequired;
  if (!request.polls && ofInstance !== undefined) return busy;
  delete binding.credentials;
  delete binding.predecessor;
  Object.assign(binding, {
    isGone: false,
    wasBound: false,
    plan: instance.plan,
    parameters: predecessor?.parameters ?? parameters,
    ...(isRotation ? { predecessor: request.predecessor } : {}),
  });
  const operation = begin(model, request, 'bind');
  return answered(instance, operation, request, instance.plan, { status: 201, credentialsOf: binding });
}

function repeatedBind(instance: Instance, binding: Binding, request: BindRequest, isSame: boolean): Outcome {
  const operation = latest(binding);
  if (operation?.type === 'unbind' && operation.state === 'in progress') return busy;
  if (!isSame || operation?.type !== 'bind' || operation.state === 'failed') return conflict;
  const exists: Expected = { status: 200, credentialsOf: binding };
  if (operation.state === 'succeeded') return { expected: [exists] };
  const plan = running(instance) === undefined ? instance.plan : 'slow';
  return joined(instance, operation, request, plan, exists);
}

function unbind(model: Model, request: RequestOf<'unbind'>): Outcome {
  const instance = instanceAt(model, request);
  const binding = bindingAt(model, request);
  const plan = instance.isGone ? request.plan : instance.plan;
  if (!request.polls && plan === 'slow') return asyncRequired;
  if (instance.isGone || binding.isGone) return gone;
  if (!isPlanOf(instance, request.plan, binding)) return badRequest;
  if (running(instance)?.type === 'deprovision') return busy;
  const operation = running(binding);
  if (operation?.type === 'unbind') return joined(instance, operation, request, plan, { status: 200 });
  cancel(binding);
  return answered(instance, begin(model, request, 'unbind'), request, plan, { status: 200 });
}

function fetchInstance(model: Model, request: RequestOf<'fetch'>): Outcome {
  const instance = instanceAt(model, request);
  const operation = latest(instance);
  if (instance.isGone || (operation?.type === 'provision' && operation.state !== 'succeeded'))
    return notFound;
  if (operation?.state === 'in progress') return busy;
  const { plan, note } = instance;
  const body = { service_id: 'fake-service', plan_id: plan, parameters: { note } };
  return { expected: [{ status: 200, body, dashboardOf: instance }] };
}

function fetchBinding(model: Model, request: RequestOf<'fetch'>): Outcome {
  const binding = bindingAt(model, request);
  const operation = latest(binding);
  if (binding.isGone || !binding.wasBound || operation?.state === 'in progress') return notFound;
  const { parameters } = binding;
  const body = { parameters: Object.keys(parameters).length === 0 ? undefined : parameters };
  return { expected: [{ status: 200, body, credentialsOf: binding }] };
}

function lastOperation(model: Model, request: RequestOf<'last_operation'>): Outcome {
  const { operations } = thingAt(model, request);
  const token = request.of === undefined ? undefined : tokenOf(model, request.of);
  const named = operations.find((each) => token !== undefined && each.token === token);
  const operation = named ?? operations.at(-1);
  if (operation === undefined) return notFound;
  const { state, aftermath } = operation;
  const body = { state, instance_usable: undefined, update_repeatable: undefined, ...aftermath };
  return { expected: [{ status: 200, body }] };
}

/** What names an operation, if its platform was told. */
export function tokenOf(model: Model, { place, nth }: OperationPlace): string | undefined {
  return thingAt(model, place).operations[nth]?.token;
}

/** Platforms may also hold the plan for the instance's that its latest update was to bring. */
function isPlanOf(instance: Instance, plan: Plan, binding?: Binding): boolean {
  if (plan === instance.plan || latest(instance)?.update?.plan === plan) return true;
  return binding !== undefined && !binding.isGone && plan === binding.plan;
}

function begin(model: Model, place: Place, type: Operation['type']): Operation {
  const fate = model.fates[fateKey(place, type)] ?? 'works';
  const operation: Operation = { type, state: 'in progress', fate, aftermath: {} };
  thingAt(model, place).operations.push(operation);
  return operation;
}

function cancel(thing: Instance | Binding): void {
  const operation = running(thing);
  if (operation !== undefined) operation.state = 'failed';
}

function joined(
  instance: Instance,
  operation: Operation,
  request: { polls: boolean },
  plan: Plan,
  done: Expected,
): Outcome {
  if (!request.polls && plan === 'slow') return asyncRequired;
  return answered(instance, operation, request, plan, done);
}

/** The answer of a request whose operation is under way: a quick plan's may see its end. */
function answered(
  instance: Instance,
  operation: Operation,
  { polls }: { polls: boolean },
  plan: Plan,
  done: Expected,
): Outcome {
  const verdict = outlookOf(instance, operation);
  const ended: Expected = { ...done, ended: operation };
  if (polls) {
    const accepted: Expected = { status: 202, operation };
    return { expected: plan === 'quick' && verdict === 'works' ? [accepted, ended] : [accepted] };
  }
  if (verdict === undefined) return { expected: [], waits: true };
  if (verdict === 'works') return { expected: [ended] };
  const body = aftermathOf(instance, operation, verdict);
  return { expected: [{ status: 500, error: errorOf(operation, verdict), body, ended: operation }] };
}

function errorOf({ type }: Operation, verdict: 'refuses' | 'breaks'): string {
  if (type === 'bind' || type === 'unbind') return 'CredentialsRejected';
  return type !== 'deprovision' && verdict === 'refuses' ? 'ApplyRejected' : 'ResourceFailed';
}
