// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../lib/json.ts';
import { isCelIdentifier } from './cel-expression.ts';
import { compileTemplate, evaluateCondition } from './compile-template.ts';
import { MissingValue, TemplateError } from './types.ts';

const known = new Set(['plan', 'parameters', 'admin', 'server']);
const scope = {
  plan: { cpu: '250m', replicas: 3, ratio: 0.5, on: true, list: [1, 2, 3], none: null },
  parameters: { storage: '1Gi' },
  admin: { name: 'i-abc-admin' },
};
const compile = (value: JsonValue) => compileTemplate(value, { known });
const render = (value: JsonValue) => compile(value).render(scope);

describe('a leaf', () => {
  it.each<[string, JsonValue]>([
    ['${plan.replicas}', 3],
    ['${plan.replicas + 1}', 4],
    ['${plan.ratio}', 0.5],
    ['${plan.on}', true],
    ['${plan.none}', null],
    ['${plan.list}', [1, 2, 3]],
    ['${plan.list.map(n, n * 2)}', [2, 4, 6]],
    ['${plan}', scope.plan],
  ])('that is one expression keeps its type: %s', (leaf, result) => {
    expect(render(leaf)).toEqual(result);
  });

  it.each([
    ['x${plan.replicas}', 'x3'],
    ['${plan.replicas}${plan.on}', '3true'],
    ['${admin.name}.${parameters.storage}', 'i-abc-admin.1Gi'],
    [' ${plan.replicas}', ' 3'],
    ['', ''],
    ['$', '$'],
    ['$plan {x}', '$plan {x}'],
  ])('that is anything else becomes a string: %s', (leaf, result) => {
    expect(render(leaf)).toBe(result);
  });

  it.each([
    ['$${plan.cpu}', '${plan.cpu}'],
    ['a $${ b', 'a ${ b'],
    ['$$${plan.cpu}', '$${plan.cpu}'],
    ['${"$"}${plan.cpu}', '$250m'],
  ])('may hold a literal dollar and brace: %s', (leaf, result) => {
    expect(render(leaf)).toBe(result);
  });

  it.each<[string, JsonValue]>([
    ['${"}"}', '}'],
    ["${'}'}", '}'],
    ['${"\\"}"}', '"}'],
    ['${"""a}"b"""}', 'a}"b'],
    ['${{"a": {"b": plan.replicas}}}', { a: { b: 3 } }],
    ['${{"a": "}"}.a}!', '}!'],
    ['${plan.cpu // }\n}', '250m'],
    ['${"${plan.cpu}"}', '${plan.cpu}'],
  ])('is not closed by a brace inside its expression: %s', (leaf, result) => {
    expect(render(leaf)).toEqual(result);
  });
});

describe('compiling refuses', () => {
  it.each([
    ['an unknown name', '${cluster.name}', /Unknown variable: cluster/],
    ['a name that only looks known', '${plans.cpu}', /Unknown variable: plans/],
    ['what is not CEL', '${plan.}', /IDENTIFIER/],
    ['an empty expression', 'a ${} b', /EOF/],
    ['an expression without an end', 'a ${plan.cpu', /no closing }/],
    ['types that cannot meet', '${1 + "a"}', /no such overload/],
  ])('%s, and says where', (_, leaf, message) => {
    const value = { values: { list: ['fine', leaf] } };
    expect(() => compileTemplate(value, { known, path: ['resources', 1] })).toThrow(
      expect.objectContaining({
        name: 'TemplateError',
        message: expect.stringMatching(message) as string,
        path: ['resources', 1, 'values', 'list', 1],
      }),
    );
  });
});

describe('references', () => {
  it('are listed from every leaf, without the variables of macros', () => {
    const template = compile({
      a: '${plan.list.map(parameters, parameters + 1)}',
      b: ['x${server.services["primary"].host}', '${cel.bind(admin, 1, admin + 1)}'],
    });
    expect([...template.references].sort()).toEqual(['plan', 'server']);
  });

  it('tell which key is read, and whether the expression asked for it before', () => {
    const { reads } = compile({ a: '${has(plan.x) ? plan.x : ""}', b: '${plan["y"]}', c: '${plan.x}' });
    expect(reads).toEqual([
      { name: 'plan', key: 'x', guarded: true, path: ['a'] },
      { name: 'plan', key: 'x', guarded: true, path: ['a'] },
      { name: 'plan', key: 'y', guarded: false, path: ['b'] },
      { name: 'plan', key: 'x', guarded: false, path: ['c'] },
    ]);
  });
});

