/** Charts of an OCI registry and of a classic repository, fetched by the real helm from servers on loopback. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ChartRegistry,
  hasGpg,
  makeSigner,
  type PackedTestChart,
  packTestChart,
  type Signer,
  startChartRegistry,
} from '../../test/support/chart-registry.ts';
import { createChartPuller } from '../helm/chart-puller.ts';
import { testHelmPath } from '../helm/test-helm.ts';
import type { JsonObject } from '../lib/json.ts';
import { goodOffering, problemsOf, useCatalogFolder } from './catalog-fixture.ts';
import { type ChartDownloads, downloadsInMemory } from './fetch-chart.ts';

const folder = useCatalogFolder({ beforeEach, afterEach });
const { write, loadWith } = folder;
const noDigest = `sha256:${'0'.repeat(64)}`;
const canSign = await hasGpg();

let helmPath: string;
let scratch: string;
let registry: ChartRegistry;
let plain: PackedTestChart;
let signers: { ours: Signer; theirs: Signer } | undefined;
let signed: PackedTestChart;

beforeAll(async () => {
  helmPath = await testHelmPath();
  scratch = await mkdtemp(join(tmpdir(), 'chandler-test-fetched-'));
  registry = await startChartRegistry(helmPath);
  plain = await packTestChart(helmPath, await chartFolder('db', '1.0.0'), scratch);
  await registry.push(plain.path);
  await registry.publish(plain.path);
  if (!canSign) return;
  signers = { ours: await makeSigner(scratch, 'ours'), theirs: await makeSigner(scratch, 'theirs') };
  signed = await packTestChart(helmPath, await chartFolder('db', '2.0.0'), scratch, signers.ours);
  await registry.push(signed.path);
  await registry.publish(signed.path);
}, 60_000);
afterAll(async () => {
  await registry?.stop();
  await rm(scratch, { recursive: true, force: true });
});

async function chartFolder(name: string, version: string): Promise<string> {
  const chart = await mkdtemp(join(scratch, 'chart-'));
  await writeFile(join(chart, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: ${version}\n`);
  return chart;
}

const oci = (change: JsonObject = {}): JsonObject => ({
  ...{ chart: `oci://${registry.host}/charts/db`, version: '1.0.0', digest: plain.digest },
  ...change,
});
const classic = (change: JsonObject = {}): JsonObject => ({
  ...{
    chart: 'db',
    repository: `https://${registry.host}/repository`,
    version: '1.0.0',
    digest: plain.digest,
  },
  ...change,
});

function load(helm: JsonObject, downloads: ChartDownloads = downloadsInMemory(), registryConfig?: string) {
  const puller = createChartPuller({ helmPath, caFile: registry.caFile, registryConfig });
  const resources = [
    { id: 'server', helm },
    ...(goodOffering.resources as JsonObject[]).filter(({ id }) => id === 'admin'),
  ];
  return loadWith({ resources }, { sources: { puller, downloads } });
}

async function problemOf(helm: JsonObject, downloads?: ChartDownloads): Promise<string> {
  return (await problemsOf(load(helm, downloads))).map(({ message }) => message).join('\n');
}

describe.each([
  ['an OCI registry', oci],
  ['a classic repository', classic],
])('a chart of %s', (_, source) => {
  it('makes the same revision as the packed chart itself', async () => {
    const fetched = await load(source());
    await copyFile(plain.path, folder.path('charts/db.tgz'));
    const local = await load({ chart: 'charts/db.tgz' });
    const digestOf = ({ compiledPlans }: typeof local) => [...(compiledPlans[0]?.charts.keys() ?? [])];
    expect(digestOf(fetched)).toEqual(digestOf(local));
    expect(digestOf(local)).toHaveLength(1);
  });

  it('is fetched once, and from then on taken from what is kept', async () => {
    const downloads = downloadsInMemory();
    await load(source(), downloads);
    const before = registry.requests();
    await load(source(), downloads);
    expect(registry.requests()).toBe(before);
  });

  it('is fetched again when what is kept is not what it should be', async () => {
    const kept = downloadsInMemory();
    const downloads: ChartDownloads = {
      ...kept,
      find: () => Promise.resolve({ archive: Buffer.from('other') }),
    };
    await load(source(), downloads);
    expect((await kept.find(plain.digest))?.archive).toEqual(await readFile(plain.path));
  });

  it('with another digest is refused, and not kept', async () => {
    const downloads = downloadsInMemory();
    expect(await problemOf(source({ digest: noDigest }), downloads)).toMatch(
      new RegExp(`^\`digest\` is not that of .*db 1.0.0: what came has ${plain.digest}`),
    );
    expect(await downloads.find(noDigest)).toBeUndefined();
  });

  it('of a version that there is not is refused in the words of helm', async () => {
    expect(await problemOf(source({ version: '9.9.9' }))).toMatch(
      /db 9.9.9 could not be fetched: .*not found/,
    );
  });

  it('that is kept, but is of another version than the plan says, is refused', async () => {
    const downloads = downloadsInMemory();
    await load(source(), downloads);
    expect(await problemOf(source({ version: '1.0.1' }), downloads)).toBe(
      'what has this digest is version 1.0.0 of db',
    );
  });

  it('is refused when nobody answers', async () => {
    const chart = await problemOf(
      JSON.parse(JSON.stringify(source()).replaceAll(registry.host, '127.0.0.1:1')) as JsonObject,
    );
    expect(chart).toMatch(/could not be fetched: .*connection refused/);
  });

  it.runIf(canSign)('is verified against the keyring that the plan names, kept or not', async () => {
    await copyFile(signers?.ours.publicKeyring ?? '', folder.path('charts/ours.gpg'));
    await copyFile(signers?.theirs.publicKeyring ?? '', folder.path('charts/theirs.gpg'));
    const ours = source({ version: '2.0.0', digest: signed.digest, provenance: 'charts/ours.gpg' });
    const downloads = downloadsInMemory();
    // Kept without its signature at first.
    await load(source({ version: '2.0.0', digest: signed.digest }), downloads);
    await load(ours, downloads);
    const before = registry.requests();
    await load(ours, downloads);
    expect(registry.requests()).toBe(before);
    expect(await problemOf({ ...ours, provenance: 'charts/theirs.gpg' }, downloads)).toMatch(
      /^the signature does not fit: .*(unknown entity|signature)/,
    );
    expect(await problemOf({ ...ours, provenance: 'charts/none.gpg' }, downloads)).toBe(
      'there is no readable keyring at charts/none.gpg',
    );
  });

  it.runIf(canSign)('that nobody signed is refused where the plan names a keyring', async () => {
    await copyFile(signers?.ours.publicKeyring ?? '', folder.path('charts/ours.gpg'));
    expect(await problemOf(source({ provenance: 'charts/ours.gpg' }))).toMatch(/is not signed/);
  });
});

it.runIf(canSign)('a packed chart beside the catalog is verified by the .prov beside it', async () => {
  await copyFile(signers?.ours.publicKeyring ?? '', folder.path('charts/ours.gpg'));
  await copyFile(signed.path, folder.path('charts/db.tgz'));
  const helm = { chart: 'charts/db.tgz', provenance: 'charts/ours.gpg' };
  expect(await problemOf(helm)).toBe('there is no readable provenance at charts/db.tgz.prov');
  await copyFile(`${signed.path}.prov`, folder.path('charts/db.tgz.prov'));
  await load(helm);
  await copyFile(plain.path, folder.path('charts/db.tgz'));
  expect(await problemOf(helm)).toMatch(/^the signature does not fit/);
});

it('a chart that was changed after it was published is refused', async () => {
  const other = await packTestChart(helmPath, await chartFolder('changed', '1.0.0'), scratch);
  await registry.publish(other.path);
  registry.replace('changed-1.0.0.tgz', await readFile(plain.path));
  const problem = await problemOf(classic({ chart: 'changed', digest: other.digest }));
  expect(problem).toMatch(/the chart was changed after it was published/);
});

it('a registry that asks for a login gets the one of the file that is named', async () => {
  registry.askFor('reader:s3cret-of-the-registry');
  try {
    const refused = await problemOf(oci());
    expect(refused).toMatch(/could not be fetched: .*(401|unauthorized|basic credential)/i);
    const auth = Buffer.from('reader:s3cret-of-the-registry').toString('base64');
    await write('config.json', JSON.stringify({ auths: { [registry.host]: { auth } } }));
    await load(oci(), downloadsInMemory(), folder.path('config.json'));
  } finally {
    registry.askFor(undefined);
  }
});

it.each<[string, JsonObject, RegExp]>([
  [
    'without version',
    { chart: 'oci://a.example/b', digest: noDigest },
    /`version` is missing: what is fetched/,
  ],
  [
    'without digest',
    { chart: 'oci://a.example/b', version: '1.0.0' },
    /`digest` is missing: .* To get it: helm pull oci:\/\/a.example\/b --version 1.0.0, then sha256sum of the .tgz/,
  ],
  ['of a range of versions', { chart: 'oci://a.example/b', version: '^1.0.0' }, /must be one version/],
  ['with a tag', { chart: 'oci://a.example/b:1', version: '1.0.0', digest: noDigest }, /must hold no tag/],
  [
    'of a repository without TLS',
    { chart: 'b', repository: 'http://a.example', version: '1.0.0', digest: noDigest },
    /`repository` must be an https URL/,
  ],
  [
    'of a repository with a login in it',
    { chart: 'b', repository: 'https://u:p@a.example', version: '1.0.0', digest: noDigest },
    /`repository` must hold no login/,
  ],
  [
    'of a repository by a flag',
    { chart: '--post-renderer=x', repository: 'https://a.example', version: '1.0.0', digest: noDigest },
    /`chart` must be the name of a chart in/,
  ],
])('a chart %s is refused before anybody is asked', async (_, helm, message) => {
  const before = registry.requests();
  expect(await problemOf(helm)).toMatch(message);
  expect(registry.requests()).toBe(before);
});
