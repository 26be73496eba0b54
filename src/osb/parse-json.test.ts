import { describe, expect, it } from 'vitest';
import { assertStorable, parseJson } from './parse-json.ts';

const parse = (text: string) => parseJson(Buffer.from(text));
const store = (text: string) => assertStorable(parse(text));
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('parseJson', () => {
  it('bears 64 levels and not one more', () => {
    expect(() => parse(nested(64))).not.toThrow();
    expect(() => parse(nested(65))).toThrow(/nested deeper than 64 levels/);
    expect(() => parse('{"a":'.repeat(65))).toThrow(/nested deeper/);
  });

  it('counts levels, not brackets: neither in a row nor within strings, escaped quotes included', () => {
    expect(() => parse(`[${'[],{},'.repeat(200)}1]`)).not.toThrow();
    const brackets = '['.repeat(100);
    expect(parse(JSON.stringify({ a: `"${brackets}`, b: `\\"${brackets}\\` }))).toEqual({
      a: `"${brackets}`,
      b: `\\"${brackets}\\`,
    });
  });

  it('refuses a megabyte of brackets at once, without a stack overflow', () => {
    const began = performance.now();
    expect(() => parse('['.repeat(1024 * 1024))).toThrow(/nested deeper/);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe('assertStorable', () => {
  it('takes the largest exact integers and fractions of any size', () => {
    expect(() =>
      store(`[${Number.MAX_SAFE_INTEGER},-${Number.MAX_SAFE_INTEGER},0.1,1e-300,-0]`),
    ).not.toThrow();
    expect(() => store(String(Number.MAX_SAFE_INTEGER + 1))).toThrow(/^The body is a number too large/);
  });

  it('takes a byte order mark, emoji and every character but NUL', () => {
    const text = '\ufeff{"🐘":"\\ud83d\\udc18\\u0001"}';
    expect(parse(text)).toEqual({ '🐘': '🐘\u0001' });
    expect(() => store(text)).not.toThrow();
  });

  it('says where something is wrong, in characters that are safe to print', () => {
    expect(() => store('{"a":[{"\\u001b[31m":"\\u0000"}]}')).toThrow(/^The field a\.0\.\?\[31m holds a NUL/);
    expect(() => store(`{"${'x'.repeat(5000)}":"\\u0000"}`)).toThrow(/^The field x{100}\.\.\. holds/);
  });
});
