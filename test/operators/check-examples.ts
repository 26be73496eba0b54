/**
 * `make check-operators CRDS=folder`: puts the CustomResourceDefinitions of a folder into the cluster under test, runs
 * `catalog lint --cluster` over examples/operators, and takes out again what it put in. No operator runs: it shows that
 * an API server takes the fields of the examples, not that a service comes of them.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { chooseClusterSource } from '../../cluster/choose-cluster-source.ts';
import { ensureHelm } from '../../cluster/helm.ts';
import { connectCluster } from '../../src/kube/connect-cluster.ts';
import { readiness } from '../../src/kube/readiness.ts';
import { KubeError, type KubeObject } from '../../src/kube/types.ts';
import { lintCatalog } from '../../src/start/catalog-lint.ts';

const examples = 'examples/operators';
const kind = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' };

interface Definition extends KubeObject {
  spec: { group: string; names: { kind: string }; versions: { name: string }[] };
}

interface CompositeDefinition {
  metadata: { name: string };
  spec: {
    versions: {
      referenceable: boolean;
      schema: { openAPIV3Schema: { properties: Record<'spec' | 'status', { properties: object }> } };
    }[];
  };
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const folder = process.argv[2] ?? '';
if (folder === '') {
  say(
    'CRDS must name a folder with the CustomResourceDefinitions of the operators; docs/operators.md says which.',
  );
  process.exit(2);
}
const source = await chooseClusterSource({ kubeconfig: process.env.CHANDLER_TEST_KUBECONFIG });
const { kubeconfigPath } = await source.up(say);
const helmPath = await ensureHelm(say);
const cluster = await connectCluster({ name: 'under test', kubeconfigPath });
const added: KubeObject[] = [];
try {
  for (const definition of [...(await readDefinitions(folder)), await ofExample()]) await add(definition);
  const isEstablished = (found?: KubeObject) => found !== undefined && readiness(found).status === 'current';
  for (const { metadata } of added) await until(metadata.name, isEstablished);
  const { fine, lines } = await lintCatalog(
    examples,
    { CHANDLER_HELM: helmPath },
    { cluster, namespace: 'default' },
  );
  for (const line of lines) say(line);
  if (!fine) process.exitCode = 1;
} finally {
  for (const { metadata } of added) {
    await cluster.delete({ ...kind, name: metadata.name }, { uid: metadata.uid ?? '' });
  }
  for (const { metadata } of added) await until(metadata.name, (found) => found === undefined);
  await cluster.close();
}

async function readDefinitions(from: string): Promise<Definition[]> {
  const names = (await readdir(from)).filter((name) => /\.ya?ml$/.test(name)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(from, name), 'utf8')));
  return texts
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Definition | null))
    .filter((document) => document?.kind === kind.kind)
    .filter((document) => document !== null);
}

/** What Crossplane makes of the XRD beside the example, as far as the example needs it. */
async function ofExample(): Promise<Definition> {
  const xrd = parse(await readFile(join(examples, 'crossplane/xrd.yaml'), 'utf8')) as CompositeDefinition;
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const versions = xrd.spec.versions.map(({ referenceable: storage, ...version }) => {
    const { spec, status } = version.schema.openAPIV3Schema.properties;
    Object.assign(spec.properties, { crossplane: anything });
    Object.assign(status.properties, { conditions: { type: 'array', items: anything } });
    return { ...version, storage };
  });
  return { ...kind, ...xrd, ...kind, spec: { ...xrd.spec, versions } } as unknown as Definition;
}

async function add(definition: Definition): Promise<void> {
  const { group, names, versions } = definition.spec;
  const what = `${names.kind} in ${group}/${versions.map(({ name }) => name).join(', ')}`;
  try {
    added.push(await cluster.create(definition));
    say(`added ${what}`);
  } catch (thrown) {
    if (!(thrown instanceof KubeError) || thrown.reason !== 'AlreadyExists') throw thrown;
    say(`the cluster has ${what} already`);
  }
}

async function until(name: string, holds: (found: KubeObject | undefined) => boolean): Promise<void> {
  for (let looks = 0; looks < 150; looks += 1) {
    if (holds(await cluster.get({ ...kind, name }))) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${name} did not become what it should within 30 s`);
}
