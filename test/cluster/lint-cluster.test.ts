// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** `chandler catalog lint --cluster` against a real API server, which has a kind of the test's own. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiextensionsV1Api, KubernetesObjectApi, type V1JSONSchemaProps } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { stringify } from 'yaml';
import { connectCluster } from '../../src/kube/connect-cluster.ts';
import type { Cluster } from '../../src/kube/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { type LintReport, lintCatalog } from '../../src/start/catalog-lint.ts';
import { core, eventually, kubeConfig } from '../support/cluster.ts';

const group = `lint-${randomBytes(4).toString('hex')}.example.com`;
const definitionName = `databases.${group}`;
const namespace = `chandler-lint-${randomBytes(4).toString('hex')}`;
const definitions = () => kubeConfig().makeApiClient(ApiextensionsV1Api);
let folder: string;
let cluster: Cluster;

const object = (properties: Record<string, V1JSONSchemaProps>, required: string[] = []) => ({
  type: 'object',
  properties,
  ...(required.length === 0 ? {} : { required }),
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chandler-lint-cluster-'));
  await mkdir(join(folder, 'catalog'));
  await core().createNamespace({ body: { metadata: { name: namespace } } });
  const size = { type: 'integer', minimum: 1 };
  const spec = object({ size, host: { type: 'string' } }, ['size', 'host']);
  await definitions().createCustomResourceDefinition({
    body: {
      metadata: { name: definitionName },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind: 'Database', plural: 'databases' },
        versions: [
          { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: object({ spec }) } },
        ],
      },
    },
  });
  cluster = await connectCluster({ name: 'test', kubeconfigPath: inject('kubeconfigPath') });
  // The API server serves a kind a moment after its definition is made, and knows its fields a moment later.
  await eventually('the fields of the kind are known', async () => {
    const { lines } = await lint({ spec: { nonsense: true } });
    return lines.join('\n').includes('field not declared in schema') || undefined;
  });
});

afterAll(async () => {
  await cluster?.close();
  await definitions().deleteCustomResourceDefinition({ name: definitionName });
  await core().deleteNamespace({ name: namespace });
  await rm(folder, { recursive: true });
});

/** One plan whose first resource is a Database that this is laid over, and what may come after it. */
async function lint(first: JsonObject, ...others: JsonObject[]): Promise<LintReport> {
  const database = { apiVersion: `${group}/v1`, kind: 'Database', ...first };
  const offering = {
    ...{ apiVersion: 'chandler.dev/v1', kind: 'ServiceOffering' },
    ...{ id: 'offering', name: 'linted', description: 'For a test' },
    parameters: { size: { type: 'integer', default: 3 } },
    resources: [{ id: 'db', manifest: database, readyWhen: ['${db.status.ready}'] }, ...others],
    plans: [{ id: 'plan', name: 'small', description: 'Small' }],
  };
  await writeFile(join(folder, 'catalog/linted.yaml'), stringify(offering));
  const { fine, lines } = await lintCatalog(
    join(folder, 'catalog'),
    { CHANDLER_HELM: inject('helmPath') },
    { cluster, namespace },
  );
  const [described, ...told] = lines.map((line) => line.replace(/^.*linted\.yaml:\d+:\d+: /, ''));
  expect(described).toBe('linted: small (provision, update, deprovision async; not bindable)');
  return { fine, lines: told };
}

const fine = `, tried in namespace ${namespace}; nothing was made`;

test('a custom resource that the definition allows is accepted, and not made', async () => {
  expect(await lint({ spec: { size: '${parameters.size}', host: 'x' } })).toEqual({
    fine: true,
    lines: [`the cluster accepts 1 object${fine}`],
  });
  const client = KubernetesObjectApi.makeApiClient(kubeConfig());
  const { items } = await client.list(`${group}/v1`, 'Database', namespace);
  expect(items).toEqual([]);
});

// One at a time: of several the API server does not always name all.
test.each([
  [{ size: 1, host: 'x', hots: 'x' }, 'spec.hots: field not declared in schema'],
  [{ size: 'large', host: 'x' }, 'spec.size: expected numeric (int or float), got string'],
])('a misspelt field, or a wrong type, is named: %j', async (spec, told) => {
  expect(await lint({ spec })).toEqual({
    fine: false,
    lines: [
      `the cluster refuses Database: ${told}`,
      `the cluster accepts 0 objects${fine}`,
      '1 problem in 1 file',
    ],
  });
});

test('a value out of bounds and a field that is missing are named', async () => {
  const { lines } = await lint({ spec: { size: 0 } });
  expect(lines.slice(0, -2).sort()).toEqual([
    'the cluster refuses Database: spec.host: Required value',
    'the cluster refuses Database: spec.size: FieldValueInvalid',
  ]);
});

test('what only a real instance has is left out and said to be, and is no problem where it is required', async () => {
  const reading = {
    id: 'other',
    manifest: {
      apiVersion: `${group}/v1`,
      kind: 'Database',
      spec: { size: '${db.spec.size}', host: '${db.status.host}' },
    },
    readyWhen: ['${other.status.ready}'],
  };
  const first = { spec: { size: 1, host: 'x' } };
  expect(await lint(first, reading)).toEqual({
    fine: true,
    lines: ['not checked: reads ${db.status.host}', `the cluster accepts 1 object${fine}`],
  });
  reading.manifest.spec.size = '${parameters.size - 3}';
  expect((await lint(first, reading)).lines).toContain(
    'the cluster refuses Database: spec.size: FieldValueInvalid',
  );
});

test('a kind, or a version of it, that the cluster does not have is named with what to do', async () => {
  const { lines } = await lint(
    { apiVersion: `${group}/v2` },
    {
      id: 'none',
      manifest: { apiVersion: `other-${group}/v1`, kind: 'Database' },
      readyWhen: ['${none.status.ready}'],
    },
  );
  expect(lines.slice(0, 2)).toEqual([
    `the cluster has no kind Database in ${group}/v2, but in ${group}/v1: write that, or install another version of the operator`,
    `the cluster has no kind Database in other-${group}/v1: install the operator that brings it`,
  ]);
});

test('fields that a kind of Kubernetes itself does not have are named too', async () => {
  const settings = { id: 'settings', manifest: { apiVersion: 'v1', kind: 'ConfigMap', dta: { a: 'b' } } };
  const { lines } = await lint({ spec: { size: 1, host: 'x' } }, settings);
  expect(lines[0]).toBe('the cluster refuses ConfigMap: dta: field not declared in schema');
});
