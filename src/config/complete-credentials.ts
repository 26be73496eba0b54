/** What follows from the credentials of platforms as they were given: checks among them, delivery, OSB options. */
import { osbOptionsFor } from '../domain/osb-options.ts';
import { isInstanceName } from '../lib/names.ts';
import { matchesNamespace } from '../lib/namespace-pattern.ts';
import { hint } from '../lib/nearest.ts';
import type { Redacted } from '../lib/redacted.ts';
import type { PlatformCredential } from './config.ts';
import type { ConfigFile, CredentialEntry } from './config-file.ts';
import type { Report } from './report.ts';

/** A credential as it was given, and where. */
export interface GivenCredential extends Omit<CredentialEntry, 'password' | 'passwordFile'> {
  password: Redacted<string>;
  /** A line about one of its settings. */
  problemAt(setting: keyof CredentialEntry, message: string): string;
}

/** These hand credentials to apps themselves: nobody would read what Chandler delivered. */
const withoutDelivery = ['cloudfoundry', 'korifi'];

/** Checks credentials against each other and against `osb`, and gives each the options of its platform. */
export function completeCredentials(
  given: readonly GivenCredential[],
  file: Pick<ConfigFile, 'osb' | 'problemAt'>,
  ownNamespace: string | undefined,
  report: Report,
): PlatformCredential[] {
  reportForgottenPlatforms(given, file, report);
  reportRepeated(given, report);
  reportUnusable(given, ownNamespace, report);
  reportDefaultNamespaces(given, ownNamespace, report);
  const { platforms, ...forAll } = file.osb;
  const forPlatform = new Map(Object.entries(platforms));
  return given.map(({ delivery, problemAt, ...credential }) => ({
    ...credential,
    delivers: delivers(credential.platform, delivery),
    options: osbOptionsFor(credential.platform, forAll, forPlatform.get(credential.platform)),
  }));
}

function delivers(platform: string, delivery: CredentialEntry['delivery']): boolean {
  return delivery === undefined ? !withoutDelivery.includes(platform) : delivery === 'always';
}

/** Options for a platform that nobody speaks for are a misspelt name. */
function reportForgottenPlatforms(
  given: readonly GivenCredential[],
  { osb, problemAt }: Pick<ConfigFile, 'osb' | 'problemAt'>,
  report: Report,
): void {
  const known = [...new Set(given.map(({ platform }) => platform))];
  for (const name of Object.keys(osb.platforms).filter((each) => !known.includes(each))) {
    const message = `no credential is for the platform \`${name}\`; ${hint(name, known)}`;
    report(problemAt(['osb', 'platforms', name], message));
  }
}

/** Two of the same pair would leave open which platform calls. */
function reportRepeated(given: readonly GivenCredential[], report: Report): void {
  const seen = new Set<string>();
  for (const { username, password, problemAt } of given) {
    const pair = JSON.stringify([username, password.reveal()]);
    if (seen.has(pair)) {
      report(
        problemAt('username', 'another credential has the same username and password; change one of them'),
      );
    }
    seen.add(pair);
  }
}

/** A platform none of whose credentials could ever bind is a mistake; one of several may be on its way out. */
function reportUnusable(
  given: readonly GivenCredential[],
  ownNamespace: string | undefined,
  report: Report,
): void {
  const usable = (credential: GivenCredential) =>
    !delivers(credential.platform, credential.delivery) ||
    credential.namespaces.some((pattern) => !isReserved(pattern, ownNamespace));
  for (const [platform, credentials = []] of Object.entries(
    Object.groupBy(given, ({ platform: name }) => name),
  )) {
    const [first] = credentials;
    if (first === undefined || credentials.some(usable)) continue;
    report(
      first.problemAt(
        'namespaces',
        `no credential of the platform \`${platform}\` allows a namespace that apps can have; allow one, or set \`delivery: never\` in the configuration file`,
      ),
    );
  }
}

function reportDefaultNamespaces(
  given: readonly GivenCredential[],
  ownNamespace: string | undefined,
  report: Report,
): void {
  for (const { defaultNamespace: namespace, namespaces, problemAt } of given) {
    if (namespace === undefined) continue;
    if (isReserved(namespace, ownNamespace)) {
      report(problemAt('defaultNamespace', '`defaultNamespace` must be a namespace that apps can have'));
    } else if (!namespaces.some((pattern) => matchesNamespace(pattern, namespace))) {
      report(problemAt('defaultNamespace', '`defaultNamespace` must be one that `namespaces` allows'));
    }
  }
}

/** Whether a namespace, or all that a pattern matches, can never be an app's. */
function isReserved(pattern: string, ownNamespace: string | undefined): boolean {
  return pattern.startsWith('kube-') || pattern === ownNamespace || isInstanceName(pattern);
}
