import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { Redacted } from '../lib/redacted.ts';
import { type Config, ConfigInvalid, type KubeSource } from './config.ts';
import { readCredentials } from './read-credentials.ts';
import { readFailpoints } from './read-failpoints.ts';
import type { ReadTextFile } from './read-secret-file.ts';
import { readTls } from './read-tls.ts';
import type { Report } from './report.ts';
import { labelRule, namespaceRule, type Rule, usernameRule } from './rules.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type DatabaseUrls = Pick<Config, 'databaseUrl' | 'listenUrl'>;

// The sentences below complete "NAME must ...", and never repeat a value: some of them are secret.
const filled = (must: string) => z.string({ error: must }).min(1, must);

const postgresUrl = filled(
  'be the URL of a Postgres database, for example postgres://user:password@host:5432/name',
)
  .refine(
    isPostgresUrl,
    'be the URL of a Postgres database, for example postgres://user:password@host:5432/name',
  )
  .transform((url) => new Redacted(url));

const wholeNumber = (least: number, most: number, unit: string) => {
  const must = `be ${unit} from ${least} to ${most}, in digits`;
  return z
    .string()
    .regex(/^\d{1,9}$/, must)
    .transform(Number)
    .refine((value) => value >= least && value <= most, must);
};

const ruled = ({ test, must }: Rule) => z.string().refine(test, must);
const label = (example: string) => ruled(labelRule(example));

const namespaces = z
  .string()
  .transform((list) => list.split(',').map((name) => name.trim()))
  .refine(
    (names) => names.every(namespaceRule.test),
    'be a comma-separated list of namespaces or globs, for example team-*,shop',
  );

const planSetRule =
  'be a JSON object, for example {"image":{"repository":"registry.example/postgres","tag":"17"}}';
const planSet = z.string().transform((text, context): JsonObject => {
  try {
    const value = JSON.parse(text) as JsonValue;
    if (isJsonObject(value)) return value;
  } catch {
    // Reported below, like any other value that is no object.
  }
  context.addIssue(planSetRule);
  return z.NEVER;
});

const databaseSchema = z.object({
  DATABASE_URL: postgresUrl,
  CHANDLER_LISTEN_URL: postgresUrl.optional(),
});

const keyFile = filled('name the file that holds the key for sealed columns');
const keySchema = databaseSchema.pick({ DATABASE_URL: true }).extend({ CHANDLER_KEY_FILE: keyFile });

const clusterName = label('default').default('default');
const orphanSchema = databaseSchema.extend({ CHANDLER_KEY_FILE: keyFile, CHANDLER_CLUSTER: clusterName });

const schema = databaseSchema.extend({
  CHANDLER_KEY_FILE: keyFile,
  CHANDLER_CATALOG: z.string().default('catalog'),
  CHANDLER_PLAN_SET: planSet.default({}),
  CHANDLER_HOST: z.string().default('127.0.0.1'),
  CHANDLER_PORT: wholeNumber(0, 65_535, 'a TCP port').default(8080),
  CHANDLER_TLS_CERT_FILE: z.string().optional(),
  CHANDLER_TLS_KEY_FILE: z.string().optional(),
  CHANDLER_USERNAME: ruled(usernameRule).optional(),
  CHANDLER_PLATFORM: label('kubernetes').default('kubernetes'),
  CHANDLER_NAMESPACES: namespaces.default(['*']),
  CHANDLER_CLUSTER: clusterName,
  CHANDLER_KUBECONFIG: z.string().optional(),
  CHANDLER_HELM: z.string().optional(),
  CHANDLER_HELM_REGISTRY_CONFIG: z.string().optional(),
  CHANDLER_HELM_CA_FILE: z.string().optional(),
  CHANDLER_OWN_NAMESPACE: label('chandler').optional(),
  CHANDLER_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], {
      error: 'be one of debug, info, warn, error, silent',
    })
    .default('info'),
  CHANDLER_WORKER_CONCURRENCY: wholeNumber(1, 256, 'a number of operations').default(8),
  CHANDLER_SERVER_CONCURRENCY: wholeNumber(1, 256, 'a number of operations').default(4),
  CHANDLER_CLUSTER_CONCURRENCY: wholeNumber(1, 10_000, 'a number of operations').default(32),
  CHANDLER_LEASE_SECONDS: wholeNumber(5, 300, 'a number of seconds').default(15),
  CHANDLER_SYNC_WAIT_SECONDS: wholeNumber(1, 55, 'a number of seconds').default(50),
  CHANDLER_QUICK_WAIT_MS: wholeNumber(0, 10_000, 'a number of milliseconds').default(1500),
  CHANDLER_SWEEP_SECONDS: wholeNumber(0, 86_400, 'a number of seconds').default(300),
  CHANDLER_ORPHAN_GRACE_SECONDS: wholeNumber(0, 604_800, 'a number of seconds').default(600),
  CHANDLER_RETENTION_DAYS: wholeNumber(2, 3_650, 'a number of days').default(30),
  CHANDLER_DRIFT_SECONDS: wholeNumber(0, 604_800, 'a number of seconds').default(3600),
});

