#!/usr/bin/env node
/** The `chandler` command: it and its neighbours alone read process.env. */
import { Command, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { addCheckCommand } from '../cli/check.ts';
import { addKeysCommand } from '../cli/keys.ts';
import { addOrphansCommand } from '../cli/orphans.ts';
import {
  readConfig,
  readDatabaseUrls,
  readKeySettings,
  readKubeSource,
  readOrphanSettings,
} from '../config/read-config.ts';
import { createKeyFile } from '../lib/key-file.ts';
import { migrate } from '../store/migrate.ts';
import type { LintTarget } from './catalog-lint.ts';
import { explainFailure } from './explain-failure.ts';

const environmentHelp = `
Environment of serve:
  DATABASE_URL             Postgres that keeps Chandler's state
  CHANDLER_KEY_FILE        file with the key that seals credentials (chandler new-key PATH makes one)
  CHANDLER_USERNAME        user name that the platform sends
  CHANDLER_PASSWORD        its password, or CHANDLER_PASSWORD_FILE
  CHANDLER_CONFIG          YAML file with credentials for several platforms, instead of the two above,
                           and with the options of the OSB API
  CHANDLER_KUBECONFIG      cluster for the instances; inside a pod its own cluster is the default
  CHANDLER_CATALOG         folder with offerings (default: catalog)
All variables and the file are in docs/configuration.md.`;

const program = new Command('chandler')
  .description('The Open Service Broker for Kubernetes.')
  .version(packageJson.version)
  .showHelpAfterError('(try chandler --help)')
  .addHelpText('after', `${environmentHelp} Try it all on this machine: chandler quickstart`);

program
  .command('serve')
  .description('run the broker: the OSB API, the worker and the watcher')
  .option('--migrate', 'bring the database to the newest schema first')
  .addHelpText('after', environmentHelp)
  .action(async (options: { migrate?: true }) => {
    const { serve } = await import('./serve.ts');
    const config = readConfig(process.env);
    if (options.migrate === true) await migrate((config.listenUrl ?? config.databaseUrl).reveal());
    const broker = await serve(config);
    stopOnSignal((signal) => broker.stop(signal));
  });

program
  .command('migrate')
  .description('bring the database at DATABASE_URL to the newest schema; safe to run again')
  .action(async () => {
    const { databaseUrl, listenUrl } = readDatabaseUrls(process.env);
    const ran = await migrate((listenUrl ?? databaseUrl).reveal());
    process.stdout.write(ran.length === 0 ? 'the schema is up to date\n' : `ran ${ran.join(', ')}\n`);
  });

program
  .command('new-key')
  .argument('<path>', 'where to write it; never overwritten')
  .description('write a new key file for CHANDLER_KEY_FILE')
  .action(async (path: string) => {
    await createKeyFile(path);
    process.stdout.write(`wrote ${path}; keep a copy, without it the database cannot be read\n`);
  });

program
  .command('catalog')
  .description('work on offerings')
  .command('lint')
  .argument('[folder]', 'folder with one YAML file per offering', 'catalog')
  .description(
    'check offerings as serve does and print each problem as file:line:column; exit 1 when there is one',
  )
  .option('--cluster', 'then ask a cluster whether it has the kinds, and try the objects there in a dry run')
  .addOption(
    new Option(
      '--kubeconfig <path>',
      'of that cluster (default: CHANDLER_KUBECONFIG, or inside a pod its own); implies --cluster',
    ).implies({ cluster: true }),
  )
  .option('--namespace <name>', 'where to try the objects; it must exist', 'default')
  .addHelpText(
    'after',
    `
Charts are looked for beside the folder (catalog/ uses charts/) and rendered with the helm on the PATH or at
CHANDLER_HELM; without one, the rest is checked. docs/catalog.md explains every key of an offering.

With --cluster nothing is made: objects are sent as server-side applies with dryRun=All, filled with the defaults of the
parameters. What reads something that only a real instance has is left out, and a line says so.`,
  )
  .action(async (folder: string, options: ClusterLintOptions) => {
    const { lintCatalog } = await import('./catalog-lint.ts');
    const target = options.cluster === true ? await openLintTarget(options) : undefined;
    try {
      const { fine, lines } = await lintCatalog(folder, process.env, target);
      process.stdout.write(lines.map((line) => `${line}\n`).join(''));
      if (!fine) process.exitCode = 1;
    } finally {
      await target?.cluster.close();
    }
  });

program
  .command('quickstart')
  .description('bring up what is missing, then provision, bind and use a real PostgreSQL')
  .option(
    '--kubeconfig <path>',
    'use this cluster instead of a local one; only namespaces of its own are touched. The cluster IPs of its Services must be reachable from this machine',
  )
  .option('--once', 'verify, take down what was brought up, and exit (also with CI=true)')
  .action(async (options: { kubeconfig?: string; once?: true }) => {
    const { quickstart } = await import('./quickstart/quickstart.ts');
    await quickstart({
      ...(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }),
      once: options.once === true || process.env.CI === 'true',
      environment: process.env,
    });
  });

addCheckCommand(program, { environment: process.env, fail });
addKeysCommand(program, {
  keyFile: process.env.CHANDLER_KEY_FILE,
  readSettings: () => readKeySettings(process.env),
  fail,
});

addOrphansCommand(program, {
  readSettings() {
    const { kube, ...settings } = readOrphanSettings(process.env);
    return { ...settings, ...(kube.kind === 'kubeconfig' ? { kubeconfigPath: kube.path } : {}) };
  },
  fail,
});

interface ClusterLintOptions {
  cluster?: true;
  kubeconfig?: string;
  namespace: string;
}

async function openLintTarget({ kubeconfig, namespace }: ClusterLintOptions): Promise<LintTarget> {
  const { connectCluster } = await import('../kube/connect-cluster.ts');
  const given = kubeconfig === undefined ? {} : { CHANDLER_KUBECONFIG: kubeconfig };
  const kube = readKubeSource({ ...process.env, ...given });
  const access = kube.kind === 'kubeconfig' ? { kubeconfigPath: kube.path } : { inCluster: true };
  return { namespace, cluster: await connectCluster({ name: 'under lint', ...access }) };
}

/** The first signal stops in good order, a second one at once. */
function stopOnSignal(stop: (signal: string) => Promise<void>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      void stop(signal).then(
        () => process.exit(0),
        (thrown: unknown) => fail(thrown),
      );
    });
  }
}

function fail(thrown: unknown, exitCode = 1): never {
  process.stderr.write(`${explainFailure(thrown, process.env)}\n`);
  process.exit(exitCode);
}

try {
  await program.parseAsync();
} catch (thrown) {
  fail(thrown);
}
