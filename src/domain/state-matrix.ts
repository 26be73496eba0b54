/**
 * What happens to each request in each state: the one table that every use case looks up, and that docs/osbapi.md and
 * the tests print (items 136 to 144 of the checklist there). Pure.
 *
 * Beside the table stand only the checks that come before it (the request itself) and after it (AsyncRequired, when an
 * operation would begin that the platform cannot wait for).
 */
import type { BindingState, ServiceBinding } from './binding.ts';
import type { ErrorCode } from './errors.ts';
import type { InstanceState, ServiceInstance } from './instance.ts';
import type { OsbOptions } from './osb-options.ts';

export type Reaction =
  /** A new operation begins. */
  | { does: 'begin' }
  /** The running operation is cancelled and a new one begins. */
  | { does: 'replace' }
  /** A new operation begins, and waits for the one of the instance. A platform that cannot poll gets ConcurrencyError. */
  | { does: 'wait' }
  /** The answer is the running operation. */
  | { does: 'join' }
  /** The answer is what is written down. */
  | { does: 'answer' }
  | { does: 'refuse'; code: ErrorCode; sentence?: string };

type Cell = Reaction | ((options: OsbOptions) => Reaction);

/** Where an instance stands: no row, or its state; failed ones also by whether they can be used. */
export type InstanceCondition =
  | 'none'
  | InstanceState
  | 'update failed, unusable'
  | 'deprovision failed, unusable';

export type InstanceRequest =
  /** PUT with the attributes that the instance has. */
  | 'provision'
  /** PUT with other attributes. */
  | 'provision other'
  | 'fetch'
  | 'last operation'
  | 'update'
  /** The PATCH once more whose operation is running. */
  | 'update again'
  /** A new binding of the instance. */
  | 'bind'
  | 'unbind'
  | 'deprovision';

export type BindingCondition = 'none' | BindingState;

/** Requests for one binding, of an instance that is ready. */
export type BindingRequest =
  | 'bind'
  | 'bind other'
  | 'fetch'
  | 'last operation'
  | 'unbind'
  /** PUT of another binding that names this one as its predecessor. */
  | 'rotate';

const begin: Reaction = { does: 'begin' };
const replace: Reaction = { does: 'replace' };
const join: Reaction = { does: 'join' };
const answer: Reaction = { does: 'answer' };
const refuse = (code: ErrorCode, sentence?: string): Reaction => ({
  does: 'refuse',
  code,
  ...(sentence === undefined ? {} : { sentence }),
});
const busy = refuse('ConcurrencyError');
const waitUnlessRefused: Cell = (options) =>
  options.bindDuringOperation === 'wait' ? { does: 'wait' } : busy;
const afterDeletion =
  (gone: ErrorCode): Cell =>
  (options) =>
    options.pollAfterDeletion === 'gone' ? refuse(gone) : answer;
const afterFailure =
  (conflict: ErrorCode, sentence: string): Cell =>
  (options) =>
    options.repeatAfterFailure === 'retry' ? begin : refuse(conflict, sentence);

const conflict = refuse('InstanceConflict');
const notFound = refuse('InstanceNotFound');
const unusable = refuse('InstanceNotUsable');
const deleteAgain = 'The service instance exists, but its deprovisioning failed. Delete it once more first.';

