// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** A catalog folder of its own for each test, with one chart and one offering that is right. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import type { JsonObject } from '../lib/json.ts';
import { type LoadCatalogOptions, loadCatalog } from './load-catalog.ts';
import { mergeMaps } from './merge-plan.ts';
import type { CatalogKinds } from './offering-file.ts';
import { type Catalog, CatalogInvalid, type CatalogProblem } from './types.ts';

export const goodOffering: JsonObject = {
  apiVersion: 'chandler.dev/v1',
  kind: 'ServiceOffering',
  id: 'offering-1',
  name: 'database',
  description: 'A database',
  set: { cpu: '100m', image: { repository: 'db', tag: '1' } },
  parameters: { storage: { type: 'quantity', default: '1Gi', maximum: '10Gi' } },
  generate: { admin: { password: {} } },
  resources: [
    // In the wrong order on purpose.
    {
      id: 'server',
      helm: {
        chart: 'charts/db',
        values: { secret: '${admin.name}', cpu: '${plan.cpu}', size: '${parameters.storage}' },
      },
    },
    { id: 'admin', secret: { username: 'chief', password: '${generated.admin.password}' } },
  ],
  outputs: { host: '${server.services.primary.host}', port: '${server.services.primary.port}' },
  bind: { engine: 'postgresql', admin: 'admin' },
  plans: [{ id: 'plan-1', name: 'small', description: 'Small' }],
};

export const shippedKinds: CatalogKinds = { engines: ['postgresql'], provisioners: [] };

/** Of the test runner; given, because this file is no test. */
interface Hooks {
  beforeEach(hook: () => Promise<void>): void;
  afterEach(hook: () => Promise<void>): void;
}

/** Makes the folder before each test and removes it after. */
export function useCatalogFolder(hooks: Hooks) {
  let root = '';
  hooks.beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'chandler-catalog-test-'));
    await mkdir(path.join(root, 'catalog'));
    await write('charts/db/Chart.yaml', 'apiVersion: v2\nname: db\nversion: 0.1.0\n');
    await write('charts/db/templates/all.yaml', 'apiVersion: v1\nkind: X\nmetadata: {name: a}\n');
  });
  hooks.afterEach(() => rm(root, { recursive: true, force: true }));

  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  };
  const load = (options: Partial<LoadCatalogOptions> = {}): Promise<Catalog> =>
    loadCatalog({ folder: path.join(root, 'catalog'), kinds: shippedKinds, ...options });
  /** Loads the good offering with a change laid over it; null removes. */
  const loadWith = async (
    change: JsonObject,
    options: Partial<LoadCatalogOptions> = {},
  ): Promise<Catalog> => {
    await write('catalog/database.yaml', stringify(mergeMaps(goodOffering, change)));
    return load(options);
  };
  return { path: (file: string) => path.join(root, file), write, load, loadWith };
}

/** The problems that a loading was refused with. */
export async function problemsOf(loading: Promise<unknown>): Promise<CatalogProblem[]> {
  const thrown = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof CatalogInvalid)) throw thrown ?? new Error('the catalog loaded');
  return thrown.problems;
}
