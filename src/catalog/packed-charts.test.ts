/** Charts that lie packed beside the catalog, and charts that bring CustomResourceDefinitions. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { goodOffering, problemsOf, useCatalogFolder } from './catalog-fixture.ts';

const folder = useCatalogFolder({ beforeEach, afterEach });
const { write, loadWith } = folder;

const withHelm = (helm: JsonObject): JsonObject => ({
  resources: [
    { id: 'server', helm: { chart: 'charts/db', ...helm } },
    ...(goodOffering.resources as JsonObject[]).filter(({ id }) => id === 'admin'),
  ],
});
const problemOf = async (helm: JsonObject): Promise<string> =>
  (await problemsOf(loadWith(withHelm(helm)))).map(({ message }) => message).join('\n');

/** Packs files as they lie in charts/, by their paths there. */
async function pack(...files: string[]): Promise<Buffer> {
  const cwd = folder.path('charts');
  const archive = create({ sync: true, cwd, gzip: true, preservePaths: true }, files).read() as Buffer;
  await writeFile(path.join(cwd, 'db.tgz'), archive);
  return archive;
}

const chartDigest = async (helm: JsonObject): Promise<unknown> => {
  const { compiledPlans } = await loadWith(withHelm(helm));
  const server = compiledPlans[0]?.revision.resources.find(({ id }) => id === 'server');
  return server?.kind === 'helm' ? server.chartDigest : undefined;
};

describe('a packed chart', () => {
  it('makes the same revision as its folder does', async () => {
    const archive = await pack('db');
    const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
    expect(await chartDigest({ chart: 'charts/db.tgz', digest })).toBe(await chartDigest({}));
  });

  it.each<[string, JsonObject, RegExp]>([
    ['is not there', { chart: 'charts/none.tgz' }, /there is no readable packed chart at charts\/none.tgz/],
    ['lies elsewhere', { chart: '../db.tgz' }, /`chart` must be a folder below the chart root/],
    [
      'has another digest',
      { chart: 'charts/db.tgz', digest: `sha256:${'0'.repeat(64)}` },
      /`digest` is not that of charts\/db.tgz, which has sha256:[0-9a-f]{64}/,
    ],
    [
      'has a version beside it',
      { chart: 'charts/db.tgz', version: '1.0.0' },
      /`version` has a meaning for what/,
    ],
    [
      'is a folder with a digest',
      { digest: `sha256:${'0'.repeat(64)}` },
      /`digest` has a meaning for packed/,
    ],
  ])('that %s is refused', async (_, helm, message) => {
    await pack('db');
    expect(await problemOf(helm)).toMatch(message);
  });

  it('with a link in it is refused', async () => {
    await symlink('/etc/passwd', folder.path('charts/db/values.yaml'));
    await pack('db');
    expect(await problemOf({ chart: 'charts/db.tgz' })).toBe(
      'the chart holds db/values.yaml, which is no regular file',
    );
  });

  it('with a path that leads out of it is refused', async () => {
    await write('outside.txt', 'x');
    await pack('db', '../outside.txt');
    expect(await problemOf({ chart: 'charts/db.tgz' })).toMatch(/outside.txt, a path that leads out of it/);
  });

  it('with the same path twice is refused', async () => {
    await pack('db/Chart.yaml', 'db/Chart.yaml');
    expect(await problemOf({ chart: 'charts/db.tgz' })).toBe('the chart holds db/Chart.yaml twice');
  });

  it('of several folders is refused', async () => {
    await write('charts/other/values.yaml', '{}');
    await pack('db', 'other');
    expect(await problemOf({ chart: 'charts/db.tgz' })).toBe('the archive holds several folders: db, other');
  });

  it('that unpacks to more than the limit is refused, and so is what is no archive', async () => {
    await writeFile(folder.path('charts/db/zeros'), Buffer.alloc(70 * 1024 * 1024));
    const archive = await pack('db');
    expect(archive.length).toBeLessThan(1024 * 1024);
    expect(await problemOf({ chart: 'charts/db.tgz' })).toMatch(/no archive or too large/);
    await write('charts/db.tgz', 'hello');
    expect(await problemOf({ chart: 'charts/db.tgz' })).toMatch(/no archive or too large/);
  });
});

describe('a chart that brings CustomResourceDefinitions', () => {
  const crd = 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n';
  const whole = (name: string) =>
    `${crd}metadata: { name: ${name} }\nspec: { group: a.example, names: { kind: A }, versions: [{ name: v1, served: true }] }\n`;

  it.each([
    ['crds/a.yaml', 'db/crds/a.yaml'],
    ['charts/sub/crds/deep/a.yml', 'db/charts/sub/crds/deep/a.yml'],
    ['templates/crd.yaml', 'db/templates/crd.yaml'],
  ])('in %s is refused, naming the file, unless the plan leaves them out', async (file, name) => {
    await write(`charts/db/${file}`, crd);
    expect(await problemOf({})).toBe(
      `the chart brings CustomResourceDefinitions, which are shared by the whole cluster (${name}); \`crds: skip\` leaves them out, for an admin to install; \`crds: apply\` makes those of crds/ where they are missing`,
    );
    const { compiledPlans } = await loadWith(withHelm({ crds: 'skip' }));
    expect(compiledPlans[0]?.revision.resources).toContainEqual(expect.objectContaining({ crds: 'skip' }));
  });

  it('in a packed subchart is refused as well', async () => {
    await write('charts/sub/crds/a.yaml', crd);
    const cwd = folder.path('charts');
    const sub = create({ sync: true, cwd, gzip: true }, ['sub']).read() as Buffer;
    await mkdir(folder.path('charts/db/charts'));
    await writeFile(folder.path('charts/db/charts/sub.tgz'), sub);
    expect(await problemOf({})).toMatch(/\(db\/charts\/sub.tgz: sub\/crds\/a.yaml\)/);
  });

  it('may be made where the cluster lacks them, unless users could change them', async () => {
    await write('charts/db/crds/a.yaml', `${whole('a')}---\n${whole('b')}`);
    const { compiledPlans } = await loadWith(withHelm({ crds: 'apply' }));
    expect(compiledPlans[0]?.revision.resources).toContainEqual(expect.objectContaining({ crds: 'apply' }));
    await write('charts/db/crds/b.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\n');
    expect(await problemOf({ crds: 'apply' })).toMatch(/^db\/crds\/b.yaml holds something else than/);
    await write('charts/db/crds/b.yaml', '');
    await write('charts/db/templates/crd.yaml', crd);
    expect(await problemOf({ crds: 'apply' })).toMatch(
      /of templates \(db\/templates\/crd.yaml\), so what users send/,
    );
  });

  it('is only one that does: not every file that names the kind', async () => {
    await write('charts/db/README.md', 'crds/a.yaml\nkind: CustomResourceDefinition');
    await write('charts/db/files/crds/a.yaml', crd);
    expect(await readFile(folder.path('charts/db/files/crds/a.yaml'), 'utf8')).toBe(crd);
    await expect(loadWith(withHelm({}))).resolves.toBeDefined();
  });
});
