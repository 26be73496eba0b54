import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { inPrivateFolder, removeLeftFolders } from './private-folder.ts';

let top: string;
beforeEach(async () => {
  top = await mkdtemp(path.join(tmpdir(), 'chandler-folders-'));
  vi.stubEnv('TMPDIR', top);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(top, { recursive: true });
});

it('is for nobody else, and is gone afterwards, also when the work fails', async () => {
  const work = inPrivateFolder(async (folder) => {
    expect([path.dirname(folder), (await stat(folder)).mode & 0o777]).toEqual([top, 0o700]);
    await writeFile(path.join(folder, 'kubeconfig'), 'token');
    throw new Error('no');
  });
  await expect(work).rejects.toThrow('no');
  expect(await readdir(top)).toEqual([]);
});

it('of a process that was killed is removed by the next one, those of others are not', async () => {
  const of = (pid: number | string, host = hostname()) => `chandler-helm-${host}-${pid}-abc`;
  // No process has such an id: the largest is 2^22.
  const killed = [of(2 ** 30), of(process.pid)];
  const others = [of(process.ppid), of(2 ** 30, 'elsewhere'), of('x'), 'chandler-chart-abc'];
  for (const name of [...killed, ...others]) {
    await mkdir(path.join(top, name, 'chart'), { recursive: true });
    await writeFile(path.join(top, name, 'kubeconfig'), 'token');
  }
  await removeLeftFolders();
  expect((await readdir(top)).sort()).toEqual(others.sort());
});
