// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what a hostile client may send
/** Texts, JSON values, ids and bodies that no well-behaved platform sends. */
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../src/lib/json.ts';

/** How an id looks in a path: mostly one of few, else anything that a request line can carry. */
export const pathId = (pool: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 24, arbitrary: fc.constantFrom(...pool) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '',
        '%2F',
        '%2e%2e',
        '..',
        '%00',
        'nul%00',
        '%ff',
        '%C3%28',
        '%',
        '%zz',
        'a%20b',
        '%F0%9F%98%80',
        '%ED%A0%80',
        "';drop%20table%20operations;--",
        '%24%7Binstance.name%7D',
        'caf\u00e9',
        '%20',
        '%c0%af',
        'x'.repeat(1001),
        'y'.repeat(9000),
        '%7B%7B.Values%7D%7D',
        '__proto__',
        'constructor',
        'last_operation',
      ),
    },
    {
      weight: 1,
      arbitrary: fc
        .string({ unit: 'binary', maxLength: 40 })
        .map((text) => encodeURIComponent(text.toWellFormed())),
    },
  );

export const hostileText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('nul\u0000', 'half\ud800') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '{{ .Values }}',
      '${instance.name}',
      '../..',
      'null',
      'true',
      '-1',
      '\r\nX: y',
      'z'.repeat(1001),
      'z'.repeat(100_000),
    ),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
);

/** A JSON value of any shape, deep and with awkward keys. */
export const anyJson: fc.Arbitrary<JsonValue> = fc
  .oneof(
    { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
    { weight: 3, arbitrary: hostileText },
    {
      weight: 2,
      arbitrary: fc.constantFrom<unknown>(
        [],
        {},
        null,
        0,
        -1,
        1e308,
        2 ** 60,
        { version: 1 },
        { version: '1.4.0' },
        { platform: 3 },
        { platform: 'kubernetes', namespace: 'kube-system' },
        { platform: 'kubernetes', namespace: '../x' },
        { platform: 'kubernetes', namespace: 'team-b' },
        { platform: 'martian', namespace: ['x'] },
      ),
    },
  )
  .map((value) => value as JsonValue);

export const deep = (levels: number) => `${'{"parameters":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** Bodies that are no JSON object, or one that no client should send. */
export const brokenJson = fc.constantFrom(
  '',
  '{',
  '[]',
  'null',
  '"text"',
  '\ufeff{}',
  '{"service_id":"a","service_id":"b"}',
  '{"__proto__":{"service_id":"fake-service"}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"service_id":"\\u0000"}',
  '{"service_id":"\\ud800"}',
  '{"parameters":{"note":1e999}}',
  deep(60),
  deep(5000),
  `{"parameters":{"note":"${'n'.repeat(1_100_000)}"}}`,
);

/** A body whose service id ends in bytes that are seldom UTF-8. */
export function notUtf8([value, bytes]: [JsonObject, Uint8Array]): Buffer {
  const [before = '', after = ''] = JSON.stringify({ ...value, service_id: 'fake|' }).split('fake|');
  return Buffer.concat([Buffer.from(`${before}fake`), bytes, Buffer.from(after)]);
}

/** Header values that Node sends: Latin-1 without control characters. */
export const headerText = fc
  .string({
    unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
    maxLength: 60,
  })
  .map((text) => text.replaceAll('\u007f', ''));
