/** `chandler check URL`: what it takes and what it means. The checker itself is loaded only when it runs. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { platformNames } from '../conformance/platforms/platform.ts';
import { levels } from '../conformance/report/judgement.ts';
import { exitCodes } from './check/exit-codes.ts';
import type { RawOptions } from './check/read-options.ts';
import { wholeNumber } from './whole-number.ts';

const help = `
Instances and bindings are made and deleted again at the broker: use one where that costs nothing.

--only and --skip take ids, numbers of rules, groups, levels (must, client, should) and prefix*; --list shows them.
A check of level must tests what the specification says MUST; client, what it does not ask for although a platform or
client library in use needs it; should, what it recommends. JSON options take the text or @FILE.

Credentials, the first that is given: options, user:password@ in the URL, CHANDLER_CHECK_USERNAME and
CHANDLER_CHECK_PASSWORD. No report shows them, nor what a broker hands out in bindings.

--json and --junit without FILE print to stdout in place of the report for people; with FILE they write beside it.
In JUnit's XML a failure below the level of --fail-on is <skipped>, as are blocked and not applicable checks.

Exit codes:
  ${exitCodes.fine}    nothing failed that counts (--fail-on)
  ${exitCodes.failures}    something failed
  ${exitCodes.cannotCheck}    wrong usage, the broker cannot be checked, or nothing failed but checks that count could not be tried
  ${exitCodes.leftovers}    nothing failed, but something could not be cleaned up
  ${exitCodes.interrupted}  interrupted: the first Ctrl-C cleans up and reports what is known, a second one stops at once

Examples:
  CHANDLER_CHECK_PASSWORD=secret chandler check https://broker.example --username admin --plan postgresql/small
  chandler check https://broker.example --username admin --password-file password --platform cloudfoundry \\
      --parameters '{"size": 1}' --skip races,should --junit report.xml`;

interface Surroundings {
  environment: Readonly<Record<string, string | undefined>>;
  /** Says why the command ends, and ends it. */
  fail(thrown: unknown, exitCode: number): never;
}

export function addCheckCommand(program: Command, { environment, fail }: Surroundings): void {
  program
    .command('check')
    .argument('[url]', 'base URL of the broker, without /v2')
    .description('check any broker against the Open Service Broker API 2.17')
    .option('--username <name>', 'user name of the broker')
    .option('--password-file <file>', 'file with its password')
    .addOption(
      new Option('--password <password>', 'the password itself; the process list shows it').conflicts(
        'passwordFile',
      ),
    )
    .addOption(
      new Option('--token-file <file>', 'file with a bearer token, in place of user and password').conflicts([
        'username',
        'password',
        'passwordFile',
      ]),
    )
    .option('--ca-file <file>', "PEM file with the CA that signed the broker's certificate")
    .option('--insecure', "take any certificate of the broker's")
    .addOption(
      new Option(
        '--platform <name>',
        "send what this platform sends, and check what it needs; default: the specification's examples",
      ).choices(platformNames),
    )
    .option(
      '--plan <name>',
      'plan to check, as service/plan or plan; repeatable; default: the first that can be bound',
      append,
    )
    .option('--parameters <json>', 'parameters to provision with; default: what the schema requires')
    .option(
      '--update-parameters <json>',
      'parameters to update with; repeatable: one for each update, in turns; default: what the schema suggests',
      append,
    )
    .option('--bind-parameters <json>', 'parameters to bind with; default: what the schema requires')
    .option('--context <json>', 'laid over the context that is sent')
    .option('--namespace <name>', 'namespace in the context, with --platform kubernetes', 'default')
    .option('--only <words>', 'check only these, separated by commas; repeatable', appendWords)
    .option('--skip <words>', 'leave these out, separated by commas; repeatable', appendWords)
    .option('--list', 'print all checks without asking a broker')
    .option(
      '--timeout <seconds>',
      "how long one operation may take; default: the plan's maximum_polling_duration, at most 600",
      seconds,
    )
    .option('--request-timeout <seconds>', 'how long one request may take', seconds, 60)
    .option('--poll-interval <seconds>', 'pause between two polls', seconds, 1)
    .option('--parallel <n>', 'how many instances are worked on at once', wholeNumber(1, 1000), 4)
    .option('--race <n>', 'how many requests are sent at once to see them race', wholeNumber(2, 1000), 10)
    .option('--json [file]', 'report as JSON')
    .option('--junit [file]', "report as JUnit's XML")
    .addOption(
      new Option('--fail-on <level>', 'a failure counts from this level on')
        .choices(levels)
        .default('client'),
    )
    .option('--verbose', 'show all requests and answers of every failed check, in full')
    .addHelpText('after', help)
    .showHelpAfterError('(try chandler check --help)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? exitCodes.fine : exitCodes.cannotCheck))
    .action(async (url: string | undefined, options: RawOptions) => {
      try {
        const { check } = await import('./check/run.ts');
        process.exitCode = await check(url, options, environment);
      } catch (thrown) {
        fail(thrown, exitCodes.cannotCheck);
      }
    });
}

function append(word: string, before: string[] = []): string[] {
  return [...before, word];
}

function appendWords(words: string, before: string[] = []): string[] {
  return [
    ...before,
    ...words
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  ];
}

function seconds(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !(number > 0 && number <= 86_400)) {
    throw new InvalidArgumentError('It must be a number of seconds above 0.');
  }
  return number;
}
