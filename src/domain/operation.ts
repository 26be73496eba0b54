import type { ErrorCode } from './errors.ts';

export type OperationType = 'provision' | 'deprovision' | 'bind' | 'unbind';

/** The three states of OSBAPI last_operation, spelled as on the wire. */
export type OperationState = 'in progress' | 'succeeded' | 'failed';

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
  /** Counts claims; every outcome write carries the fence it was claimed with. */
  fence: number;
  /** Failed tries in a row since the last progress; feeds the backoff. */
  attempts: number;
  deadline: Date;
  createdAt: Date;
  finishedAt?: Date;
}
