/** The report for CI systems that read JUnit's XML: `chandler check --junit`. */
import type { Report } from '../check-broker.ts';
import { groups, type Result } from '../types.ts';
import { counts, type FailOn, levelNames } from './judgement.ts';
import { printable, type Shown, shownOf } from './shown.ts';

interface Settings {
  shown: Shown;
  failOn: FailOn;
}

/**
 * A failure below the level that counts is `<skipped>`, so that a CI system that turns red at any `<failure>` agrees
 * with the exit code. Blocked and not applicable checks are `<skipped>` too, each with its reason.
 */
export function junitReport(report: Report, { failOn }: { failOn: FailOn }): string {
  const settings = { shown: shownOf(report), failOn };
  const suites = groups
    .map((group) => ({ group, results: report.results.filter((result) => result.group === group) }))
    .filter(({ results }) => results.length > 0)
    .map(({ group, results }) =>
      element('testsuite', { name: group, ...totals(results, failOn), timestamp: timestampOf(report) }, [
        propertiesOf(report, settings),
        ...results.map((result) => testcase(result, settings)),
      ]),
    );
  const root = { name: 'chandler check', ...totals(report.results, failOn) };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', root, suites)}\n`;
}

function totals(results: readonly Result[], failOn: FailOn) {
  const failures = results.filter((result) => isFailure(result, failOn)).length;
  const passed = results.filter(({ outcome }) => outcome === 'passed').length;
  return {
    tests: results.length,
    failures,
    errors: 0,
    skipped: results.length - failures - passed,
    time: secondsOf(results.reduce((sum, { milliseconds }) => sum + milliseconds, 0)),
  };
}

function propertiesOf({ url, platform, plans }: Report, { shown }: Settings): string {
  const facts = { url: shown.text(url), platform, plans: shown.text(plans.join(', ')) };
  return element(
    'properties',
    {},
    Object.entries(facts).map(([name, value]) => element('property', { name, value })),
  );
}

function testcase(result: Result, settings: Settings): string {
  const { group, items, title, milliseconds } = result;
  const plan = result.plan === undefined ? '' : ` (${settings.shown.text(result.plan)})`;
  const name = `[${items.join(', ')}] ${title}${plan}`;
  return element(
    'testcase',
    { classname: `osbapi.${group}`, name, time: secondsOf(milliseconds) },
    outcomeOf(result, settings),
  );
}

function outcomeOf(result: Result, { shown, failOn }: Settings): string[] {
  const { outcome, level, exchanges } = result;
  if (outcome === 'passed') return [];
  const message = shown.text(result.message ?? '');
  const last = exchanges.at(-1);
  const told = last === undefined ? '' : `${shown.curl(last)}\n${shown.answer(last)}`;
  const body = escaped(`${message}\n${told}`);
  if (isFailure(result, failOn)) return [element('failure', { type: level, message }, [body])];
  if (outcome !== 'failed') return [element('skipped', { message: `${outcome}: ${message}` })];
  return [element('skipped', { message: `failed at ${levelNames[level]} level: ${message}` }, [body])];
}

function isFailure({ outcome, level }: Result, failOn: FailOn): boolean {
  return outcome === 'failed' && counts(level, failOn);
}

/** @param children XML already */
function element(name: string, attributes: Record<string, string | number>, children: string[] = []): string {
  const start = [
    name,
    ...Object.entries(attributes).map(([key, value]) => `${key}="${escaped(String(value))}"`),
  ].join(' ');
  return children.length === 0 ? `<${start}/>` : `<${start}>\n${children.join('\n')}\n</${name}>`;
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
};

/** Any text, for an attribute or an element. What XML may not hold at all is spelt out or replaced. */
function escaped(text: string): string {
  return printable(text)
    .toWellFormed()
    .replaceAll(/[\ufffe\uffff]/g, '\ufffd')
    .replaceAll(/[&<>"\n\t]/g, (char) => entities[char] ?? char);
}

function secondsOf(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

/** JUnit's schema wants it without fractions and zone. */
function timestampOf({ startedAt }: Report): string {
  return startedAt.toISOString().slice(0, 19);
}