export const instanceMatrix: Record<InstanceCondition, Record<InstanceRequest, Cell>> = {
  none: {
    provision: begin,
    'provision other': begin,
    fetch: notFound,
    'last operation': notFound,
    update: notFound,
    'update again': notFound,
    bind: notFound,
    unbind: refuse('BindingGone'),
    deprovision: refuse('InstanceGone'),
  },
  provisioning: {
    provision: join,
    'provision other': conflict,
    fetch: notFound,
    'last operation': answer,
    update: busy,
    'update again': busy,
    bind: waitUnlessRefused,
    unbind: begin,
    deprovision: replace,
  },
  'provision failed': {
    provision: afterFailure(
      'InstanceConflict',
      'The service instance exists, but its provisioning failed. Delete it and create it anew.',
    ),
    'provision other': conflict,
    fetch: notFound,
    'last operation': answer,
    update: unusable,
    'update again': unusable,
    bind: unusable,
    unbind: begin,
    deprovision: begin,
  },
  ready: {
    provision: answer,
    'provision other': conflict,
    fetch: answer,
    'last operation': answer,
    update: begin,
    'update again': begin,
    bind: begin,
    unbind: begin,
    deprovision: begin,
  },
  updating: {
    provision: (options) => (options.provisionDuringUpdate === 'accept' ? join : busy),
    'provision other': conflict,
    fetch: busy,
    'last operation': answer,
    update: busy,
    'update again': join,
    bind: waitUnlessRefused,
    unbind: begin,
    deprovision: (options) => (options.deprovisionDuringUpdate === 'cancel' ? replace : busy),
  },
  'update failed': {
    provision: answer,
    'provision other': conflict,
    fetch: answer,
    'last operation': answer,
    update: begin,
    'update again': begin,
    bind: begin,
    unbind: begin,
    deprovision: begin,
  },
  'update failed, unusable': {
    provision: answer,
    'provision other': conflict,
    fetch: answer,
    'last operation': answer,
    update: begin,
    'update again': begin,
    bind: refuse(
      'InstanceNotUsable',
      'The last update of the service instance failed and left it unusable. Update it once more, or delete it.',
    ),
    unbind: begin,
    deprovision: begin,
  },
  deprovisioning: {
    provision: busy,
    'provision other': busy,
    fetch: (options) => (options.fetchDuringDeprovision === 'not-found' ? notFound : busy),
    'last operation': answer,
    update: busy,
    'update again': busy,
    bind: busy,
    unbind: busy,
    deprovision: join,
  },
  'deprovision failed': {
    provision: refuse('InstanceConflict', deleteAgain),
    'provision other': conflict,
    fetch: answer,
    'last operation': answer,
    update: refuse('InstanceNotUsable', deleteAgain),
    'update again': refuse('InstanceNotUsable', deleteAgain),
    bind: begin,
    unbind: begin,
    deprovision: begin,
  },
  'deprovision failed, unusable': {
    provision: refuse('InstanceConflict', deleteAgain),
    'provision other': conflict,
    fetch: answer,
    'last operation': answer,
    update: refuse('InstanceNotUsable', deleteAgain),
    'update again': refuse('InstanceNotUsable', deleteAgain),
    bind: refuse('InstanceNotUsable', deleteAgain),
    unbind: begin,
    deprovision: begin,
  },
  deprovisioned: {
    provision: begin,
    'provision other': begin,
    fetch: notFound,
    'last operation': afterDeletion('InstanceGone'),
    update: notFound,
    'update again': notFound,
    bind: notFound,
    unbind: refuse('BindingGone'),
    deprovision: refuse('InstanceGone'),
  },
};

const bindingConflict = refuse('BindingConflict');
const bindingNotFound = refuse('BindingNotFound');
const noPredecessor = refuse('PredecessorNotUsable');

export const bindingMatrix: Record<BindingCondition, Record<BindingRequest, Cell>> = {
  none: {
    bind: begin,
    'bind other': begin,
    fetch: bindingNotFound,
    'last operation': bindingNotFound,
    unbind: refuse('BindingGone'),
    rotate: noPredecessor,
  },
  binding: {
    bind: join,
    'bind other': bindingConflict,
    fetch: bindingNotFound,
    'last operation': answer,
    unbind: replace,
    rotate: busy,
  },
  'bind failed': {
    bind: afterFailure(
      'BindingConflict',
      'The service binding exists, but making it failed. Delete it and create it anew.',
    ),
    'bind other': bindingConflict,
    fetch: bindingNotFound,
    'last operation': answer,
    unbind: begin,
    rotate: noPredecessor,
  },
  bound: {
    bind: answer,
    'bind other': bindingConflict,
    fetch: answer,
    'last operation': answer,
    unbind: begin,
    rotate: begin,
  },
  unbinding: {
    bind: busy,
    'bind other': busy,
    fetch: bindingNotFound,
    'last operation': answer,
    unbind: join,
    rotate: noPredecessor,
  },
  'unbind failed': {
    bind: refuse(
      'BindingConflict',
      'The service binding exists, but deleting it failed. Delete it once more first.',
    ),
    'bind other': bindingConflict,
    fetch: answer,
    'last operation': answer,
    unbind: begin,
    rotate: noPredecessor,
  },
  unbound: {
    bind: begin,
    'bind other': begin,
    fetch: bindingNotFound,
    'last operation': afterDeletion('BindingGone'),
    unbind: refuse('BindingGone'),
    rotate: noPredecessor,
  },
};

export function conditionOfInstance(
  instance: Pick<ServiceInstance, 'state' | 'usable'> | undefined,
): InstanceCondition {
  if (instance === undefined) return 'none';
  const { state, usable } = instance;
  if (!usable && (state === 'update failed' || state === 'deprovision failed')) return `${state}, unusable`;
  return state;
}

export function reactionToInstance(
  condition: InstanceCondition,
  request: InstanceRequest,
  options: OsbOptions,
): Reaction {
  const cell = instanceMatrix[condition][request];
  return typeof cell === 'function' ? cell(options) : cell;
}

export function reactionToBinding(
  condition: BindingCondition,
  request: BindingRequest,
  options: OsbOptions,
): Reaction {
  const cell = bindingMatrix[condition][request];
  return typeof cell === 'function' ? cell(options) : cell;
}

export function conditionOfBinding(binding: Pick<ServiceBinding, 'state'> | undefined): BindingCondition {
  return binding?.state ?? 'none';
}
