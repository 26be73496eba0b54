/** kro for tests: a real operator on the local cluster, with a kind that makes PostgreSQL servers. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { LocalNode } from '../../cluster/local-node/local-node.ts';
import { ensureKro, scaleKro } from '../../cluster/operators/kro.ts';
import type { Cluster, KindReference, KubeObject } from '../../src/kube/types.ts';
import { eventually } from './cluster.ts';

/** An operator is installed for a whole cluster: never on one that was only lent to us. */
export const mayInstallOperators = (process.env.CHANDLER_TEST_KUBECONFIG ?? '') === '';

/** The kind of test/support/operators/kro-postgresql.yaml. */
export const postgresServerKind: KindReference = {
  apiVersion: 'databases.example.com/v1alpha1',
  kind: 'PostgresServer',
};

const definitionFile = join(import.meta.dirname, 'operators/kro-postgresql.yaml');
const say = (message: string) => process.stdout.write(`kro: ${message}\n`);

/**
 * Brings kro up and waits until the kind PostgresServer is served. Both stay, for the next run; instances do not. The
 * first time builds kro: give the hook that calls it ten minutes.
 */
export async function ensurePostgresServers(cluster: Cluster): Promise<void> {
  await ensureKro(new LocalNode(), say);
  const definition = parse(await readFile(definitionFile, 'utf8')) as KubeObject;
  const { apiVersion, kind, metadata } = definition;
  await cluster.apply(definition);
  await eventually('kro serves PostgresServer', async () => {
    const found = await cluster.get({ apiVersion, kind, name: metadata.name });
    return isReady(found) ? true : undefined;
  });
  // A kind that came a moment ago is not known to a client that asked just before.
  await eventually('the kind PostgresServer is known', () =>
    cluster.list(postgresServerKind, { namespace: 'default' }).catch(() => undefined),
  );
}

/** Stops the operator, its kinds stay; or starts it again, which takes its chart 12 s. */
export const stopKro = () => scaleKro(new LocalNode(), 0, say);
export const startKro = () => scaleKro(new LocalNode(), 1, say);

/** Condition Ready of the object as it is now: for a moment after a change kro's words are still about the time before. */
export function isReady(object: KubeObject | undefined): boolean {
  const { conditions } = (object?.status ?? {}) as { conditions?: Condition[] };
  const ready = conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && ready.observedGeneration === object?.metadata.generation;
}

interface Condition {
  type: string;
  status: string;
  observedGeneration?: number;
}
