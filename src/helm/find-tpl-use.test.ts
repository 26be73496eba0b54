import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { findTplUse, usesTpl } from './find-tpl-use.ts';
import { packChart } from './pack-chart.ts';

describe('a template', () => {
  test.each([
    ['{{ tpl .Values.x . }}'],
    ['{{- tpl .Values.x . -}}'],
    ['{{tpl .Values.x .}}'],
    ['{{ .Values.x | tpl }}'],
    ['{{ (tpl .Values.x $) | quote }}'],
    ['{{ if true }}a{{ end }}{{ "}}" | tpl }}'],
    ['{{ `a\n}}` }}{{ tpl "x" . }}'],
    ['{{/* a comment */}}{{ tpl "x" . }}'],
    ['{{ "{{" }}{{ tpl "x" . }}'],
    [`{{ '}' }}{{ $x := tpl "x" . }}`],
    ['{{ include "x" (dict "value" (tpl .Values.x .)) }}'],
    ['{{ range $k, $v := .Values.m }}\n  {{ $k }}: {{\n tpl $v $ }}{{ end }}'],
  ])('%j uses tpl', (template) => {
    expect(usesTpl(template)).toBe(true);
  });

  test.each([
    ['{{ .Values.x }}'],
    ['tpl'],
    ['{{ .Values.tpl }}'],
    ['{{ $tpl }}'],
    ['{{ include (print $.Template.BasePath "/_helpers.tpl") . }}'],
    ['{{ "tpl" }} tpl {{ `tpl` }}'],
    ['{{/* tpl }} */}}'],
    ['{{- /* tpl */ -}}'],
    ['{{ tplData }}'],
    ['{{ toYaml .Values.x | nindent 2 }}'],
    ['{{'],
  ])('%j does not', (template) => {
    expect(usesTpl(template)).toBe(false);
  });
});

describe('a packed chart', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'chandler-test-tpl-'));
  });
  afterAll(() => rm(root, { recursive: true }));

  async function chart(name: string, files: Record<string, string | Buffer>): Promise<Buffer> {
    const folder = path.join(root, name);
    for (const [file, content] of Object.entries({
      'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`,
      ...files,
    })) {
      await mkdir(path.join(folder, path.dirname(file)), { recursive: true });
      await writeFile(path.join(folder, file), content);
    }
    return (await packChart(folder)).archive;
  }
  const using = '{{ tpl .Values.x . }}';

  it('is free of it when only what is no template names it', async () => {
    const archive = await chart('free', {
      'README.md': using,
      'values.yaml': `x: "${using}"`,
      'templates/a.yaml': 'a',
    });
    expect(await findTplUse(archive)).toBeUndefined();
  });

  it('is not when a template, a helper or the notes use it', async () => {
    for (const file of [
      'templates/a.yaml',
      'templates/_helpers.tpl',
      'templates/NOTES.txt',
      'templates/deep/er/a.yaml',
    ]) {
      const name = `c${file.length}`;
      expect(await findTplUse(await chart(name, { [file]: using }))).toBe(`${name}/${file}`);
    }
  });

  it('is not when a subchart does, unpacked or packed', async () => {
    const inner = await chart('inner', { 'templates/a.yaml': using });
    expect(await findTplUse(await chart('outer', { 'charts/inner/templates/a.yaml': using }))).toBe(
      'outer/charts/inner/templates/a.yaml',
    );
    expect(await findTplUse(await chart('packed', { 'charts/inner-0.1.0.tgz': inner }))).toBe(
      'packed/charts/inner-0.1.0.tgz: inner/templates/a.yaml',
    );
  });

  it('is refused when a subchart is no archive', async () => {
    await expect(findTplUse(await chart('odd', { 'charts/a.tgz': 'no archive' }))).rejects.toThrow(
      'no archive',
    );
  });
});
