import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { createHelm } from './create-helm.ts';
import { testHelmPath } from './test-helm.ts';
import { HelmError, type RenderRequest } from './types.ts';

let folder: string;
let helmPath: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chandler-helm-test-'));
  helmPath = await testHelmPath();
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function chart(name: string, files: Record<string, string>): Promise<string> {
  const root = path.join(folder, name);
  await mkdir(path.join(root, 'templates'), { recursive: true });
  await writeFile(path.join(root, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`);
  for (const [file, text] of Object.entries(files)) await writeFile(path.join(root, file), text);
  return root;
}

async function fakeHelm(name: string, script: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

function request(chartPath: string, values: JsonObject = {}): RenderRequest {
  return {
    chartPath,
    releaseName: 'i-abc',
    namespace: 'space',
    values,
    kubeVersion: 'v1.34.4',
    apiVersions: ['networking.k8s.io/v1', 'v1', 'apps/v1/Deployment'],
  };
}

const rendered = (chartPath: string, values?: JsonObject) =>
  createHelm({ helmPath }).render(request(chartPath, values));

describe('rendering', () => {
  it('gives the documents of a chart, told about release, namespace and cluster', async () => {
    const told = await chart('told', {
      'templates/all.yaml': `
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
data:
  version: {{ .Capabilities.KubeVersion.Version | quote }}
  policy: {{ .Capabilities.APIVersions.Has "networking.k8s.io/v1" | quote }}
  deployment: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
  other: {{ .Capabilities.APIVersions.Has "example.com/v1" | quote }}
---
# nothing
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: a}}
  - {apiVersion: v1, kind: Secret, metadata: {name: b}}
`,
    });
    expect(await rendered(told)).toEqual([
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'i-abc', namespace: 'space' },
        data: { version: 'v1.34.4', policy: 'true', deployment: 'true', other: 'false' },
      },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'b' } },
    ]);
  });

  it.each([
    'a,label=INJECTED',
    '{1,2}',
    'null',
    '@/etc/passwd',
    'file:///etc/passwd',
    '-f',
    'a: b\n---\nkind: X',
    '"',
    '😀',
  ])('takes the value %j literally', async (text) => {
    const echo = await chart('echo', {
      'templates/all.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {text: {{ .Values.text | quote }}, label: {{ .Values.label | quote }}}',
    });
    const [object] = await rendered(echo, { text, label: 'mine' });
    expect(object?.data).toEqual({ text, label: 'mine' });
  });

  it('shows a chart no other tenant’s Secrets, no environment and no files of this machine', async () => {
    const spy = await chart('spy', {
      'templates/all.yaml': `
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  secret: {{ tpl .Values.text . | quote }}
  files: {{ .Files.Get "../../../../etc/passwd" | quote }}
`,
    });
    const [object] = await rendered(spy, { text: '{{ lookup "v1" "Secret" "kube-system" "" }}' });
    expect(object?.data).toEqual({ secret: 'map[]', files: '' });
    const environment = await fakeHelm(
      'environment',
      'echo "apiVersion: v1\nkind: E\nmetadata: {name: a}\ndata:"; env | sed "s/\\([^=]*\\)=.*/  \\1: x/"',
    );
    const [names] = await createHelm({ helmPath: environment }).render(request(spy));
    expect(Object.keys(names?.data as JsonObject).sort()).toEqual(
      [
        'HELM_CACHE_HOME',
        'HELM_CONFIG_HOME',
        'HELM_DATA_HOME',
        'HELM_PLUGINS',
        'HOME',
        'KUBECONFIG',
        'PATH',
        'PWD',
      ].sort(),
    );
  });

  it('gives nothing secret to the command line', async () => {
    const spy = await fakeHelm('arguments.sh', `tr "\\0" "\\n" < /proc/$$/cmdline >&2; exit 1`);
    const failure = createHelm({ helmPath: spy }).render(request('/chart', { password: 'canary-password' }));
    await expect(failure).rejects.toThrow(/template|sh/);
    await expect(failure).rejects.not.toThrow(/canary/);
  });

  it.each<[string, Partial<RenderRequest>]>([
    ['a release that looks like a flag', { releaseName: '--post-renderer=x' }],
    ['a namespace that is no label', { namespace: '../kube-system' }],
    ['a Kubernetes version with a flag', { kubeVersion: '1.34 --x' }],
    ['an API version with a flag', { apiVersions: ['v1', '--x'] }],
  ])('refuses %s', async (_, part) => {
    const helm = createHelm({ helmPath: '/bin/true' });
    await expect(helm.render({ ...request('/chart'), ...part })).rejects.toThrow(HelmError);
  });
});

describe('a failure', () => {
  it('says what is wrong with the chart', async () => {
    const broken = await chart('broken', {
      'templates/all.yaml': 'a: {{ required "name the size" .Values.size }}',
    });
    await expect(rendered(broken)).rejects.toThrow(/name the size/);
    await expect(rendered(path.join(folder, 'absent'))).rejects.toThrow(HelmError);
  });

  it('says which rule of values.schema.json was broken, without the value', async () => {
    const strict = await chart('strict', {
      'values.schema.json': JSON.stringify({ properties: { size: { type: 'string', pattern: '^[0-9]+$' } } }),
      'templates/all.yaml': '',
    });
    const failure = rendered(strict, { size: 'hunter2-secret' });
    await expect(failure).rejects.toThrow(/size/);
    await expect(failure).rejects.not.toThrow(/hunter2/);
  });

  it.each([
    ['is no object', 'just text', /YAML parse error/],
    ['has no kind', 'apiVersion: v1\nmetadata: {name: a}', /no kind/],
    ['has no name', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}', /no metadata.name/],
  ])('is reported for a document that %s', async (name, text, message) => {
    const odd = await chart(name.replaceAll(' ', '-'), { 'templates/all.yaml': text });
    await expect(rendered(odd)).rejects.toThrow(message);
  });
});

describe('limits', () => {
  it('stop a helm that takes too long', async () => {
    const slow = await fakeHelm('slow', 'exec sleep 60');
    const helm = createHelm({ helmPath: slow, timeoutMs: 200 });
    await expect(helm.render(request('/chart'))).rejects.toThrow(/longer than 0.2 s/);
  });

  it('stop a helm that writes too much', async () => {
    const loud = await fakeHelm('loud', 'exec yes');
    const helm = createHelm({ helmPath: loud, maxOutputBytes: 100_000 });
    await expect(helm.render(request('/chart'))).rejects.toThrow(/more output/);
  });

  it('stop a chart that eats memory, and leave room for others', async () => {
    const hungry = await chart('hungry', {
      'templates/all.yaml': 'a: {{ range until (int .Values.count) }}x{{ end }}',
    });
    const fed = await chart('fed', {
      'templates/all.yaml':
        'apiVersion: v1\nkind: X\nmetadata: {name: {{ range until (int .Values.count) }}x{{ end }}}',
    });
    await expect(rendered(hungry, { count: 100_000_000 })).rejects.toThrow(/out of memory|cannot allocate/);
    await expect(rendered(fed, { count: 1000 })).resolves.toHaveLength(1);
  }, 30_000);

  it('let no more helms run at once than there are cores', async () => {
    const counting = await fakeHelm('counting', 'sleep 0.2');
    const started = Date.now();
    const helm = createHelm({ helmPath: counting });
    const rounds = 3;
    await Promise.all(
      Array.from({ length: rounds * availableParallelism() }, () => helm.render(request('/chart'))),
    );
    expect(Date.now() - started).toBeGreaterThanOrEqual(rounds * 200);
  });
});

it('kills helm when the process that started it is killed', async () => {
  const slow = await fakeHelm('orphan', 'exec sleep 60');
  const parentScript = `
    import { createHelm } from ${JSON.stringify(new URL('./create-helm.ts', import.meta.url).href)};
    await createHelm({ helmPath: ${JSON.stringify(slow)} }).render(${JSON.stringify(request('/chart'))});
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', parentScript], {
    stdio: 'ignore',
  });
  const exited = once(parent, 'exit');
  const child = await eventually(async () => (await childrenOf(parent.pid as number))[0]);
  await eventually(async () => ((await commandOf(child))?.includes('sleep') === true ? true : undefined));
  parent.kill('SIGKILL');
  await exited;
  await eventually(async () => ((await commandOf(child)) === undefined ? true : undefined));
}, 20_000);

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

/** The command line of a living process. */
async function commandOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? undefined : text.replaceAll('\0', ' ');
}

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await sleep(20);
  }
}
