import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { packChart } from '../helm/pack-chart.ts';
import { KubeError, type KubeObject } from '../kube/types.ts';
import { bringDefinitions } from './shared-definitions.ts';

let folder: string;
let standing: Map<string, KubeObject>;
let served: Set<string>;
let created: string[];

const cluster = {
  get: ({ name }: { name: string }) => Promise.resolve(standing.get(name)),
  create(object: KubeObject) {
    if (standing.has(object.metadata.name)) throw new KubeError(409, 'AlreadyExists', 'it exists');
    created.push(object.metadata.name);
    standing.set(object.metadata.name, object);
    return Promise.resolve(object);
  },
  isNamespaced({ apiVersion, kind }: { apiVersion: string; kind: string }) {
    if (!served.has(`${apiVersion}/${kind}`)) throw new KubeError(404, 'UnknownKind', 'unknown');
    return Promise.resolve(true);
  },
};
const bring = () =>
  bringDefinitions('digest', { chartPath: () => Promise.resolve(join(folder, 'a.tgz')), cluster });

const definition = (kind: string, versions: string) =>
  `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: ${kind}s.x.example }\nspec: { group: x.example, names: { kind: ${kind} }, versions: ${versions} }\n`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chandler-test-definitions-'));
  const chart = join(folder, 'chart');
  await mkdir(join(chart, 'crds'), { recursive: true });
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: a\nversion: 1.0.0\n');
  const versions = '[{ name: v1, served: true }, { name: v1old, served: false }]';
  await writeFile(
    join(chart, 'crds/a.yaml'),
    `${definition('A', versions)}---\n${definition('B', versions)}`,
  );
  await writeFile(join(folder, 'a.tgz'), (await packChart(chart)).archive);
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  standing = new Map();
  served = new Set();
  created = [];
});

it('makes definitions that are missing, and waits until each of their versions is served', async () => {
  expect(await bring()).toBe('A in x.example/v1');
  expect(created).toEqual(['As.x.example', 'Bs.x.example']);
  served.add('x.example/v1/A');
  expect(await bring()).toBe('B in x.example/v1');
  served.add('x.example/v1/B');
  expect(await bring()).toBeUndefined();
  expect(created).toHaveLength(2);
});

it('never changes one that stands, also when another was quicker to make it', async () => {
  const other = { apiVersion: 'v1', kind: 'X', metadata: { name: 'As.x.example' }, of: 'another' };
  standing.set('As.x.example', other);
  served.add('x.example/v1/A').add('x.example/v1/B');
  const blind = { ...cluster, get: () => Promise.resolve(undefined) };
  const chartPath = () => Promise.resolve(join(folder, 'a.tgz'));
  expect(await bringDefinitions('digest', { chartPath, cluster: blind })).toBeUndefined();
  expect(standing.get('As.x.example')).toBe(other);
  expect(created).toEqual(['Bs.x.example']);
});

it('waits for no version that a definition which stands does not serve', async () => {
  const metadata = { name: 'As.x.example' };
  const versions = [
    { name: 'v0', served: true },
    { name: 'v1', served: false },
  ];
  standing.set(metadata.name, { apiVersion: 'v1', kind: 'X', metadata, spec: { versions } });
  expect(await bring()).toBe('B in x.example/v1');
  served.add('x.example/v1/B');
  expect(await bring()).toBeUndefined();
});

it('tells what the API server has against one', async () => {
  const create = () => Promise.reject(new KubeError(403, 'Forbidden', 'chandler may not create it'));
  const chartPath = () => Promise.resolve(join(folder, 'a.tgz'));
  await expect(bringDefinitions('digest', { chartPath, cluster: { ...cluster, create } })).rejects.toThrow(
    /Kubernetes rejected CustomResourceDefinition As.x.example: .*may not create it/,
  );
});
