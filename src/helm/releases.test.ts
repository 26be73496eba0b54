import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import type { JsonObject } from '../lib/json.ts';
import { literalTemplate } from './releases.ts';

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
