import type { Operation, OperationState } from '../domain/operation.ts';
import type { StoreReader } from '../store/types.ts';

/** What platforms learn when they poll (OSBAPI "Polling Last Operation"). */
export interface LastOperation {
  state: OperationState;
  description: string;
  /** Only after a failed deprovision: nobody knows what is left of the instance. */
  instanceUsable?: boolean;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The operation that a token names, if it is one; tokens are hints and never an error. */
export async function operationOfToken(
  store: StoreReader,
  token: string | undefined,
): Promise<Operation | undefined> {
  return token === undefined || !uuid.test(token) ? undefined : store.findOperation(token);
}

export function lastOperation({ type, state, description }: Operation): LastOperation {
  return {
    state,
    description,
    ...(type === 'deprovision' && state === 'failed' ? { instanceUsable: false } : {}),
  };
}