describe('rendering', () => {
  it.each([
    '${server.services.primary.host}',
    '${plan.missing}',
    '${plan.cpu.missing}',
    '${plan.list[7]}',
    'a-${plan.none.x}',
  ])('throws MissingValue while a key is not there: %s', (leaf) => {
    expect(() => render(leaf)).toThrow(MissingValue);
  });

  it.each([
    ['a list within a text', 'x${plan.list}', /a list or a map within a text/],
    ['null within a text', 'x${plan.none}', /null within a text/],
    ['a timestamp', '${timestamp("2024-01-01T00:00:00Z")}', /not JSON/],
    ['an integer that JSON readers would bend', '${9007199254740993}', /2\^53/],
    ['a division by zero', '${1 / (plan.replicas - 3)}', /division by zero/],
  ])('throws TemplateError for %s', (_, leaf, message) => {
    expect(() => render(leaf)).toThrow(TemplateError);
    expect(() => render(leaf)).toThrow(message);
  });

  it.each(['${duration(parameters.text)}', '${"a".matches(parameters.text)}', '${int(parameters.text)}'])(
    'never quotes a value in an error: %s',
    (leaf) => {
      const text = '[hunter2';
      const failure = (): unknown => compile(leaf).render({ parameters: { text } });
      expect(failure).toThrow(TemplateError);
      expect(failure).not.toThrow(/hunter2/);
    },
  );

  it('gives every JSON value of the scope as it is, whatever it holds', () => {
    const template = compile({ whole: '${parameters}', text: 'a${parameters.text}b' });
    fc.assert(
      fc.property(fc.dictionary(awkward, fc.jsonValue().map(positiveZero)), awkward, (object, text) => {
        const parameters = { ...object, text } as JsonObject;
        expect(template.render({ parameters })).toEqual({ whole: parameters, text: `a${text}b` });
      }),
    );
  });

  it('never parses text of the scope as an expression', () => {
    const template = compile({ a: '${parameters.text}', b: 'x ${parameters.text}' });
    for (const text of ['${plan.cpu}', '$${plan.cpu}', '${', '}', '{{ .Values }}', '${"']) {
      expect(template.render({ ...scope, parameters: { text } })).toEqual({ a: text, b: `x ${text}` });
    }
  });

  it('gives text without ${ as it is', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('${')),
        (text) => {
          expect(render(text)).toBe(text);
        },
      ),
    );
  });

  it('gives any text whose ${ are escaped back', () => {
    fc.assert(
      fc.property(awkward, (text) => {
        expect(render(text.replaceAll('${', () => '$${'))).toBe(text);
      }),
    );
  });

  it('keeps keys such as __proto__ as plain keys', () => {
    const parameters = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}') as JsonObject;
    const whole = compile('${parameters}').render({ parameters });
    expect(JSON.stringify(whole)).toBe('{"__proto__":{"admin":true},"constructor":1}');
    expect(Object.getPrototypeOf(whole)).toBe(Object.prototype);
    expect(compile('${parameters.constructor}').render({ parameters })).toBe(1);
    expect(() => compile('${plan.toString}').render(scope)).toThrow(MissingValue);
  });
});

describe('a condition', () => {
  const holds = (leaf: string) => evaluateCondition(compile(leaf), scope);

  it('holds or does not', () => {
    expect(holds('${plan.replicas == 3}')).toBe(true);
    expect(holds('${plan.replicas > 3}')).toBe(false);
  });

  it('does not hold while a key is missing', () => {
    expect(holds('${server.status.readyInstances == plan.replicas}')).toBe(false);
    expect(holds('${plan.replicas == 3 && server.status.ready}')).toBe(false);
  });

  it('must be true or false', () => {
    expect(() => holds('${plan.replicas}')).toThrow(TemplateError);
    expect(() => holds('yes')).toThrow(TemplateError);
  });
});

describe('isCelIdentifier', () => {
  it('accepts names that expressions can read', () => {
    for (const name of ['admin', 'server_1', '_x', 'Cluster']) expect(isCelIdentifier(name), name).toBe(true);
  });

  it('refuses reserved words, names of types, and what is no identifier', () => {
    const refused = [
      'namespace',
      'package',
      'in',
      'true',
      'null',
      'string',
      'int',
      'type',
      'cel',
      'a-b',
      '1a',
      '',
      'a.b',
      'ä',
    ];
    for (const name of refused) expect(isCelIdentifier(name), name).toBe(false);
  });
});

/** Text made of the pieces that templates give a meaning to. */
const awkward = fc
  .array(
    fc.constantFrom(
      '$',
      '{',
      '}',
      '${',
      '"',
      "'",
      '\\',
      '//',
      'plan',
      '.',
      '\n',
      'constructor',
      '__proto__',
      'é',
    ),
  )
  .map((pieces) => pieces.join(''));

/** JSON has no negative zero worth keeping; toEqual tells the two apart. */
function positiveZero(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
