// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** A catalog meets a cluster in memory; what a real API server says of objects is in test/cluster/lint-cluster.test.ts. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { useCatalogFolder } from '../../catalog/catalog-fixture.ts';
import { createHelm } from '../../helm/create-helm.ts';
import { testHelmPath } from '../../helm/test-helm.ts';
import { FakeCluster } from '../../kube/fake-cluster.ts';
import { KubeError } from '../../kube/types.ts';
import type { JsonObject } from '../../lib/json.ts';
import { lintCluster } from './lint-cluster.ts';
import { refusedPaths } from './refused-paths.ts';

const folder = useCatalogFolder({ beforeEach, afterEach });
const kind = { apiVersion: 'db.example.com/v1', kind: 'Database' };
let cluster: FakeCluster;
beforeEach(() => {
  cluster = new FakeCluster();
});
afterEach(() => cluster.close());

const manifest = (id: string, more: JsonObject): JsonObject => ({
  id,
  manifest: { ...kind, ...more },
  readyWhen: [`\${${id}.status.ready}`],
});

async function lint(resources: JsonObject[], { withHelm = false, policy = {} } = {}) {
  const { compiledPlans } = await folder.loadWith({ resources, policy, outputs: null, bind: null });
  const helm = withHelm ? createHelm({ helmPath: await testHelmPath() }) : undefined;
  const { problems, notes, accepted } = await lintCluster(compiledPlans, {
    cluster,
    helm,
    namespace: 'default',
  });
  const text = await readCatalog();
  const told = (found: typeof problems) =>
    found.map(({ line, message }) => `${text[line - 1]?.trim()} | ${message}`);
  return { problems: told(problems), notes: told(notes), accepted };
}

async function readCatalog(): Promise<string[]> {
  const { readFile } = await import('node:fs/promises');
  return (await readFile(folder.path('catalog/database.yaml'), 'utf8')).split('\n');
}

/** What the API server says to the next dry run. */
function refuse(status: number, reason: string, message: string): void {
  cluster.failNext(({ verb }) => verb === 'dry-run', new KubeError(status, reason, message));
}

test('an expression that cannot be evaluated is a problem of its own resource', async () => {
  cluster.addKind(kind, { namespaced: true });
  const { problems, accepted } = await lint([
    manifest('db', { spec: { size: '${1 / size(parameters.storage.substring(0, 0))}' } }),
    manifest('other', {}),
  ]);
  expect(problems).toEqual([expect.stringMatching(/division by zero/)]);
  expect(accepted).toBe(1);
});

describe('a kind that the cluster does not have', () => {
  test('is a problem where the plan writes it', async () => {
    expect(await lint([manifest('db', {})])).toEqual({
      problems: [
        'kind: Database | the cluster has no kind Database in db.example.com/v1: install the operator that brings it',
      ],
      notes: [],
      accepted: 0,
    });
  });

  test('is one where the plan reads it', async () => {
    const { problems } = await lint([{ id: 'found', read: { ...kind, name: 'x' } }]);
    expect(problems).toEqual([expect.stringMatching(/^kind: Database \| the cluster has no kind Database/)]);
  });

  test('of which it has another version is named with that', async () => {
    cluster.addKind({ ...kind, apiVersion: 'db.example.com/v1beta2' }, { namespaced: true });
    const { problems } = await lint([manifest('db', {})]);
    expect(problems).toEqual([
      'kind: Database | the cluster has no kind Database in db.example.com/v1, but in db.example.com/v1beta2: write that, or install another version of the operator',
    ]);
  });

  test('is found in what a chart renders, each of them', async () => {
    const chart = ['A', 'B'].map((name) => stringify({ ...kind, kind: name, metadata: { name: 'a' } }));
    await folder.write('charts/db/templates/all.yaml', chart.join('---\n'));
    const server = { id: 'server', helm: { chart: 'charts/db' } };
    const policy = { kinds: ['db.example.com/A', 'db.example.com/B'] };
    const { problems } = await lint([server], { withHelm: true, policy });
    expect(problems).toEqual([
      expect.stringMatching(/^chart: charts\/db \| the cluster has no kind A/),
      expect.stringMatching(/^chart: charts\/db \| the cluster has no kind B/),
    ]);
  });
});

