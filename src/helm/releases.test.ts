import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import type { JsonObject } from '../lib/json.ts';
import { createHelm } from './create-helm.ts';
import { literalTemplate } from './releases.ts';
import { testHelmPath } from './test-helm.ts';

const noise = fc.string({
  unit: fc.constantFrom('{', '}', '{{', '}}', '"', '\\', '\n', 'a', '-', '.Values', '\u2028'),
});

it('a chart of literal objects has no template action in it and says what the objects say, whatever they hold', () => {
  const objects = fc.dictionary(noise, fc.oneof(noise, fc.array(noise), fc.dictionary(noise, noise)));
  fc.assert(
    fc.property(objects, (object) => {
      const template = literalTemplate(object as JsonObject);
      expect(template).not.toContain('{{');
      expect(JSON.parse(template)).toEqual(JSON.parse(JSON.stringify(object)));
    }),
  );
  expect(parse(literalTemplate({ text: '{{ .Values.password }}' }))).toEqual({
    text: '{{ .Values.password }}',
  });
});

it('is read by helm, which takes JSON for YAML, as it was written', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'chandler-helm-test-'));
  try {
    await mkdir(path.join(folder, 'templates'));
    const data = Object.fromEntries(
      [
        '\u0000',
        '\u007f',
        '\u0085',
        '\u0090',
        '\u2028',
        '\ufeff',
        '\ufffe',
        '\ud83d\ude00',
        '{{',
        '\n---\n',
      ].map((each, index) => [`k${index}`, `a ${each} b`]),
    );
    await writeFile(
      path.join(folder, 'Chart.yaml'),
      JSON.stringify({ apiVersion: 'v2', name: 'x', version: '1.0.0' }),
    );
    await writeFile(path.join(folder, 'object.txt'), literalTemplate({ data }));
    const reads = '{{ $read := .Files.Get "object.txt" | fromYaml }}';
    const template = `${reads}{ apiVersion: v1, kind: X, metadata: { name: x }, data: {{ $read.data | toRawJson | b64enc | quote }} }`;
    await writeFile(path.join(folder, 'templates', 'object.yaml'), template);
    const helm = createHelm({ helmPath: await testHelmPath() });
    const [object] = await helm.render({
      ...{ chartPath: folder, releaseName: 'i-abc', namespace: 'space', values: {} },
      ...{ kubeVersion: 'v1.34.4', apiVersions: [] },
    });
    expect(JSON.parse(Buffer.from(object?.data as string, 'base64').toString())).toEqual(data);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
