import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  definitionOf,
  findProcesses,
  killProcesses,
  mainProcess,
  startDetached,
  stopProcesses,
} from './processes.ts';

const cluster = `test-${process.pid}`;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'processes-'));
});

afterEach(async () => {
  await killProcesses(await findProcesses(cluster));
  await rm(dir, { recursive: true });
});

const sleeper = (name: string) => ({ name, command: '/bin/sleep', args: ['60'] });

test.runIf(process.platform === 'linux')('finds a detached process by its mark, and ends it', async () => {
  await startDetached(cluster, dir, sleeper('one'));
  const found = await findProcesses(cluster);
  expect(found).toHaveLength(1);
  expect(mainProcess(found, sleeper('one'))?.definition).toBe(await definitionOf(sleeper('one')));
  expect(mainProcess(found, sleeper('two'))).toBeUndefined();
  expect(await findProcesses(`${cluster}-other`)).toEqual([]);
  await stopProcesses(found);
  expect(await findProcesses(cluster)).toEqual([]);
});

test.runIf(process.platform === 'linux')('never ends a process that has only the same pid', async () => {
  await startDetached(cluster, dir, sleeper('one'));
  const [found] = await findProcesses(cluster);
  if (found === undefined) throw new Error('the process was not found');
  await killProcesses([{ pid: found.pid, startTime: '1' }]);
  expect(await findProcesses(cluster)).toHaveLength(1);
});

test('the definition changes with the content of a config file', async () => {
  const file = join(dir, 'config');
  const spec = { ...sleeper('one'), configFiles: [file] };
  await writeFile(file, 'a');
  const before = await definitionOf(spec);
  await writeFile(file, 'b');
  expect(await definitionOf(spec)).not.toBe(before);
});

test('output goes to the log', async () => {
  await startDetached(cluster, dir, {
    name: 'talker',
    command: '/bin/sh',
    args: ['-c', 'echo spoken; sleep 60'],
  });
  await expect.poll(() => readFile(join(dir, 'talker.log'), 'utf8')).toBe('spoken\n');
});

test('a program that is not there is an error', async () => {
  await expect(
    startDetached(cluster, dir, { name: 'none', command: '/no/such/program', args: [] }),
  ).rejects.toThrow('ENOENT');
});
