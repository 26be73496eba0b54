/** The credentials of platforms, from the file or from the short form in the environment. */
import path from 'node:path';
import { Redacted } from '../lib/redacted.ts';
import { completeCredentials, type GivenCredential } from './complete-credentials.ts';
import type { PlatformCredential } from './config.ts';
import { type ConfigFile, emptyConfigFile, readConfigFile } from './config-file.ts';
import { type ReadTextFile, readSecretFile } from './read-secret-file.ts';
import type { Report } from './report.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that were parsed already. */
interface Values {
  CHANDLER_PLATFORM: string;
  CHANDLER_NAMESPACES: string[];
  CHANDLER_OWN_NAMESPACE?: string | undefined;
}

/** The variables of the short form for exactly one credential. */
const shortForm = [
  'CHANDLER_USERNAME',
  'CHANDLER_PASSWORD',
  'CHANDLER_PASSWORD_FILE',
  'CHANDLER_PLATFORM',
  'CHANDLER_NAMESPACES',
];

/**
 * @param values undefined when a variable is wrong, which was reported already
 * @returns undefined when there are no usable ones; `report` was then told why
 */
export function readCredentials(
  environment: Environment,
  values: Values | undefined,
  readTextFile: ReadTextFile,
  report: Report,
): PlatformCredential[] | undefined {
  const configPath = environment.CHANDLER_CONFIG;
  const file = configPath === undefined ? emptyConfigFile : readConfigFile(configPath, readTextFile, report);
  if (file === undefined) return undefined;
  const doubled = shortForm.filter((name) => environment[name] !== undefined);
  if (file.credentials !== undefined && doubled.length > 0) {
    report(
      `${doubled.join(', ')} must not be set when ${file.path} has \`credentials\`. Keep one of the two places.`,
    );
  }
  const given =
    file.credentials === undefined
      ? credentialOfEnvironment(environment, values, file, readTextFile, report)
      : credentialsOfFile(file, readTextFile, report);
  return given && completeCredentials(given, file, values?.CHANDLER_OWN_NAMESPACE, report);
}

function credentialOfEnvironment(
  environment: Environment,
  values: Values | undefined,
  file: ConfigFile,
  readTextFile: ReadTextFile,
  report: Report,
): GivenCredential[] | undefined {
  if (!shortForm.some((name) => environment[name] !== undefined)) {
    const place = file.path === '' ? 'a file that CHANDLER_CONFIG names' : file.path;
    report(
      `There are no credentials for platforms. Set CHANDLER_USERNAME and CHANDLER_PASSWORD, or list \`credentials\` in ${place}.`,
    );
    return undefined;
  }
  const username = environment.CHANDLER_USERNAME;
  if (username === undefined) report('CHANDLER_USERNAME must be the user name that platforms send.');
  const password = readPassword(environment, readTextFile, report);
  if (username === undefined || password === undefined || values === undefined) return undefined;
  return [
    {
      username,
      password,
      platform: values.CHANDLER_PLATFORM,
      namespaces: values.CHANDLER_NAMESPACES,
      problemAt: (setting, message) => `CHANDLER_${setting.toUpperCase()}: ${message}`,
    },
  ];
}

function readPassword(
  environment: Environment,
  readTextFile: ReadTextFile,
  report: Report,
): Redacted<string> | undefined {
  const given = environment.CHANDLER_PASSWORD;
  const file = environment.CHANDLER_PASSWORD_FILE;
  if (given !== undefined && file !== undefined) {
    report('CHANDLER_PASSWORD and CHANDLER_PASSWORD_FILE are both set. Set one of them.');
  } else if (given !== undefined) {
    return new Redacted(given);
  } else if (file === undefined) {
    report(
      'CHANDLER_PASSWORD must be the password that platforms send; or name a file that holds it in CHANDLER_PASSWORD_FILE.',
    );
  } else {
    const found = readSecretFile(file, readTextFile);
    if (typeof found !== 'string') return found;
    report(`CHANDLER_PASSWORD_FILE ${found}.`);
  }
  return undefined;
}

/** @returns undefined when a password is missing or cannot be read; `report` was then told */
function credentialsOfFile(
  file: ConfigFile,
  readTextFile: ReadTextFile,
  report: Report,
): GivenCredential[] | undefined {
  const given: GivenCredential[] = [];
  const entries = file.credentials ?? [];
  for (const [index, { password, passwordFile, ...entry }] of entries.entries()) {
    const problemAt: GivenCredential['problemAt'] = (setting, message) =>
      file.problemAt(['credentials', index, setting], message);
    if ((password === undefined) === (passwordFile === undefined)) {
      const which = password === undefined ? 'neither `password` nor' : 'both `password` and';
      report(problemAt('passwordFile', `there is ${which} \`passwordFile\`; give one of them`));
      continue;
    }
    const found =
      passwordFile === undefined
        ? password
        : readSecretFile(path.resolve(path.dirname(file.path), passwordFile), readTextFile);
    if (typeof found === 'string') report(problemAt('passwordFile', `\`passwordFile\` ${found}`));
    else if (found !== undefined) given.push({ ...entry, password: found, problemAt });
  }
  return given.length === entries.length ? given : undefined;
}
