/** The report for people: what failed first, each with what to send to see it again. */
import type { Report } from '../check-broker.ts';
import { platformOf } from '../platforms/all.ts';
import { platformNames } from '../platforms/platform.ts';
import { groups, type Level, type Result } from '../types.ts';
import type { Exchange } from '../wire/exchange.ts';
import { counted, type FailOn, levelNames, levels, plural, summaryOf, verdictOf } from './judgement.ts';
import { printable, type Shown, shownOf } from './shown.ts';

export type Colour = 'bold' | 'dim' | 'red' | 'yellow' | 'green';
export type Paint = (colour: Colour, text: string) => string;

export interface HumanOptions {
  failOn: FailOn;
  /** Shows all exchanges of what failed, in full. */
  verbose: boolean;
  paint?: Paint;
}

interface Sheet {
  report: Report;
  shown: Shown;
  options: HumanOptions;
  paint: Paint;
}

export function humanReport(report: Report, options: HumanOptions): string {
  const paint = options.paint ?? ((_, text) => text);
  const sheet: Sheet = { report, shown: shownOf(report), options, paint };
  const sections = [
    heading(sheet),
    ...levels.map((level) => failures(level, sheet)),
    blocked(sheet),
    table(sheet),
    verdict(sheet),
    leftoverLines(report),
    [`${(report.milliseconds / 1000).toFixed(1)} s, ${plural(report.requests, 'request')}`],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function heading({ report, shown, paint }: Sheet): string[] {
  const { url, platform, plans, results } = report;
  const name = platformNames.find((known) => known === platform);
  const version = platformOf(name).headers('catalog')['x-broker-api-version'] ?? 'none';
  const lines = [
    paint('bold', `Conformance of ${clean(url, shown)}`),
    `requests as ${platform === 'specification' ? 'in the specification' : `from ${platform}`}, X-Broker-API-Version: ${version}`,
    `plans: ${clean(plans.join(', '), shown)}`,
  ];
  if (results.some(({ outcome }) => outcome === 'failed')) {
    const { origin } = new URL(url);
    lines.push(
      `The curl lines need BROKER=${clean(origin, shown)} and AUTH=name:password (or the token) in the environment.`,
    );
  }
  return lines;
}

const meanings: Record<Level, string> = {
  must: 'the specification says MUST',
  client: 'the specification does not ask for it, but a platform or client library in use needs it',
  should: 'the specification says SHOULD or recommends it',
};

function failures(level: Level, sheet: Sheet): string[] {
  const { report, paint } = sheet;
  const failed = report.results.filter((result) => result.outcome === 'failed' && result.level === level);
  if (failed.length === 0) return [];
  const title = `Failed, ${levelNames[level]} (${meanings[level]}): ${failed.length}`;
  return [paint('bold', title), ...failed.flatMap((result) => ['', ...failure(result, sheet)])];
}

function failure(result: Result, { report, shown, options, paint }: Sheet): string[] {
  const { items, title, id, exchanges } = result;
  const plan =
    result.plan === undefined || report.plans.length < 2 ? '' : `, plan ${clean(result.plan, shown)}`;
  const told = options.verbose
    ? exchanges.flatMap((exchange) => inFull(exchange, shown))
    : exchanges.slice(-1).flatMap((exchange) => inShort(exchange, shown));
  return [
    `${paint(result.level === 'should' ? 'yellow' : 'red', '✗')} [${items.join(', ')}] ${title} ${paint('dim', `(${id}${plan})`)}`,
    ...indented(clean(result.message ?? '', shown)),
    ...told.map((line) => paint('dim', line)),
  ];
}

function inShort(exchange: Exchange, shown: Shown): string[] {
  return [`    $ ${printable(shown.curl(exchange))}`, `    < ${oneLine(shown.answer(exchange))}`];
}

function inFull(exchange: Exchange, shown: Shown): string[] {
  const { answer, milliseconds } = exchange;
  if (answer === undefined) return inShort(exchange, shown);
  const headers = Object.entries(shown.headers(answer.headers)).map(([name, value]) => `${name}: ${value}`);
  return [
    `    $ ${printable(shown.curl(exchange))}`,
    `    < ${answer.status} after ${milliseconds} ms`,
    ...headers.map((line) => `    < ${oneLine(line)}`),
    ...printable(shown.body(exchange))
      .split('\n')
      .map((line) => `    < ${line}`),
  ];
}

/** By reason: what blocks one check blocks many. */
function blocked({ report, shown, paint }: Sheet): string[] {
  const all = report.results.filter(({ outcome }) => outcome === 'blocked');
  if (all.length === 0) return [];
  const reasons = Map.groupBy(all, ({ message }) => oneLine(shown.text(message ?? '')));
  const title = `Blocked (the broker did not get as far as the rule): ${all.length}`;
  return [
    paint('bold', title),
    ...[...reasons].flatMap(([reason, results]) => [
      `${paint('yellow', '-')} ${reason}`,
      paint('dim', `    ${[...new Set(results.map(({ id }) => id))].join(', ')}`),
    ]),
  ];
}

const columns = [
  'passed',
  'failed must',
  'failed client-needed',
  'failed should',
  'blocked',
  'not applicable',
];

function table({ report, paint }: Sheet): string[] {
  const row = (name: string, results: readonly Result[]): string => {
    const { passed, failed, blocked: stuck, notApplicable } = summaryOf(results);
    const cells = [passed, failed.must, failed.client, failed.should, stuck, notApplicable];
    return [
      name.padEnd(12),
      ...cells.map((count, index) =>
        (count === 0 ? '·' : String(count)).padStart(columns[index]?.length ?? 0),
      ),
    ].join('  ');
  };
  const rows = groups
    .map((group) => ({ group, results: report.results.filter((result) => result.group === group) }))
    .filter(({ results }) => results.length > 0)
    .map(({ group, results }) => row(group, results));
  return [paint('bold', [' '.repeat(12), ...columns].join('  ')), ...rows, row('all', report.results)];
}

function verdict({ report, options, paint }: Sheet): string[] {
  const failed = counted(report.results, 'failed', options.failOn) > 0;
  const unsure = report.interrupted || counted(report.results, 'blocked', options.failOn) > 0;
  return [paint(failed ? 'red' : unsure ? 'yellow' : 'green', verdictOf(report, options.failOn))];
}

/** What could not be cleaned up, with what deletes it. */
export function leftoverLines(report: Pick<Report, 'mask' | 'results' | 'leftovers'>): string[] {
  if (report.leftovers.length === 0) return [];
  const shown = shownOf(report);
  return [
    `Not cleaned up, delete by hand: ${report.leftovers.length}`,
    ...report.leftovers.flatMap(({ entry, last }) => [
      `- ${entry.bindingId === undefined ? 'instance' : 'binding'} ${clean(entry.bindingId ?? entry.instanceId, shown)}`,
      `    $ ${printable(shown.deletion(entry, last))}`,
      `    < ${oneLine(shown.answer(last))}`,
    ]),
  ];
}

function clean(text: string, shown: Shown): string {
  return printable(shown.text(text));
}

function oneLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n');
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => `    ${line}`);
}
