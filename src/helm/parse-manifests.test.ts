import { describe, expect, it } from 'vitest';
import { parseManifests } from './parse-manifests.ts';
import { HelmError } from './types.ts';

function dataOf(yaml: string) {
  const [object] = parseManifests(`apiVersion: v1\nkind: X\nmetadata: {name: a}\ndata:\n${yaml}`);
  return object?.data;
}

describe('scalars mean what Kubernetes takes them for', () => {
  it.each([
    ['  mode: 0644', { mode: 420 }],
    ['  mode: 0x1F', { mode: 31 }],
    ['  on: yes', { true: true }],
    ['  a: no\n  b: Off\n  c: "no"', { a: false, b: false, c: 'no' }],
    ['  y: n', { y: 'n' }],
    ['  day: 2026-01-02', { day: '2026-01-02' }],
    ['  ports: 10:20:30', { ports: '10:20:30' }],
    ['  none: ~\n  empty:', { none: null, empty: null }],
    ['  text: 1Gi', { text: '1Gi' }],
    ['  a: &x {b: 1}\n  c: {<<: *x, d: 2}', { a: { b: 1 }, c: { b: 1, d: 2 } }],
  ])('%s', (yaml, expected) => {
    expect(dataOf(yaml)).toEqual(expected);
  });
});

describe('what is refused', () => {
  it('are aliases that multiply', () => {
    const lines = ['  a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++) {
      lines.push(`  a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')}]`);
    }
    expect(() => dataOf(lines.join('\n'))).toThrow(/multiplies/);
  });

  it('are an unknown alias, a repeated key and what is not YAML', () => {
    expect(() => dataOf('  a: *nobody')).toThrow(HelmError);
    expect(() => dataOf('  a: 1\n  a: 2')).toThrow(/DUPLICATE_KEY/);
    expect(() => dataOf('  a: "')).toThrow(HelmError);
  });

  it('are documents that are no Kubernetes objects', () => {
    expect(() => parseManifests('just text')).toThrow(/no object/);
    expect(() => parseManifests('[1]')).toThrow(/no object/);
    expect(() => parseManifests('kind: X\nmetadata: {name: a}')).toThrow(/apiVersion/);
  });
});

it('drops empty documents and takes Lists apart', () => {
  expect(parseManifests('')).toEqual([]);
  expect(parseManifests('---\n# only a comment\n---\n')).toEqual([]);
  const item = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } };
  const list = { apiVersion: 'v1', kind: 'SecretList', items: [item, item] };
  expect(parseManifests(JSON.stringify(list))).toEqual([item, item]);
});
