/** From the words of the command line to what the checker takes. */
import { access, appendFile, readFile } from 'node:fs/promises';
import type { CheckOptions } from '../../conformance/check-broker.ts';
import { isObject, type JsonObject, parseJson } from '../../conformance/json.ts';
import type { PlatformName } from '../../conformance/platforms/platform.ts';
import type { FailOn } from '../../conformance/report/judgement.ts';

/** As commander hands them out. */
export interface RawOptions {
  username?: string;
  password?: string;
  passwordFile?: string;
  tokenFile?: string;
  caFile?: string;
  insecure?: true;
  platform?: PlatformName;
  plan?: string[];
  parameters?: string;
  updateParameters?: string[];
  bindParameters?: string;
  context?: string;
  namespace: string;
  only?: string[];
  skip?: string[];
  list?: true;
  timeout?: number;
  requestTimeout: number;
  pollInterval: number;
  parallel: number;
  race: number;
  json?: string | true;
  junit?: string | true;
  failOn: FailOn;
  verbose?: true;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a report goes. */
export type Destination = 'nowhere' | 'stdout' | { file: string };

export interface Asked {
  options: CheckOptions;
  failOn: FailOn;
  verbose: boolean;
  json: Destination;
  junit: Destination;
}

/** The message says what to mend. */
export class WrongUsage extends Error {
  override name = 'WrongUsage';
}

/** @throws WrongUsage */
export async function readOptions(
  argument: string | undefined,
  raw: RawOptions,
  environment: Environment,
): Promise<Asked> {
  const { address, json, junit } = reportsOf(argument, raw);
  const url = urlOf(address);
  const credentials = await credentialsOf(raw, url, environment);
  url.username = '';
  url.password = '';
  for (const [name, destination] of Object.entries({ json, junit })) await assertWritable(name, destination);
  if (raw.caFile !== undefined) await readable('--ca-file', () => access(raw.caFile ?? ''));
  return {
    options: {
      url,
      ...credentials,
      caFile: raw.caFile,
      insecure: raw.insecure === true,
      requestTimeoutMs: raw.requestTimeout * 1000,
      platform: raw.platform,
      plans: raw.plan ?? [],
      parameters: await jsonOf('--parameters', raw.parameters),
      updateParameters: await jsonsOf('--update-parameters', raw.updateParameters ?? []),
      bindParameters: await jsonOf('--bind-parameters', raw.bindParameters),
      context: (await jsonOf('--context', raw.context)) ?? {},
      namespace: raw.namespace,
      only: raw.only ?? [],
      skip: raw.skip ?? [],
      operationMs: raw.timeout === undefined ? undefined : raw.timeout * 1000,
      pollMs: raw.pollInterval * 1000,
      parallel: raw.parallel,
      raceWidth: raw.race,
    },
    failOn: raw.failOn,
    verbose: raw.verbose === true,
    json,
    junit,
  };
}

/** `check --json https://broker` means the URL, although to commander it is the FILE of --json. */
function reportsOf(argument: string | undefined, raw: RawOptions) {
  const given = { json: raw.json, junit: raw.junit };
  let address = argument;
  for (const name of ['json', 'junit'] as const) {
    const value = given[name];
    if (address === undefined && typeof value === 'string' && /^https?:\/\//i.test(value)) {
      address = value;
      given[name] = true;
    }
  }
  const [json, junit] = [destinationOf(given.json), destinationOf(given.junit)];
  if (json === 'stdout' && junit === 'stdout') {
    throw new WrongUsage('--json and --junit cannot both print to stdout: give one of them a FILE.');
  }
  return { address, json, junit };
}

function destinationOf(given: string | true | undefined): Destination {
  if (given === undefined) return 'nowhere';
  return given === true || given === '-' ? 'stdout' : { file: given };
}

function urlOf(address: string | undefined): URL {
  if (address === undefined)
    throw new WrongUsage('The URL of the broker is missing (chandler check --help).');
  const url = URL.parse(address);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new WrongUsage('The URL must be like https://broker.example or http://127.0.0.1:8080/path.');
  }
  return url;
}

type Credentials = Pick<CheckOptions, 'username' | 'password' | 'token'>;

async function credentialsOf(raw: RawOptions, url: URL, environment: Environment): Promise<Credentials> {
  if (raw.tokenFile !== undefined) {
    return {
      username: undefined,
      password: undefined,
      token: await secretIn('--token-file', raw.tokenFile),
    };
  }
  const fromFile =
    raw.passwordFile === undefined ? undefined : await secretIn('--password-file', raw.passwordFile);
  const username =
    raw.username ?? (decoded(url.username) || environment.CHANDLER_CHECK_USERNAME || undefined);
  const password =
    raw.password ?? fromFile ?? (decoded(url.password) || environment.CHANDLER_CHECK_PASSWORD || undefined);
  if (username === undefined && password !== undefined) {
    throw new WrongUsage('There is a password but no user name: give --username.');
  }
  if (username !== undefined && password === undefined) {
    throw new WrongUsage(
      'There is a user name but no password: give --password-file or CHANDLER_CHECK_PASSWORD.',
    );
  }
  return { username, password, token: undefined };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Editors end a file with a newline that is no part of the secret. */
async function secretIn(option: string, file: string): Promise<string> {
  const text = await readable(option, () => readFile(file, 'utf8'));
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new WrongUsage(`${option}: ${file} is empty.`);
  return secret;
}

/** A report that has nowhere to go should not show after the run. */
async function assertWritable(name: string, destination: Destination): Promise<void> {
  if (typeof destination === 'object') {
    await readable(`--${name}`, () => appendFile(destination.file, ''));
  }
}

async function jsonOf(option: string, given: string | undefined): Promise<JsonObject | undefined> {
  const [value] = await jsonsOf(option, given === undefined ? [] : [given]);
  return value;
}

function jsonsOf(option: string, given: readonly string[]): Promise<JsonObject[]> {
  return Promise.all(given.map((text) => jsonIn(option, text)));
}

async function jsonIn(option: string, given: string): Promise<JsonObject> {
  const text = given.startsWith('@') ? await readable(option, () => readFile(given.slice(1), 'utf8')) : given;
  const value = parseJson(text);
  if (isObject(value)) return value;
  const found = value === undefined ? 'is no JSON' : 'is JSON, but no object';
  throw new WrongUsage(
    `${option} must be a JSON object, such as '{"size": 1}', or @FILE with one: what it has ${found}.`,
  );
}

async function readable<T>(option: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (thrown) {
    throw new WrongUsage(`${option}: ${thrown instanceof Error ? thrown.message : String(thrown)}.`);
  }
}