/**
 * Parses the environment, and the file that CHANDLER_CONFIG names, into the configuration. Nothing but `start` reads
 * process.env.
 * @param environment variables by name; an empty value counts as absent
 * @param readTextFile reads the files that the settings name
 * @throws ConfigInvalid with a line for everything that is wrong
 */
export function readConfig(
  environment: Environment,
  readTextFile: ReadTextFile = (path) => readFileSync(path, 'utf8'),
): Config {
  const given = withoutEmpty(environment);
  const parsed = schema.safeParse(given);
  const problems = parsed.success ? [] : problemsOf(parsed.error);
  const report = (problem: string) => {
    problems.push(problem);
  };
  const credentials = readCredentials(given, parsed.data, readTextFile, report);
  const tls = readTls(given, readTextFile, report);
  const kube = findKube(given, report);
  const failpoints = readFailpoints(given.CHANDLER_FAILPOINT, report);
  if (
    !parsed.success ||
    credentials === undefined ||
    kube === undefined ||
    failpoints === undefined ||
    problems.length > 0
  ) {
    throw new ConfigInvalid(problems);
  }

  const values = parsed.data;
  return deepFreeze({
    ...databaseUrls(values),
    keyFile: values.CHANDLER_KEY_FILE,
    catalogFolder: values.CHANDLER_CATALOG,
    planSet: values.CHANDLER_PLAN_SET,
    host: values.CHANDLER_HOST,
    port: values.CHANDLER_PORT,
    ...(tls === undefined ? {} : { tls }),
    credentials,
    clusterName: values.CHANDLER_CLUSTER,
    kube,
    ...(values.CHANDLER_HELM === undefined ? {} : { helmPath: values.CHANDLER_HELM }),
    ...(values.CHANDLER_HELM_REGISTRY_CONFIG === undefined
      ? {}
      : { helmRegistryConfig: values.CHANDLER_HELM_REGISTRY_CONFIG }),
    ...(values.CHANDLER_HELM_CA_FILE === undefined ? {} : { helmCaFile: values.CHANDLER_HELM_CA_FILE }),
    ...(values.CHANDLER_OWN_NAMESPACE === undefined ? {} : { ownNamespace: values.CHANDLER_OWN_NAMESPACE }),
    logLevel: values.CHANDLER_LOG_LEVEL,
    workerConcurrency: values.CHANDLER_WORKER_CONCURRENCY,
    serverConcurrency: values.CHANDLER_SERVER_CONCURRENCY,
    clusterConcurrency: values.CHANDLER_CLUSTER_CONCURRENCY,
    leaseSeconds: values.CHANDLER_LEASE_SECONDS,
    syncWaitSeconds: values.CHANDLER_SYNC_WAIT_SECONDS,
    quickWaitMs: values.CHANDLER_QUICK_WAIT_MS,
    sweepSeconds: values.CHANDLER_SWEEP_SECONDS,
    orphanGraceSeconds: values.CHANDLER_ORPHAN_GRACE_SECONDS,
    retentionDays: values.CHANDLER_RETENTION_DAYS,
    driftSeconds: values.CHANDLER_DRIFT_SECONDS,
    failpoints,
  });
}

