import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseClusterSource } from './choose-cluster-source.ts';

test('a kubeconfig that was given comes first, and one that leads nowhere is said plainly', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'choose-'));
  try {
    const path = join(dir, 'kubeconfig');
    await writeFile(
      path,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    const source = await chooseClusterSource({ kubeconfig: path });
    expect(source.name).toBe('given-kubeconfig');
    await expect(source.up(() => undefined)).rejects.toThrow(`the cluster of ${path} cannot be used`);
    await source.down(() => undefined);
  } finally {
    await rm(dir, { recursive: true });
  }
});