describe('an object of a kind that the cluster has', () => {
  beforeEach(() => cluster.addKind(kind, { namespaced: true }));

  test('is tried as a real instance would have it, and nothing is made', async () => {
    const sized = manifest('db', { spec: { size: '${parameters.storage}', of: '${instance.name}' } });
    expect(await lint([sized])).toEqual({ problems: [], notes: [], accepted: 1 });
    const tried = cluster.requests.filter(({ verb }) => verb === 'dry-run');
    expect(tried).toEqual([
      {
        verb: 'dry-run',
        reference: { ...kind, namespace: 'default', name: expect.stringMatching(/^i-[a-z2-7]{20}-db$/) },
      },
    ]);
    expect(cluster.all().filter((object) => object.kind === 'Database')).toEqual([]);
  });

  test('is a problem at each field that is refused', async () => {
    refuse(
      422,
      'Invalid',
      'failed to create typed patch object (default/x; db.example.com/v1, Kind=Database): .spec.siez: field not declared in schema; .spec.list[0].b: expected string, got 1',
    );
    const { problems } = await lint([manifest('db', { spec: { siez: 1, list: [{ b: 1 }] } })]);
    expect(problems).toEqual([
      'siez: 1 | the cluster refuses Database: spec.siez: field not declared in schema',
      '- b: 1 | the cluster refuses Database: spec.list[0].b: expected string, got 1',
    ]);
  });

  test('is a problem as a whole when the refusal names no field', async () => {
    refuse(400, 'BadRequest', 'admission webhook "x" denied the request: not today');
    expect((await lint([manifest('db', {})])).problems).toEqual([
      'kind: Database | the cluster refuses Database: admission webhook "x" denied the request: not today',
    ]);
  });

  test('is checked without what only a real instance has, and a line says so', async () => {
    const first = manifest('first', { spec: { size: 1 } });
    const second = manifest('second', {
      spec: { host: '${first.status.host}', size: '${first.spec.size}', list: ['a', '${first.status.a}'] },
    });
    const { problems, notes, accepted } = await lint([first, second]);
    expect([problems, accepted]).toEqual([[], 2]);
    expect(notes).toEqual([
      'host: ${first.status.host} | not checked: reads ${first.status.host}',
      '- ${first.status.a} | not checked: reads ${first.status.a}',
    ]);
  });

  test('is no problem when it is refused for what was left out alone', async () => {
    const first = manifest('first', {});
    const second = manifest('second', { spec: { host: '${first.status.host}' } });
    const fits = (name: string) => name.endsWith('-second');
    const refuseSecond = (message: string) =>
      cluster.failNext(
        ({ verb, reference }) => verb === 'dry-run' && fits(reference.name),
        new KubeError(422, 'Invalid', message),
      );
    refuseSecond('Database x is refused at spec.host: Required value');
    expect((await lint([first, second])).problems).toEqual([]);
    refuseSecond('Database x is refused at spec.host: Required value, spec.other (FieldValueInvalid)');
    expect((await lint([first, second])).problems).toHaveLength(1);
  });

  test('that we may not try is said to be unchecked', async () => {
    refuse(403, 'Forbidden', 'databases "x" is forbidden: User "a" cannot patch resource');
    const { problems, notes } = await lint([manifest('db', {})]);
    expect(problems).toEqual([]);
    expect(notes).toEqual([expect.stringContaining('not checked: databases "x" is forbidden')]);
  });

  test('shows what the cluster warns of', async () => {
    cluster.warnings = ['db.example.com/v1 Database is deprecated'];
    expect((await lint([manifest('db', {})])).notes).toEqual([
      'kind: Database | the cluster warns of Database: db.example.com/v1 Database is deprecated',
    ]);
  });

  test('that the policy would refuse is a problem', async () => {
    cluster.addKind({ ...kind, kind: 'Everywhere' }, { namespaced: false });
    const everywhere = { ...manifest('db', {}), manifest: { ...kind, kind: 'Everywhere' } };
    expect((await lint([everywhere])).problems).toEqual([
      expect.stringMatching(
        /^kind: Everywhere \| The policy of the plan forbids: .* cluster-scoped \(allowed by policy/,
      ),
    ]);
  });
});

test('a namespace that does not exist, and a cluster that does not answer, end it', async () => {
  const { compiledPlans } = await folder.loadWith({});
  await expect(lintCluster(compiledPlans, { cluster, namespace: 'nowhere' })).rejects.toThrow(
    'The cluster has no namespace nowhere to try objects in.',
  );
  cluster.addKind(kind, { namespaced: true });
  refuse(0, 'NoAnswer', 'The API server of cluster fake does not answer (ECONNREFUSED).');
  await expect(lint([manifest('db', {})])).rejects.toThrow(/does not answer/);
});

test('fields are found in what API servers say', () => {
  const typed = 'failed to create typed patch object (default/a; v1, Kind=A): ';
  expect(refusedPaths(`${typed}.spec.of[name="a"].b: expected string, got 1`)).toEqual([
    { path: ['spec', 'of'], message: 'spec.of[name="a"].b: expected string, got 1' },
  ]);
  expect(refusedPaths('A x is refused at spec.a[2].b (FieldValueInvalid), spec.c: Required value')).toEqual([
    { path: ['spec', 'a', 2, 'b'], message: 'spec.a[2].b: FieldValueInvalid' },
    { path: ['spec', 'c'], message: 'spec.c: Required value' },
  ]);
  expect(refusedPaths('configmaps "x" is forbidden: User "a" cannot patch resource')).toEqual([]);
});
