import { ChandlerError, type ErrorCode } from '../domain/errors.ts';
import { KubeError } from '../kube/types.ts';
import { UnknownKind } from '../kube/unknown-kind.ts';

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

/** @returns undefined for any other fault than a kind that the cluster does not have, or not in this version */
export function operatorMissing(thrown: unknown): ChandlerError | undefined {
  if (!(thrown instanceof UnknownKind)) return undefined;
  const { message, kind, servedIn } = thrown;
  const todo =
    servedIn.length === 0
      ? 'The operator that brings it is not installed. Ask the admin of the cluster to install it'
      : `Its CustomResourceDefinition is of another version, and Chandler changes none that stands. Ask the admin of the cluster for one that serves ${kind.apiVersion}`;
  return new ChandlerError('OperatorMissing', {
    sentence: `${message} ${todo}, then try again.`,
    cause: thrown,
  });
}
