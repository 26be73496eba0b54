import type { Operation } from '../domain/operation.ts';
import type { OperationFields } from '../telemetry/events.ts';

/** The ids of an operation, as events name them. */
export function operationFields(operation: Operation): OperationFields {
  return {
    type: operation.type,
    operationUid: operation.uid,
    instanceUid: operation.instanceUid,
    ...(operation.bindingUid === undefined ? {} : { bindingUid: operation.bindingUid }),
  };
}
