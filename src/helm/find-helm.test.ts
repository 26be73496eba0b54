import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findHelm, isNewEnough } from './find-helm.ts';
import { testHelmPath } from './test-helm.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chandler-find-helm-'));
  await writeFile(path.join(folder, 'helm'), '#!/bin/sh\necho v4.1.3\n');
  await chmod(path.join(folder, 'helm'), 0o755);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('findHelm', () => {
  it('takes the helm it is given, or the first on the search path', async () => {
    const helmPath = await testHelmPath();
    expect(await findHelm(helmPath)).toBe(helmPath);
    const searchPath = ['/nonexistent', 'relative', path.dirname(helmPath), folder].join(':');
    expect(await findHelm(undefined, searchPath)).toBe(helmPath);
  });

  it('says when there is none, or it is too old', async () => {
    await expect(findHelm(undefined, '/nonexistent')).rejects.toThrow(/no helm in/);
    await expect(findHelm('/nonexistent/helm')).rejects.toThrow(/no executable helm at/);
    await expect(findHelm(undefined, folder)).rejects.toThrow(/is helm v4.1.3; 4.1.4 or later/);
  });
});

it.each([
  ['v4.1.4', true],
  ['v4.2.0', true],
  ['v5.0.0', true],
  ['4.1.4+g05fa379', true],
  ['v4.1.3', false],
  ['v4.0.9', false],
  ['v3.20.2', true],
  ['v3.21.0', true],
  ['v3.20.1', false],
  ['v2.17.0', false],
  ['', false],
])('helm %s is new enough: %s', (version, enough) => {
  expect(isNewEnough(version)).toBe(enough);
});
