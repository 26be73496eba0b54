import type { JsonObject } from '../lib/json.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { ErrorCode } from './errors.ts';
import type { GeneratedValues } from './instance.ts';

/** A repair is Chandler's own: no platform asked for it, and none sees it. */
export type OperationType = 'provision' | 'update' | 'deprovision' | 'bind' | 'unbind' | 'repair';

/** The three states of OSBAPI last_operation, spelled as on the wire. */
export type OperationState = 'in progress' | 'succeeded' | 'failed';

/** What an update makes of its instance; sealed in the operation's row until the update succeeds. */
export interface UpdateTarget {
  planId: string;
  parameters: JsonObject;
  context: JsonObject;
  /** Those of the instance and what the new plan adds. */
  generated: GeneratedValues;
  dashboardUrl?: string;
  /** The request as it was sent, to know it when it comes again. */
  request: UpdateAttributes;
}

/** Why an update failed, kept while the version before is restored. */
export interface UpdateFailure {
  code: ErrorCode;
  sentence: string;
  diagnosis?: Diagnosis;
}

/** What makes two updates the same; absent is not the same as empty. */
export interface UpdateAttributes {
  planId?: string;
  parameters?: JsonObject;
  maintenanceVersion?: string;
}

/** A promise to a platform and, at the same time, the job that keeps it. */
export interface Operation {
  /** UUID; the `operation` token that platforms get. */
  uid: string;
  type: OperationType;
  state: OperationState;
  instanceUid: string;
  /** Only for bind and unbind. */
  bindingUid?: string;
  /** Public text: progress, or why it failed. */
  description: string;
  errorCode?: ErrorCode;
  /** What it waits for that hardly passes by itself, or what it failed of. */
  diagnosis?: Diagnosis;
  /** After a failed update or deprovision: whether the instance can still be used. */
  instanceUsable?: boolean;
  /** After a failed update: whether the same update may be tried again. */
  updateRepeatable?: boolean;
  /** Plan revision that the operation works by: of an update, the one that the instance shall have. */
  planRevision: string;
  /** Ids of the resources that this operation brought to their new state so far; of a deprovision, whose removal began. */
  appliedResources: string[];
  /** Only of an update: it failed with this, and brings back the version before. */
  failure?: UpdateFailure;
  /** Only of a repair: volumes that are gone may be made anew, without what they held. */
  withEmptyVolumes?: true;
  /** Only of a provision: all of it stood already, and it replaces and deletes nothing of it. */
  adopts?: true;
  /** Counts claims; every outcome write carries the fence it was claimed with. */
  fence: number;
  /** Failed tries in a row since the last progress; feeds the backoff. */
  attempts: number;
  deadline: Date;
  createdAt: Date;
  finishedAt?: Date;
}
