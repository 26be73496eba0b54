/** What `make check` finds unused, by our own configuration on a tree that has one of each. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';

const tree: Record<string, string> = {
  'package.json': JSON.stringify({
    name: 'planted',
    type: 'module',
    dependencies: { 'planted-dependency': '1.0.0' },
    devDependencies: { vitest: '1.0.0' },
  }),
  'vitest.config.ts': "export default { test: { include: ['src/**/*.test.ts'] } };\n",
  'src/start/main.ts': "import { used } from '../domain/parts.ts';\nused();\n",
  'src/domain/parts.ts': `
    export interface UsedInSignature { a: string }
    export const used = (shape?: UsedInSignature) => shape;
    export const usedByTest = 1;
    export const plantedExport = 1;
    export type PlantedType = 1;
  `,
  'src/domain/parts.test.ts': "import { usedByTest } from './parts.ts';\nusedByTest;\n",
  'src/domain/planted-file.ts': 'export const a = 1;\n',
};
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chandler-knip-'));
  await copyFile('knip.jsonc', join(folder, 'knip.jsonc'));
  for (const [path, text] of Object.entries(tree)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
});
afterAll(() => rm(folder, { recursive: true }));

it('make check refuses an unused file, dependency, export and exported type, and nothing that is used', async () => {
  const { exitCode, stdout } = await execa('knip', ['--directory', folder, '--no-config-hints'], {
    preferLocal: true,
    reject: false,
  });
  const found = stdout.split('\n').map((line) => line.trim().split(/\s+/)[0]);
  expect(found.filter((word) => /planted/i.test(word ?? ''))).toEqual([
    'src/domain/planted-file.ts',
    'planted-dependency',
    'plantedExport',
    'PlantedType',
  ]);
  expect(stdout).not.toMatch(/\bused/i);
  expect(exitCode).toBe(1);
}, 60_000);
