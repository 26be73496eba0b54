/** The local cluster's commands: node cluster/main.ts up | down | status | kubeconfig | operator. */
import { Argument, Command, Option } from 'commander';
import { ClusterError } from './cluster-source.ts';
import { LocalNode } from './local-node/local-node.ts';
import { elapsed } from './local-node/progress.ts';
import { ensureKro, removeKro, scaleKro } from './operators/kro.ts';

const started = performance.now();

function say(message: string): void {
  console.log(`[${elapsed(started).padStart(12)}] ${message}`);
}

const program = new Command('cluster').description(
  'A real one-node Kubernetes on this machine, for tests and the quickstart.',
);

program
  .command('up')
  .description(
    'bring the cluster up, or mend it; the first time builds Kubernetes and takes about 10 minutes',
  )
  .action(async () => {
    await new LocalNode().up(say);
  });

program
  .command('down')
  .description('remove the cluster and all its data; the cache of programs and images stays')
  .action(async () => {
    await new LocalNode().down(say);
  });

program
  .command('status')
  .description('show each part; exits 0 only when all are healthy')
  .action(async () => {
    const status = await new LocalNode().status();
    for (const { name, healthy, detail } of status.components) {
      console.log(`${healthy ? 'ok  ' : 'FAIL'} ${name.padEnd(24)} ${detail}`);
    }
    if (status.kubeconfigPath !== undefined) console.log(`kubeconfig: ${status.kubeconfigPath}`);
    if (status.auditLogPath !== undefined) console.log(`audit log:  ${status.auditLogPath}`);
    if (!status.healthy) process.exitCode = 1;
  });

program
  .command('kubeconfig')
  .description("print the path of the admin's kubeconfig")
  .action(() => {
    console.log(new LocalNode().layout.kubeconfigPath);
  });

program
  .command('operator')
  .description('put an operator for tests on the cluster, which must be up; the first time builds it')
  .addArgument(new Argument('<name>', 'which one').choices(['kro']))
  .addOption(new Option('--remove', 'uninstall it with its kinds').conflicts(['stop', 'start']))
  .addOption(new Option('--stop', 'scale it to nothing; its kinds stay').conflicts('start'))
  .option('--start', 'start it again')
  .action(async (_name: string, { remove, stop, start }: { remove?: true; stop?: true; start?: true }) => {
    const node = new LocalNode();
    if (remove) await removeKro(node, say);
    else if (stop) await scaleKro(node, 0, say);
    else if (start) await scaleKro(node, 1, say);
    else await ensureKro(node, say);
  });

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof ClusterError ? error.message : error);
  process.exitCode = 1;
}
