/** Runs the checker, shows how far it is, and writes its reports. */
import { writeFile } from 'node:fs/promises';
import { styleText } from 'node:util';
import { checkBroker, type Report } from '../../conformance/check-broker.ts';
import { humanReport, leftoverLines, type Paint } from '../../conformance/report/human.ts';
import { jsonReport } from '../../conformance/report/json.ts';
import { verdictOf } from '../../conformance/report/judgement.ts';
import { junitReport } from '../../conformance/report/junit.ts';
import type { Listener } from '../../conformance/run-checks.ts';
import { Mask } from '../../conformance/wire/mask.ts';
import { chosen } from './chosen.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { listOfChecks } from './list.ts';
import { MayBeLeft } from './may-be-left.ts';
import { Progress } from './progress.ts';
import { type Asked, type RawOptions, readOptions } from './read-options.ts';

/**
 * @returns the exit code
 * @throws WrongUsage, NoSuchCheck, NoSuchPlan, CannotCheck
 */
export async function check(
  url: string | undefined,
  raw: RawOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  if (raw.list === true) {
    process.stdout.write(listOfChecks({ only: raw.only ?? [], skip: raw.skip ?? [] }, raw.platform));
    return exitCodes.fine;
  }
  const asked = await readOptions(url, raw, environment);
  const report = await watched(asked);
  await writeReports(report, asked);
  return exitCodeOf(report, asked.failOn);
}

async function watched({ options }: Asked): Promise<Report> {
  const progress = new Progress(
    chosen(options, options.platform),
    Math.max(options.plans.length, 1),
    process.stderr,
  );
  const mayBeLeft = new MayBeLeft();
  const listener: Listener = {
    started: (check) => progress.started(check),
    finished: (result) => progress.finished(result),
    exchanged: (exchange) => mayBeLeft.saw(exchange),
  };
  const interrupt = new AbortController();
  const release = onSignals(
    () => {
      interrupt.abort();
      progress.say('Interrupted: cleaning up, again to stop at once.');
    },
    () => {
      progress.end();
      const secrets = [options.password, options.token].filter((secret) => secret !== undefined);
      const lines = mayBeLeft.lines(new Mask(secrets));
      progress.say(['Stopped. What the broker may still have:', ...lines].join('\n    '));
      progress.say('and what checks had made that were under way; what is gone already is answered 410.');
      process.exit(exitCodes.interrupted);
    },
  );
  try {
    return await checkBroker(options, listener, interrupt.signal);
  } finally {
    release();
    progress.end();
  }
}

/** @returns how to leave signals alone again */
function onSignals(first: () => void, second: () => void): () => void {
  let times = 0;
  const heard = () => {
    times += 1;
    if (times === 1) first();
    else second();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, heard);
  return () => {
    for (const signal of signals) process.off(signal, heard);
  };
}

async function writeReports(report: Report, { failOn, verbose, json, junit }: Asked): Promise<void> {
  const texts = [
    { destination: json, text: () => jsonReport(report, { verbose }) },
    { destination: junit, text: () => junitReport(report, { failOn }) },
  ];
  let isStdoutTaken = false;
  for (const { destination, text } of texts) {
    if (typeof destination === 'object') await writeFile(destination.file, text());
    if (destination === 'stdout') {
      process.stdout.write(text());
      isStdoutTaken = true;
    }
  }
  if (isStdoutTaken) {
    // Whoever starts it by hand still wants to know.
    process.stderr.write([verdictOf(report, failOn), ...leftoverLines(report), ''].join('\n'));
  } else process.stdout.write(humanReport(report, { failOn, verbose, paint: paintOf(process.stdout) }));
}

/** Colours for a terminal, unless NO_COLOR asks for none (styleText sees to that). */
function paintOf(stream: NodeJS.WriteStream): Paint {
  return stream.isTTY ? (colour, text) => styleText(colour, text, { stream }) : (_, text) => text;
}
