import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openChartFolder } from './chart-folder.ts';

const store = {
  findChart: (digest: string) =>
    Promise.resolve(digest === 'sha256:known' ? Buffer.from('chart') : undefined),
};

it('fetches a chart from Postgres once, and removes it in the end', async () => {
  let fetched = 0;
  const charts = await openChartFolder({
    findChart: (digest) => {
      fetched += 1;
      return store.findChart(digest);
    },
  });
  const [one, two] = await Promise.all([charts.pathOf('sha256:known'), charts.pathOf('sha256:known')]);
  expect(one).toBe(two);
  expect(fetched).toBe(1);
  expect(await readFile(one, 'utf8')).toBe('chart');
  await charts.remove();
  expect(existsSync(one)).toBe(false);
});

it('tries again after a chart could not be had', async () => {
  const charts = await openChartFolder(store);
  await expect(charts.pathOf('sha256:unknown')).rejects.toThrow();
  await expect(charts.pathOf('sha256:unknown')).rejects.toThrow();
  await charts.remove();
});

it('removes what a killed process left behind, and nothing of a living one', async () => {
  const { pid } = spawnSync('true');
  const left = await mkdtemp(join(tmpdir(), `chandler-charts-${pid}-`));
  const living = await openChartFolder(store);
  const path = await living.pathOf('sha256:known');
  const charts = await openChartFolder(store);
  expect(existsSync(left)).toBe(false);
  expect(existsSync(path)).toBe(true);
  await charts.remove();
  await living.remove();
});
