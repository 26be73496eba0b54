import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  leaksIn,
  leakyReport,
  sampleExchange,
  sampleReport,
  sampleResult,
} from '../../../test/support/conformance-report.ts';
import { junitReport } from './junit.ts';

interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

const start = /^<([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>/;
/** What XML 1.0 allows, less the control characters that it discourages. */
const legal = /^(?:[\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd]|[\ud800-\udbff][\udc00-\udfff])*$/;

/** A strict parser for the XML that JUnit reports need. */
function parse(xml: string): Element {
  expect(xml).toMatch(legal);
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  expect(xml.startsWith(declaration)).toBe(true);
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  let rest = xml.slice(declaration.length).trim();
  while (rest !== '') {
    const top = open.at(-1) as Element;
    const [found, name = '', pairs = '', isEmpty] = start.exec(rest) ?? [];
    const end = `</${top.name}>`;
    if (found !== undefined) {
      const attributes = [...pairs.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [
        key,
        unescaped(value),
      ]);
      const element = {
        name,
        attributes: Object.fromEntries(attributes) as Record<string, string>,
        children: [],
        text: '',
      };
      top.children.push(element);
      if (isEmpty === '') open.push(element);
      rest = rest.slice(found.length);
    } else if (rest.startsWith(end)) {
      open.pop();
      rest = rest.slice(end.length);
    } else {
      const text = /^[^<]+/.exec(rest)?.[0];
      if (text === undefined || text.includes(']]>'))
        throw new Error(`not well-formed: ${rest.slice(0, 80)}`);
      top.text += unescaped(text);
      rest = rest.slice(text.length);
    }
  }
  expect(open).toEqual([root]);
  expect(root.children).toHaveLength(1);
  return root.children[0] as Element;
}

function unescaped(text: string): string {
  return text.replaceAll(/&([^;]*);?/g, (whole, name: string) => {
    const known: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#10': '\n', '#9': '\t' };
    const char = known[name];
    if (char === undefined) throw new Error(`no entity: ${whole}`);
    return char;
  });
}

const outcomesOf = (xml: string) =>
  parse(xml).children.flatMap(({ children }) =>
    children
      .filter(({ name }) => name === 'testcase')
      .map(({ children: [outcome] }) => [
        outcome?.name,
        outcome?.attributes.type,
        outcome?.attributes.message,
      ]),
  );

it('has a suite for each group, and a case for each check', () => {
  const exchanges = [sampleExchange({}, { status: 500, json: { description: '<&>' } })];
  const xml = junitReport(
    sampleReport([
      sampleResult({ outcome: 'failed', items: [1, 2], message: 'a "bad" <one>', exchanges }),
      sampleResult({ group: 'Catalog', plan: undefined, milliseconds: 1500 }),
      sampleResult({ outcome: 'blocked' }),
    ]),
    { failOn: 'client' },
  );
  const { attributes, children } = parse(xml);
  expect(attributes).toEqual({
    name: 'chandler check',
    tests: '3',
    failures: '1',
    errors: '0',
    skipped: '1',
    time: '1.510',
  });
  expect(children.map((suite) => suite.attributes)).toEqual([
    {
      name: 'Catalog',
      tests: '1',
      failures: '0',
      errors: '0',
      skipped: '0',
      time: '1.500',
      timestamp: '2026-01-02T03:04:05',
    },
    {
      name: 'Bind',
      tests: '2',
      failures: '1',
      errors: '0',
      skipped: '1',
      time: '0.010',
      timestamp: '2026-01-02T03:04:05',
    },
  ]);
  const [properties, failed] = children[1]?.children ?? [];
  expect(properties?.children.map((property) => property.attributes)).toEqual([
    { name: 'url', value: 'http://broker.example/base' },
    { name: 'platform', value: 'specification' },
    { name: 'plans', value: 'db/small' },
  ]);
  expect(failed?.attributes).toEqual({
    classname: 'osbapi.Bind',
    name: '[1, 2] it is so (db/small)',
    time: '0.005',
  });
  expect(failed?.children).toMatchObject([
    { name: 'failure', attributes: { type: 'must', message: 'a "bad" <one>' } },
  ]);
  expect(failed?.children[0]?.text.trim()).toMatch(/^a "bad" <one>\ncurl .*\n500 \{"description":"<&>"\}$/);
});

it('a failure below the level that counts is skipped, like what has no verdict', () => {
  const failed = (level: 'must' | 'client' | 'should') =>
    sampleResult({ outcome: 'failed', level, message: 'no' });
  const report = sampleReport([
    failed('must'),
    failed('client'),
    failed('should'),
    sampleResult({ outcome: 'blocked', message: 'why' }),
    sampleResult({ outcome: 'not applicable', message: 'why' }),
    sampleResult({}),
  ]);
  const rest = [
    ['skipped', undefined, 'blocked: why'],
    ['skipped', undefined, 'not applicable: why'],
    [undefined, undefined, undefined],
  ];
  expect(outcomesOf(junitReport(report, { failOn: 'client' }))).toEqual([
    ['failure', 'must', 'no'],
    ['failure', 'client', 'no'],
    ['skipped', undefined, 'failed at should level: no'],
    ...rest,
  ]);
  expect(outcomesOf(junitReport(report, { failOn: 'should' })).slice(2)).toEqual([
    ['failure', 'should', 'no'],
    ...rest,
  ]);
});

it('holds no credential', () => {
  const xml = junitReport(leakyReport(), { failOn: 'client' });
  expect(xml).toContain('you sent Basic [redacted], [redacted] for [redacted]');
  expect(leaksIn(xml)).toEqual([]);
});

it('is well-formed whatever a broker says', () => {
  const hostile = fc.string({
    unit: fc.oneof(
      fc.nat(0xffff).map((code) => String.fromCharCode(code)),
      fc.constantFrom(']]>', '<', '&', '"', "'", '\0', '\ud800', '\uffff', '\n', '\t', '\r', '&#0;', '<!--'),
    ),
  });
  fc.assert(
    fc.property(hostile, hostile, hostile, (message, plan, text) => {
      const exchanges = [sampleExchange({ body: text }, { status: 400, text })];
      const report = sampleReport([sampleResult({ outcome: 'failed', message, plan, exchanges })], {
        plans: [plan],
      });
      const [[name, , told] = []] = outcomesOf(junitReport(report, { failOn: 'client' }));
      expect(name).toBe('failure');
      if (/^[\x20-\x7e\n\t]*$/.test(message)) expect(told).toBe(message);
    }),
  );
});
