import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { list } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHelm } from './create-helm.ts';
import { packChart } from './pack-chart.ts';
import { testHelmPath } from './test-helm.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'chandler-chart-test-'));
  await write('Chart.yaml', 'apiVersion: v2\nname: small\nversion: 0.1.0\n');
  await write('values.yaml', 'size: 1\n');
  await write('templates/a.yaml', 'apiVersion: v1\nkind: X\nmetadata: {name: {{ .Release.Name }}}\n');
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function write(file: string, text: string): Promise<void> {
  const target = path.join(root, file);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, text);
}

async function filesIn(archive: Buffer): Promise<string[]> {
  const files: string[] = [];
  const reader = list({ sync: true, onReadEntry: (entry) => files.push(entry.path) });
  reader.end(archive);
  return files.sort();
}

describe('the digest', () => {
  it('stays the same when only times and modes change, and so does the archive', async () => {
    const first = await packChart(root);
    await utimes(path.join(root, 'values.yaml'), new Date(0), new Date(1_000_000));
    await chmod(path.join(root, 'values.yaml'), 0o600);
    await write('templates/a.yaml', 'apiVersion: v1\nkind: X\nmetadata: {name: {{ .Release.Name }}}\n');
    const second = await packChart(root);
    expect(second.digest).toBe(first.digest);
    expect(second.archive.equals(first.archive)).toBe(true);
    expect(first).toMatchObject({ name: 'small', version: '0.1.0' });
    expect(first.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('changes with a content, a path, and a new file', async () => {
    const digests = [(await packChart(root)).digest];
    await write('values.yaml', 'size: 2\n');
    digests.push((await packChart(root)).digest);
    await write('values2.yaml', 'size: 2\n');
    digests.push((await packChart(root)).digest);
    await rm(path.join(root, 'values2.yaml'));
    await write('values3.yaml', 'size: 2\n');
    digests.push((await packChart(root)).digest);
    expect(new Set(digests).size).toBe(4);
  });
});

describe('the archive', () => {
  it('is a chart that helm renders', async () => {
    const file = path.join(root, 'small.tgz');
    await writeFile(file, (await packChart(root)).archive);
    const helm = createHelm({ helmPath: await testHelmPath() });
    const objects = await helm.render({
      chartPath: file,
      releaseName: 'i-abc',
      namespace: 'space',
      values: {},
      kubeVersion: 'v1.34.4',
      apiVersions: [],
    });
    expect(objects).toEqual([{ apiVersion: 'v1', kind: 'X', metadata: { name: 'i-abc' } }]);
  });

  it('leaves out what .helmignore names', async () => {
    await write('.helmignore', '# comment\n*.bak\n/notes.txt\ndocs/\ntemplates/[xy].yaml\n');
    const kept = ['docs', 'sub/notes.txt', 'templates/z.yaml'];
    const left = ['a.bak', 'sub/b.bak', 'notes.txt', 'templates/x.yaml', 'templates/.hidden'];
    for (const file of [...kept, ...left, 'sub/docs/page.md']) await write(file, 'x');
    const files = await filesIn((await packChart(root)).archive);
    expect(files).toEqual(
      [...kept, '.helmignore', 'Chart.yaml', 'values.yaml', 'templates/a.yaml']
        .map((file) => `small/${file}`)
        .sort(),
    );
  });
});

describe('what is refused', () => {
  it.each([
    ['a link out of the chart', () => symlink('/etc/passwd', path.join(root, 'files')), /link/],
    ['a linked folder', () => symlink('/etc', path.join(root, 'templates', 'etc')), /link/],
    ['a name the packer would take for an archive', () => write('@x', ''), /@/],
    ['a name that leads elsewhere', () => write('Chart.yaml', 'name: ../x\nversion: 1.0.0\n'), /DNS label/],
    ['a chart without version', () => write('Chart.yaml', 'name: x\n'), /version/],
    ['a folder without Chart.yaml', () => rm(path.join(root, 'Chart.yaml')), /Chart.yaml/],
    ['a pattern of .helmignore that means something else in helm', () => write('.helmignore', '!a'), /!a/],
  ])('%s', async (_, spoil, message) => {
    await spoil();
    await expect(packChart(root)).rejects.toThrow(message);
  });

  it('a folder that is not there', async () => {
    await expect(packChart(path.join(root, 'absent'))).rejects.toThrow(/no readable chart folder/);
  });
});
