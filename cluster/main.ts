/** The local cluster's commands: node cluster/main.ts up | down | status | kubeconfig. */
import { Command } from 'commander';
import { ClusterError } from './cluster-source.ts';
import { LocalNode } from './local-node/local-node.ts';
import { elapsed } from './local-node/progress.ts';

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

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof ClusterError ? error.message : error);
  process.exitCode = 1;
}
