// biome-ignore-all lint/suspicious/noTemplateCurlyInString: text that must not be taken for a template
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChandlerError } from '../domain/errors.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';
import { parametersSchema, updateSchema } from './parameter-schema.ts';
import { validateParameters } from './validate-parameters.ts';

const provision = parametersSchema({
  storage: { type: 'quantity', minimum: '256Mi', maximum: '100Gi', required: false },
  name: { type: 'string', required: false },
  code: { type: 'string', pattern: '^[a-z]+$', maxLength: 4, required: false },
  color: { type: 'string', enum: ['red', 'blue'], required: false },
  count: { type: 'integer', minimum: 1, maximum: 9, required: false },
  ratio: { type: 'number', required: false },
  on: { type: 'boolean', required: false },
});
const update = updateSchema({
  storage: { type: 'quantity', minimum: '256Mi', maximum: '100Gi', required: false, update: 'grow-only' },
  count: { type: 'integer', default: 3, maximum: 9, required: false, update: 'allowed' },
  name: { type: 'string', required: true, update: 'immutable' },
});
const chart = {
  id: 'server',
  kind: 'helm',
  chartDigest: 'sha256:c',
  chartName: 'db',
  values: {},
  readyWhen: [],
} as const;
const revision = {
  digest: 'sha256:test',
  resources: [chart],
  schemas: { provision, update, bind: parametersSchema({}) },
} as unknown as PlanRevision;

function refusal(
  parameters: JsonObject,
  verb: 'provision' | 'update' | 'bind' = 'provision',
): string | undefined {
  try {
    validateParameters(revision, verb, parameters);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof ChandlerError)) throw thrown;
    expect(thrown.code).toBe('InvalidParameters');
    expect(thrown.status).toBe(400);
    return thrown.message;
  }
}

it('lets through what fits', () => {
  const fits: JsonObject[] = [
    {},
    { storage: '1Gi' },
    { storage: '256Mi', name: 'Ünïcode 😀, a.b=c {1,2} ${x} -f @/etc/passwd', code: 'abcd', color: 'red' },
    { count: 9, ratio: -0.5, on: false },
    { storage: '100Gi' },
    { storage: '1.5Gi' },
  ];
  for (const parameters of fits) expect(refusal(parameters), JSON.stringify(parameters)).toBeUndefined();
});

describe('refuses with a sentence that names parameter and rule', () => {
  it.each<[JsonObject, string]>([
    [{ storag: '1Gi' }, 'There is no parameter `storag`; did you mean `storage`?'],
    [{ image: 'evil' }, 'There is no parameter `image`; known: code, color, count, name, on, ratio, storage'],
    [{ storage: '101Gi' }, 'The parameter `storage` must be at most 100Gi.'],
    [{ storage: '255Mi' }, 'The parameter `storage` must be at least 256Mi.'],
    [{ storage: 5 }, 'The parameter `storage` must be of type string.'],
    [{ name: ['a'] }, 'The parameter `name` must be of type string.'],
    [{ name: { a: 'b' } }, 'The parameter `name` must be of type string.'],
    [{ name: null }, 'The parameter `name` must be of type string.'],
    [{ name: 'x'.repeat(257) }, 'The parameter `name` must not be longer than 256 characters.'],
    [{ code: 'abcde' }, 'The parameter `code` must not be longer than 4 characters.'],
    [{ code: 'A' }, 'The parameter `code` must match the pattern ^[a-z]+$.'],
    [{ color: 'green' }, 'The parameter `color` must be one of: red, blue.'],
    [{ count: 10 }, 'The parameter `count` must be at most 9.'],
    [{ count: 0 }, 'The parameter `count` must be at least 1.'],
    [{ count: 1.5 }, 'The parameter `count` must be of type integer.'],
    [{ on: 'true' }, 'The parameter `on` must be of type boolean.'],
  ])('%j', (parameters, sentence) => {
    expect(refusal(parameters)).toBe(sentence);
  });

  it('a required parameter that is absent', () => {
    const schema = parametersSchema({ size: { type: 'integer', required: true } });
    const other = { digest: 'sha256:required', schemas: { provision: schema, bind: schema } } as PlanRevision;
    expect(() => validateParameters(other, 'provision', {})).toThrow('The parameter `size` is required.');
  });

  it('a parameter that an update cannot change, other than one that does not exist', () => {
    expect(refusal({ name: 'x' }, 'update')).toBe(
      'The parameter `name` cannot be changed after the instance was made.',
    );
    expect(refusal({ nam: 'x' }, 'update')).toBe('There is no parameter `nam`; known: count, storage');
    expect(refusal({ coun: 1 }, 'update')).toBe('There is no parameter `coun`; did you mean `count`?');
    expect(refusal({ toString: 1 }, 'update')).toMatch(/^There is no parameter `toString`/);
  });

  it('a value that an update may change, but not to this', () => {
    expect(refusal({ count: 10 }, 'update')).toBe('The parameter `count` must be at most 9.');
    expect(refusal({ storage: '101Gi' }, 'update')).toBe('The parameter `storage` must be at most 100Gi.');
  });

  it('any parameter of a bind that takes none', () => {
    expect(refusal({}, 'bind')).toBeUndefined();
    expect(refusal({ storage: '1Gi' }, 'bind')).toBe('There is no parameter `storage`; none is defined');
  });
});

