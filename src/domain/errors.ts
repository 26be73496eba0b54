/**
 * The closed error catalogue. Every failure that leaves Chandler, as an HTTP answer or as the description of a
 * failed operation, is one of these. The sentence is public; the cause is private and only logged.
 */

/** Who must act for the error to go away. */
export type ErrorActor = 'caller' | 'admin' | 'chandler';

interface CatalogueEntry {
  /** HTTP status when it answers a request. */
  status: number;
  /** The OSBAPI `error` word: one CamelCase word (spec, "Service Broker Errors"). */
  word: string;
  actor: ErrorActor;
  /** Whether a worker that meets it tries again until the deadline of the operation. */
  retry: boolean;
  /** The public sentence when the thrower gives none. Some are compared word for word by clients. */
  sentence: string;
}

const caller = (status: number, word: string, sentence: string): CatalogueEntry => ({
  status,
  word,
  actor: 'caller',
  retry: false,
  sentence,
});
const admin = (word: string, sentence: string): CatalogueEntry => ({
  status: 500,
  word,
  actor: 'admin',
  retry: false,
  sentence,
});
const passing = (status: number, word: string, sentence: string): CatalogueEntry => ({
  status,
  word,
  actor: 'chandler',
  retry: true,
  sentence,
});

export const errorCatalogue = {
  // What a request can get wrong.
  Unauthorized: caller(401, 'Unauthorized', 'The credentials are missing or wrong.'),
  MissingApiVersion: caller(
    412,
    'PreconditionFailed',
    'The header X-Broker-API-Version is missing. Send the version of the Open Service Broker API, for example 2.17.',
  ),
  UnsupportedApiVersion: caller(
    412,
    'PreconditionFailed',
    'This version of the Open Service Broker API is not supported. Send X-Broker-API-Version 2.11 or a later 2.x.',
  ),
  MalformedRequest: caller(400, 'BadRequest', 'The request is malformed.'),
  RequestTooLarge: caller(413, 'RequestTooLarge', 'The request body is too large.'),
  // The status is for logs alone: nobody is there to read it.
  RequestAbandoned: caller(
    499,
    'RequestAbandoned',
    'The connection was closed before the request was carried out. Nothing was changed.',
  ),
  UnknownRoute: caller(404, 'NotFound', 'There is nothing at this path.'),
  MethodNotAllowed: caller(405, 'MethodNotAllowed', 'This path does not support this method.'),
  UnknownService: caller(400, 'BadRequest', 'This service_id is not in the catalog.'),
  UnknownPlan: caller(400, 'BadRequest', 'This plan_id is not a plan of the service.'),
  InvalidParameters: caller(400, 'InvalidParameters', 'The parameters do not fit the schema of the plan.'),
  NamespaceNotAllowed: caller(
    400,
    'NamespaceNotAllowed',
    'This namespace may not be used with these credentials.',
  ),
  NamespaceNotFound: caller(400, 'NamespaceNotFound', 'The namespace to deliver to does not exist.'),
  NotBindable: caller(400, 'BadRequest', 'This plan is not bindable.'),
  InstanceNotFound: caller(404, 'NotFound', 'There is no such service instance.'),
  BindingNotFound: caller(404, 'NotFound', 'There is no such service binding.'),
  InstanceGone: caller(410, 'Gone', 'The service instance does not exist.'),
  BindingGone: caller(410, 'Gone', 'The service binding does not exist.'),
  InstanceConflict: caller(
    409,
    'Conflict',
    'A service instance with this id and different attributes exists already.',
  ),
  BindingConflict: caller(
    409,
    'Conflict',
    'A service binding with this id and different attributes exists already.',
  ),
  AsyncRequired: caller(
    422,
    'AsyncRequired',
    'This service plan requires client support for asynchronous service operations.',
  ),
  ConcurrencyError: caller(
    422,
    'ConcurrencyError',
    'The Service Broker does not support concurrent requests that mutate the same resource.',
  ),
  RequiresApp: caller(
    422,
    'RequiresApp',
    'This service supports generation of credentials through binding an application only.',
  ),
  MaintenanceInfoConflict: caller(
    422,
    'MaintenanceInfoConflict',
    'The maintenance_info.version does not match the catalog. Refresh the catalog and try again.',
  ),
  PredecessorNotUsable: caller(
    400,
    'BadRequest',
    'The predecessor_binding_id names no binding of this service instance that is in use and has not expired.',
  ),
  NotRotatable: caller(
    400,
    'BadRequest',
    'Bindings of this plan cannot be rotated. Make a new binding without predecessor_binding_id.',
  ),
  UpdateNotSupported: caller(
    422,
    'UpdateNotSupported',
    'The service instance cannot be changed in this way.',
  ),
  BindingsExist: caller(
    422,
    'BindingsExist',
    'The service instance has service bindings. Delete them first.',
  ),
  InstanceNotUsable: caller(
    422,
    'InstanceNotUsable',
    'The service instance failed and cannot be used. Delete it and create it anew.',
  ),

  // What an operation can meet on its way. The worker tries the passing ones again.
  AdoptionRefused: admin(
    'AdoptionRefused',
    'An object of the same name exists already and does not belong to this service instance.',
  ),
  OperatorMissing: admin(
    'OperatorMissing',
    'The cluster lacks the operator that this plan needs. Ask the admin of the cluster to install it, then try again.',
  ),
  ApplyRejected: admin('ApplyRejected', 'Kubernetes rejected an object of this service instance.'),
  ChartRejected: admin('ChartRejected', 'The chart of this plan could not be rendered.'),
  TemplateFailed: admin('TemplateFailed', 'An expression of this plan could not be evaluated.'),
  ResourceFailed: admin('ResourceFailed', 'A resource of this service instance failed.'),
  // 5xx although the caller must act: the row exists, and only orphan mitigation makes the platform delete it.
  NamespaceMissing: caller(
    500,
    'NamespaceMissing',
    'The namespace to deliver to does not exist or is being deleted.',
  ),
  DeliveryRejected: admin(
    'DeliveryRejected',
    'Kubernetes rejected the Secret or ConfigMap of this service binding.',
  ),
  CredentialsRejected: admin('CredentialsRejected', 'The server refused to create the credentials.'),
  DeadlineExceeded: {
    ...passing(500, 'DeadlineExceeded', 'The operation did not finish within its time limit.'),
    retry: false,
  },
  WorkersLost: admin(
    'WorkersLost',
    'One worker of Chandler after the other stopped while it worked on this operation, so it was given up. Look into their logs and their memory limit, then repeat the request or delete what it was for.',
  ),
  Cancelled: caller(500, 'Cancelled', 'The operation was cancelled by a later request.'),
  ClusterUnreachable: passing(503, 'ClusterUnreachable', 'The Kubernetes cluster does not answer.'),
  ServerUnreachable: passing(
    503,
    'ServerUnreachable',
    'The server of this service instance does not answer.',
  ),
  StoreUnavailable: passing(503, 'StoreUnavailable', 'The state of Chandler is not reachable at the moment.'),
  // A row of a key that this replica does not have yet, or no longer; another replica may have it.
  KeyUnknown: {
    ...admin('KeyUnknown', 'This Chandler lacks the key of what is sealed here. It was logged.'),
    status: 503,
    retry: true,
  },
  // Changed in the database, or moved between rows. Tried again, since the row may be restored.
  SealBroken: {
    ...admin('SealBroken', 'What is sealed here does not open: it was changed or moved. It was logged.'),
    retry: true,
  },
  SynchronousTimeout: passing(
    503,
    'SynchronousTimeout',
    'The request did not finish in time and was cancelled. Try again, or allow asynchronous operation with accepts_incomplete=true.',
  ),
  Internal: passing(500, 'InternalServerError', 'Chandler met an unexpected fault. It was logged.'),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** How an instance is left by an update or deprovision that failed (OSBAPI, "Service Broker Errors"). */
export interface InstanceAftermath {
  instanceUsable?: boolean;
  updateRepeatable?: boolean;
}

export interface ErrorDetails {
  /** Only for a failed update or deprovision. */
  aftermath?: InstanceAftermath;
  /** Public text for this case, in place of the catalogue's sentence. Never holds a credential. */
  sentence?: string;
  /** What really happened; for logs alone. */
  cause?: unknown;
}

/** The only error class that may cross from one room to another. */
export class ChandlerError extends Error {
  override readonly name = 'ChandlerError';
  readonly code: ErrorCode;
  readonly aftermath: InstanceAftermath;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.sentence ?? errorCatalogue[code].sentence, { cause: details.cause });
    this.code = code;
    this.aftermath = details.aftermath ?? {};
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }

  get word(): string {
    return errorCatalogue[this.code].word;
  }

  /** Whether a worker should try again later. */
  get retry(): boolean {
    return errorCatalogue[this.code].retry;
  }
}

/** Turns whatever was thrown into one of ours; an unknown error becomes `Internal` with its cause kept. */
export function toChandlerError(thrown: unknown): ChandlerError {
  return thrown instanceof ChandlerError ? thrown : new ChandlerError('Internal', { cause: thrown });
}
