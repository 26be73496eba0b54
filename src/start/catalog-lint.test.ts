// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** `chandler catalog lint` as an admin runs it. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testHelmPath } from '../helm/test-helm.ts';
import { json, startScriptedApiServer } from '../kube/scripted-api-server.ts';

const main = new URL('main.ts', import.meta.url).pathname;
const shipped = new URL('../../', import.meta.url).pathname;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chandler-lint-'));
  await cp(join(shipped, 'catalog'), join(folder, 'catalog'), { recursive: true });
  await cp(join(shipped, 'charts/postgresql'), join(folder, 'charts/postgresql'), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs `chandler catalog lint` in a folder that holds catalog/ and charts/. */
function lint(
  words: string[],
  environment: Record<string, string>,
): Promise<{ exitCode: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: environment, timeout: 25_000 };
    execFile(process.execPath, [main, 'catalog', 'lint', ...words], options, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

async function edit(file: string, change: (text: string) => string): Promise<void> {
  const path = join(folder, file);
  const text = await readFile(path, 'utf8');
  expect(change(text)).not.toBe(text);
  await writeFile(path, change(text));
}

describe('chandler catalog lint', () => {
  const plans =
    'postgresql: small, standard (bind, unbind sync; provision, update, deprovision async; plan updateable)\n';

  it('names the plans of each offering and how their verbs finish', async () => {
    const environment = { CHANDLER_HELM: await testHelmPath() };
    expect(await lint([], environment)).toEqual({ exitCode: 0, stdout: plans, stderr: '' });
  });

  it('tells plans apart that differ', async () => {
    await edit('catalog/postgresql.yaml', (text) =>
      text.replace('    bind: { connectionLimit: 50 }\n', '    updates: { plan: false }\n    bind: null\n'),
    );
    const { exitCode, stdout } = await lint(['catalog'], { CHANDLER_HELM: await testHelmPath() });
    expect(stdout).toBe(
      'postgresql: small (bind, unbind sync; provision, update, deprovision async; plan updateable); standard (provision, update, deprovision async; not bindable)\n',
    );
    expect(exitCode).toBe(0);
  });

  it('checks the rest without a helm, and says so', async () => {
    const { exitCode, stdout } = await lint([], { PATH: folder });
    expect(stdout).toBe(
      `charts were not rendered: there is no helm in ${folder}; install helm 4.1.4 or later, or name one by CHANDLER_HELM\n${plans}`,
    );
    expect(exitCode).toBe(0);
  });

  it('prints every problem where it stands, then how many, and exits with 1', async () => {
    await edit('catalog/postgresql.yaml', (text) =>
      text
        .replace('tags: [', 'requires: [logs]\ntags: [')
        .replace('bind: true, unbind: true', 'bnd: true')
        .replace('storage: { default: 10Gi', 'storage: { defualt: 10Gi'),
    );
    const { exitCode, stdout, stderr } = await lint(['catalog'], { PATH: folder });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 3)).toEqual([
      expect.stringMatching(/^catalog\/postgresql\.yaml:6:12: .*"syslog_drain" or "route_forwarding" or/),
      expect.stringMatching(/^catalog\/postgresql\.yaml:\d+:9: unknown key `bnd`; did you mean `bind`\?$/),
      expect.stringMatching(
        /^catalog\/postgresql\.yaml:\d+:18: unknown key `defualt`; did you mean `default`\?$/,
      ),
    ]);
    expect(lines.at(-1)).toBe('3 problems in 1 file');
    expect([exitCode, stderr]).toEqual([1, '']);
  });

  it('renders charts: what the chart would refuse is a problem of the offering', async () => {
    await edit('catalog/postgresql.yaml', (text) =>
      text.replace('maxConnections: ${parameters.maxConnections}', 'maxConnections: many'),
    );
    const { exitCode, stdout } = await lint([], { CHANDLER_HELM: await testHelmPath() });
    expect(stdout).toMatch(/^catalog\/postgresql\.yaml:\d+:\d+: .*maxConnections/);
    expect(stdout).toMatch(/^2 problems in 1 file$/m);
    expect(exitCode).toBe(1);
  });

  it('says when there is no folder', async () => {
    const { exitCode, stdout } = await lint(['nowhere'], { PATH: folder });
    expect(stdout).toMatch(/nowhere:1:1: there is no readable folder here\n/);
    expect(exitCode).toBe(1);
  });

  it('asks a cluster that is named, never another, and exits with 1 when that lacks a kind', async () => {
    await writeFile(
      join(folder, 'catalog/postgresql.yaml'),
      `apiVersion: chandler.dev/v1
kind: ServiceOffering
id: one
name: operated
description: By an operator
resources:
  - id: db
    manifest: { apiVersion: db.example.com/v1, kind: Database }
    readyWhen: ["\${db.status.ready}"]
plans: [{ id: two, name: small, description: Small }]
`,
    );
    const server = await startScriptedApiServer();
    server.script = ({ path }, response) =>
      path === '/api/v1/namespaces/default' &&
      json(response, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    const environment = { CHANDLER_HELM: await testHelmPath(), KUBECONFIG: server.kubeconfigPath };
    try {
      const answers = [
        await lint(['--kubeconfig', server.kubeconfigPath], environment),
        await lint(['--cluster'], { ...environment, CHANDLER_KUBECONFIG: server.kubeconfigPath }),
      ];
      for (const { exitCode, stdout, stderr } of answers) {
        expect([exitCode, stderr]).toEqual([1, '']);
        expect(stdout).toBe(
          `operated: small (provision, update, deprovision async; not bindable)
catalog/postgresql.yaml:8:48: the cluster has no kind Database in db.example.com/v1: install the operator that brings it
the cluster accepts 0 objects, tried in namespace default; nothing was made
1 problem in 1 file
`,
        );
      }
      expect(await lint(['--cluster'], environment)).toEqual({
        exitCode: 1,
        stdout: '',
        stderr:
          'No cluster is named: give --kubeconfig FILE, or set CHANDLER_KUBECONFIG to a kubeconfig file.\n',
      });
    } finally {
      await server.close();
    }
  });

  it('explains itself', async () => {
    const { exitCode, stdout } = await lint(['--help'], {});
    expect(stdout).toMatch(/CHANDLER_HELM/);
    expect(exitCode).toBe(0);
  });
});
