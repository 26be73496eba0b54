/**
 * One function per business event, so that what is logged (and later counted and traced) is decided in one place.
 * Fields have few distinct values or are ids; bodies, parameters and credentials are never among them. No function
 * throws. Level `error` is kept for what an admin must act on.
 */
import type { Diagnosis } from '../domain/diagnosis.ts';
import { type ErrorCode, errorCatalogue } from '../domain/errors.ts';
import type { Operation, OperationType } from '../domain/operation.ts';
import type { Logger } from './logger.ts';
import { describeCause } from './redact-fields.ts';

/** The ids that every line about an operation carries. */
export interface OperationFields {
  type: OperationType;
  operationUid: string;
  instanceUid: string;
  bindingUid?: string;
}

/** The ids of an operation, as events name them. */
export function operationFields(operation: Operation): OperationFields {
  return {
    type: operation.type,
    operationUid: operation.uid,
    instanceUid: operation.instanceUid,
    ...(operation.bindingUid === undefined ? {} : { bindingUid: operation.bindingUid }),
  };
}

/** An object in a cluster, as lines about it name it. */
export interface ObjectFields {
  instanceUid: string;
  cluster: string;
  kind: string;
  /** Empty for cluster-scoped objects. */
  namespace: string;
  name: string;
}

export interface BindingFields {
  instanceUid: string;
  bindingUid: string;
}

/** Where rows and what is outside differ. */
export interface FindingFields extends Omit<ObjectFields, 'instanceUid'> {
  finding: string;
  instanceUid?: string;
  bindingUid?: string;
  /** Names and paths, never a value. */
  detail: string;
}

export interface RequestFields {
  requestId: string;
  /** X-Broker-API-Request-Identity of the platform. */
  requestIdentity?: string;
  method: string;
  /** The pattern of the path, never the path: ids are opaque and without number. */
  route: string;
  status: number;
  durationMs: number;
  platform?: string;
  errorCode?: ErrorCode;
}

export interface Events {
  brokerStarted(fields: { address: string; installationId: string; offerings: number }): void;
  brokerStopping(fields: { reason: string }): void;
  notReady(fields: { check: string; cause: unknown }): void;
  requestFinished(fields: RequestFields): void;
  /** An answer of 5xx: the cause that the client does not see. */
  requestFaulted(fields: { requestId: string; route: string; errorCode: ErrorCode; cause: unknown }): void;
  operationEnqueued(fields: OperationFields): void;
  operationCancelled(fields: OperationFields & { reason: string }): void;
  operationClaimed(fields: OperationFields & { fence: number }): void;
  operationProgressed(fields: OperationFields & { description: string }): void;
  operationSucceeded(fields: OperationFields & { durationMs: number }): void;
  operationFailed(
    fields: OperationFields & {
      durationMs: number;
      errorCode: ErrorCode;
      cause?: unknown;
      /** What an admin should know beyond the sentence. */
      diagnosis?: Diagnosis;
    },
  ): void;
  operationRetried(
    fields: OperationFields & { attempts: number; delayMs: number; errorCode: ErrorCode; cause?: unknown },
  ): void;
  /** An update failed, and what it changed is taken back. */
  updateRestoring(fields: OperationFields & { errorCode: ErrorCode; cause?: unknown }): void;
  leaseLost(fields: OperationFields): void;
  /** The process ends; the operation is due at once for others. */
  operationHandedOver(fields: OperationFields): void;
  objectApplied(fields: ObjectFields): void;
  objectRemoved(fields: ObjectFields): void;
  sweepFinished(fields: { sweep: string; durationMs: number }): void;
  /** A binding's time was up: its login is revoked and what was delivered withdrawn. */
  bindingExpired(fields: BindingFields): void;
  /** What an unbound or failed binding may have left was taken back once more. */
  bindingSwept(fields: BindingFields & { why: string }): void;
  /** What a late worker made after its instance or binding was gone. */
  stragglerRemoved(fields: ObjectFields): void;
  /** What was over for as long as rows are kept is deleted or emptied. */
  rowsRetired(fields: { operations: number; tombstones: number; emptied: number; observed: number }): void;
  /** Rows and what is outside differ, and did so for a while: an admin has to look. */
  findingConfirmed(fields: FindingFields): void;
  /** Somebody else deleted or changed what was delivered for a binding, and it was put back. Names, never values. */
  deliveryRestored(fields: DeliveryFields): void;
  /** An object is not what the plan of its instance says. Told when it is first seen. */
  driftFound(fields: FindingFields): void;
  /** For tests only: this process will fail, die or stand still at a step (CHANDLER_FAILPOINT). */
  failpointArmed(fields: { failpoint: string }): void;
  /** Instances of these plans cannot be made until somebody installs the operator that brings the kind. */
  kindMissing(fields: { cluster: string; apiVersion: string; kind: string; plans: string[] }): void;
  watchBroke(fields: { cluster: string; kind: string; cause: unknown }): void;
  /** Something of the background failed and will be tried again: a listener, a lease, a sweep. */
  backgroundFaulted(fields: { task: string; cause: unknown }): void;
}

