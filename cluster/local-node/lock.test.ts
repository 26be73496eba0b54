import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './lock.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-'));
});

afterEach(() => rm(dir, { recursive: true }));

const silent = () => undefined;

test('takes over the lock of a process that is gone, and leaves nothing behind', async () => {
  const path = join(dir, 'lock');
  await writeFile(path, '999999999 1');
  expect(await withLock(path, silent, () => Promise.resolve('done'))).toBe('done');
  expect(await readdir(dir)).toEqual([]);
});

test.runIf(process.platform === 'linux')('waits for a process that lives', async () => {
  const path = join(dir, 'lock');
  const order: string[] = [];
  await withLock(path, silent, async () => {
    void sleep(50).then(() => order.push('first'));
    await sleep(100);
  });
  await withLock(path, silent, async () => {
    order.push('second');
  });
  expect(order).toEqual(['first', 'second']);
});

test('is given back when the work fails', async () => {
  const path = join(dir, 'lock');
  const failing = withLock(path, silent, () => Promise.reject(new Error('broken')));
  await expect(failing).rejects.toThrow('broken');
  expect(await readdir(dir)).toEqual([]);
});