/**
 * The part of the configuration that a migration needs.
 * @throws ConfigInvalid with the lines that {@link readConfig} has for it
 */
export function readDatabaseUrls(environment: Environment): DatabaseUrls {
  const parsed = databaseSchema.safeParse(withoutEmpty(environment));
  if (!parsed.success) throw new ConfigInvalid(problemsOf(parsed.error));
  return databaseUrls(parsed.data);
}

/**
 * The part of the configuration that work on the keys needs.
 * @throws ConfigInvalid with the lines that {@link readConfig} has for it
 */
export function readKeySettings(environment: Environment): Pick<Config, 'databaseUrl' | 'keyFile'> {
  const parsed = keySchema.safeParse(withoutEmpty(environment));
  if (!parsed.success) throw new ConfigInvalid(problemsOf(parsed.error));
  return { databaseUrl: parsed.data.DATABASE_URL, keyFile: parsed.data.CHANDLER_KEY_FILE };
}

/**
 * The part of the configuration that settling orphans needs.
 * @throws ConfigInvalid with the lines that {@link readConfig} has for it
 */
export function readOrphanSettings(
  environment: Environment,
): DatabaseUrls & Pick<Config, 'keyFile' | 'clusterName' | 'kube'> {
  const given = withoutEmpty(environment);
  const parsed = orphanSchema.safeParse(given);
  const problems = parsed.success ? [] : problemsOf(parsed.error);
  const kube = findKube(given, (problem) => problems.push(problem));
  if (!parsed.success || kube === undefined) throw new ConfigInvalid(problems);
  const { CHANDLER_KEY_FILE, CHANDLER_CLUSTER } = parsed.data;
  return { ...databaseUrls(parsed.data), keyFile: CHANDLER_KEY_FILE, clusterName: CHANDLER_CLUSTER, kube };
}

/**
 * The part of the configuration that a command which only looks at the cluster needs.
 * @throws ConfigInvalid when nothing names one
 */
export function readKubeSource(environment: Environment): KubeSource {
  const kube = findKube(withoutEmpty(environment), () => undefined);
  if (kube !== undefined) return kube;
  const problem =
    'No cluster is named: give --kubeconfig FILE, or set CHANDLER_KUBECONFIG to a kubeconfig file.';
  throw new ConfigInvalid([problem]);
}

function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
}

function problemsOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => `${issue.path.join('.')} must ${issue.message}.`);
}

function databaseUrls(values: z.output<typeof databaseSchema>): DatabaseUrls {
  const listenUrl = values.CHANDLER_LISTEN_URL;
  return { databaseUrl: values.DATABASE_URL, ...(listenUrl === undefined ? {} : { listenUrl }) };
}

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'postgres:' || url.protocol === 'postgresql:');
}

/** Where the cluster's address and credentials come from. */
function findKube(environment: Environment, report: Report): KubeSource | undefined {
  const path = environment.CHANDLER_KUBECONFIG;
  if (path !== undefined) return { kind: 'kubeconfig', path };
  if (environment.KUBERNETES_SERVICE_HOST !== undefined) return { kind: 'in-cluster' };
  report('CHANDLER_KUBECONFIG must name a kubeconfig file, because Chandler does not run inside a cluster.');
  return undefined;
}

function deepFreeze<T extends object>(value: T): T {
  for (const item of Object.values(value)) {
    if (typeof item === 'object' && item !== null && !Object.isFrozen(item)) deepFreeze(item);
  }
  return Object.freeze(value);
}