export interface DeliveryFields {
  instanceUid: string;
  bindingUid: string;
  cluster: string;
  namespace: string;
  name: string;
  kind: string;
  was: 'deleted' | 'changed';
  keys: string[];
}

type Level = 'debug' | 'info' | 'warn' | 'error';

/** Events written to a logger. */
export function createEvents(logger: Logger): Events {
  const write = (level: Level, message: string, fields: object): void => {
    try {
      const { cause, ...rest }: { cause?: unknown } = fields;
      logger[level](cause === undefined ? rest : { ...rest, cause: describeCause(cause) }, message);
    } catch {
      // A line that cannot be written must not fail the work it reports.
    }
  };
  return {
    brokerStarted: (fields) => write('info', 'broker started', fields),
    brokerStopping: (fields) => write('info', 'broker stopping', fields),
    notReady: (fields) => write('warn', 'not ready', fields),
    requestFinished: (fields) => write('info', 'request finished', fields),
    requestFaulted: (fields) => write(levelOf(fields.errorCode), 'request faulted', fields),
    operationEnqueued: (fields) => write('info', 'operation enqueued', fields),
    operationCancelled: (fields) => write('info', 'operation cancelled', fields),
    operationClaimed: (fields) => write('debug', 'operation claimed', fields),
    operationProgressed: (fields) => write('debug', 'operation progressed', fields),
    operationSucceeded: (fields) => write('info', 'operation succeeded', fields),
    operationFailed: (fields) => write(levelOf(fields.errorCode), 'operation failed', fields),
    operationRetried: (fields) => write('warn', 'operation retried', fields),
    updateRestoring: (fields) => write('warn', 'update failed: the version before is restored', fields),
    leaseLost: (fields) => write('warn', 'lease lost', fields),
    operationHandedOver: (fields) => write('info', 'operation handed over', fields),
    objectApplied: (fields) => write('debug', 'object applied', fields),
    objectRemoved: (fields) => write('debug', 'object removed', fields),
    sweepFinished: (fields) => write('debug', 'sweep finished', fields),
    bindingExpired: (fields) => write('info', 'binding expired', fields),
    bindingSwept: (fields) => write('debug', 'binding swept', fields),
    stragglerRemoved: (fields) => write('warn', 'straggler removed', fields),
    rowsRetired: (fields) => write('info', 'rows retired', fields),
    findingConfirmed: (fields) => write('error', 'finding confirmed', fields),
    driftFound: (fields) => write('warn', 'drift found', fields),
    deliveryRestored: (fields) => write('warn', 'delivery restored', fields),
    failpointArmed: (fields) => write('warn', 'failpoint armed: this process is under test', fields),
    kindMissing: (fields) =>
      write(
        'warn',
        'kind missing: the plans that need it cannot be provisioned until its operator is installed',
        fields,
      ),
    watchBroke: (fields) => write('warn', 'watch broke', fields),
    backgroundFaulted: (fields) => write('warn', 'background task faulted', fields),
  };
}

/** An unexpected fault and whatever only an admin can mend are errors; what passes by itself is a warning. */
function levelOf(code: ErrorCode): Level {
  if (code === 'Internal' || errorCatalogue[code].actor === 'admin') return 'error';
  return errorCatalogue[code].actor === 'chandler' ? 'warn' : 'info';
}

const ignore = (): void => undefined;

/** Events that go nowhere, for tests. */
export const silentEvents: Events = {
  brokerStarted: ignore,
  brokerStopping: ignore,
  notReady: ignore,
  requestFinished: ignore,
  requestFaulted: ignore,
  operationEnqueued: ignore,
  operationCancelled: ignore,
  operationClaimed: ignore,
  operationProgressed: ignore,
  operationSucceeded: ignore,
  operationFailed: ignore,
  operationRetried: ignore,
  updateRestoring: ignore,
  leaseLost: ignore,
  operationHandedOver: ignore,
  objectApplied: ignore,
  objectRemoved: ignore,
  sweepFinished: ignore,
  bindingExpired: ignore,
  bindingSwept: ignore,
  stragglerRemoved: ignore,
  rowsRetired: ignore,
  findingConfirmed: ignore,
  driftFound: ignore,
  deliveryRestored: ignore,
  failpointArmed: ignore,
  kindMissing: ignore,
  watchBroke: ignore,
  backgroundFaulted: ignore,
};
