/** What the cases of the cluster contract share. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, KubeError, type KubeObject } from './types.ts';

export interface ContractContext {
  cluster: Cluster;
  /** An existing namespace of this case's own. */
  namespace: string;
  /** A name no other namespace has. The case makes it; whoever runs the case deletes it. */
  otherNamespace: string;
}

export interface ContractCase {
  name: string;
  run(context: ContractContext): Promise<void>;
}

export const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' };

export function configMap(
  context: ContractContext,
  name: string,
  data: Record<string, string> = {},
): KubeObject {
  return {
    ...configMapKind,
    metadata: { name, namespace: context.namespace, labels: { 'chandler.dev/contract': context.namespace } },
    data,
  };
}

export async function eventually(check: () => Promise<boolean> | boolean, withinMs = 60_000): Promise<void> {
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(20)) {
    if (await check()) return;
  }
  assert.fail('it did not come to pass in time');
}

export function isKubeError(status: number, reason: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KubeError, `not a KubeError: ${String(error)}`);
    assert.deepEqual([error.status, error.reason], [status, reason], error.message);
    return true;
  };
}
