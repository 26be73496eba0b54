import { ChandlerError, type ErrorCode } from '../domain/errors.ts';
import { KubeError } from '../kube/types.ts';

/**
 * Turns an answer of the API server into an error of the catalogue: a passing one is tried again (a 401 too: tokens are
 * rotated), any other is final with the API server's own words, which name the object and the field. What is no answer,
 * such as a lost lease, stays what it is.
 */
export function kubeFailure(thrown: unknown, code: ErrorCode, doing: string): unknown {
  if (!(thrown instanceof KubeError)) return thrown;
  if (thrown.passing || thrown.status === 401) {
    return new ChandlerError('ClusterUnreachable', { cause: thrown });
  }
  return new ChandlerError(code, { sentence: `${doing}: ${firstLine(thrown)}`, cause: thrown });
}

function firstLine(error: KubeError): string {
  return (error.message.split('\n')[0] ?? '').slice(0, 500);
}

/** @returns undefined for any other fault than a kind that the cluster does not have */
export function operatorMissing(thrown: unknown): ChandlerError | undefined {
  if (!(thrown instanceof KubeError) || thrown.reason !== 'UnknownKind') return undefined;
  return new ChandlerError('OperatorMissing', {
    sentence: `${thrown.message} The operator that brings it is not installed. Ask the admin of the cluster to install it, then try again.`,
    cause: thrown,
  });
}
