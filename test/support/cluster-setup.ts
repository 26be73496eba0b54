/** Brings up the cluster and helm once for all cluster tests. The cluster stays up: the next run starts warm. */
import type { TestProject } from 'vitest/node';
import { chooseClusterSource } from '../../cluster/choose-cluster-source.ts';
import { ensureHelm } from '../../cluster/helm.ts';
import { postgresqlImage } from '../../cluster/local-node/image-table.ts';

declare module 'vitest' {
  interface ProvidedContext {
    kubeconfigPath: string;
    /** Empty when the API server's audit log cannot be read from here. */
    auditLogPath: string;
    helmPath: string;
    postgresqlImage: string;
  }
}

export async function setup(project: TestProject): Promise<void> {
  const say = (message: string) => process.stdout.write(`cluster: ${message}\n`);
  const source = await chooseClusterSource({ kubeconfig: process.env.CHANDLER_TEST_KUBECONFIG });
  const access = await source.up(say);
  project.provide('kubeconfigPath', access.kubeconfigPath);
  project.provide('auditLogPath', access.auditLogPath ?? '');
  project.provide('helmPath', await ensureHelm(say));
  project.provide(
    'postgresqlImage',
    source.name === 'local-node' ? postgresqlImage : 'docker.io/library/postgres:17',
  );
}