it('lets an update name any part of what it may change, required or not', () => {
  const fits: JsonObject[] = [{}, { count: 9 }, { storage: '2Gi' }, { storage: '2Gi', count: 1 }];
  for (const parameters of fits)
    expect(refusal(parameters, 'update'), JSON.stringify(parameters)).toBeUndefined();
});

describe('sizes', () => {
  it.each([
    '1e9Gi',
    '-1',
    '0',
    '0Gi',
    '9223372036854775808',
    '1Gi; rm',
    '1 Gi',
    '',
    'Gi',
    '1gi',
    '１Gi',
    '1Gi\n',
    '1.5.5Gi',
  ])('that are no positive quantity within limits are refused: %j', (storage) => {
    expect(refusal({ storage })).toMatch(/storage/);
  });
});

describe('texts that a chart could take for more than text are refused', () => {
  it.each<[string, string]>([
    ['a template', '{{ lookup "v1" "Secret" "kube-system" "" }}'],
    ['a part of a template', 'a{{'],
    ['a new document', 'a\n---\nkind: ClusterRoleBinding'],
    ['a line break', 'a\nb'],
    ['a carriage return', 'a\rb'],
    ['a tab', 'a\tb'],
    ['a zero byte', 'a\u0000b'],
    ['an escape', '\u001b[31m'],
    ['a delete', 'a\u007fb'],
    ['a C1 control', 'a\u0085b'],
    ['a line separator', 'a\u2028b'],
    ['half a character', 'a\ud800b'],
  ])('%s', (_, name) => {
    expect(refusal({ name })).toMatch(/^The parameter `name` must not contain/);
  });

  it('wherever they stand, even where a schema of another origin would allow them, at any depth', () => {
    const schemas = { provision: {}, bind: {} };
    const open = { digest: 'sha256:open', schemas, resources: [chart] } as unknown as PlanRevision;
    expect(() => validateParameters(open, 'provision', { a: [{ b: ['{{ x }}'] }] })).toThrow(/`a.b`/);
    let deep: JsonValue = '{{';
    for (let i = 0; i < 20_000; i++) deep = [deep];
    expect(() => validateParameters(open, 'provision', { deep })).toThrow(/`deep` must not contain/);
  });
});

describe('template text', () => {
  const withResources = (...resources: object[]) =>
    ({ ...revision, digest: `sha256:${resources.length}`, resources }) as unknown as PlanRevision;
  const secret = { id: 'admin', kind: 'secret', data: {}, readyWhen: [] };
  const free = { ...chart, freeOfTpl: true };

  it('is allowed where no chart of the plan runs any, and what else is refused is refused there too', () => {
    for (const open of [withResources(), withResources(secret), withResources(secret, free, free)]) {
      expect(() => validateParameters(open, 'provision', { name: '{{ .Values.x }}' })).not.toThrow();
      expect(() => validateParameters(open, 'provision', { name: '{{\n}}' })).toThrow('control characters');
      expect(() => validateParameters(open, 'provision', { code: '{{' })).toThrow('pattern');
    }
  });

  it('is refused where a single chart may run it', () => {
    const mixed = withResources(secret, free, chart, free);
    expect(() => validateParameters(mixed, 'provision', { name: '{{ .Values.x }}' })).toThrow(
      'must not contain {{',
    );
  });
});

it('refuses prototype keys and leaves Object.prototype alone', () => {
  const evil = JSON.parse('{"__proto__": {"admin": true}}') as JsonObject;
  expect(refusal(evil)).toMatch(/no parameter `__proto__`/);
  expect(refusal({ constructor: { prototype: {} } })).toMatch(/no parameter `constructor`/);
  expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
});

it('never quotes a value, and a name only in a printable form', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('name', 'storage', 'code', 'color'),
      fc.string({ minLength: 8 }),
      (name, value) => {
        const sentence = refusal({ [name]: `canary${value}canary` }) ?? '';
        expect(sentence).not.toContain('canary');
      },
    ),
  );
  expect(refusal({ 'a\n\u001b[31m': 1 })).toMatch(/^There is no parameter `a\?\?\[31m`/);
  expect(refusal({ ['x'.repeat(5000)]: 1 })?.length).toBeLessThan(300);
});
