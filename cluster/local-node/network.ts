/** The node's bridge, routes, masquerading and kernel settings, and how all of them go away again. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { ClusterError } from '../cluster-source.ts';
import { exists } from './binaries.ts';
import type { Layout } from './layout.ts';

/** Settings that the node, the kubelet or kube-proxy change; `down` puts the old values back. */
const settings = [
  'net/ipv4/ip_forward',
  'net/bridge/bridge-nf-call-iptables',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

const savedPath = (layout: Layout) => join(layout.stateDir, 'sysctl.json');

/** Makes the bridge, the masquerading rule and the kernel settings; returns what kube-proxy must know. */
export async function ensureNetwork(layout: Layout): Promise<{ bridgeFiltered: boolean }> {
  await saveSettings(layout);
  await ensureBridge(layout);
  await ensureMasquerading(layout);
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  const filter = '/proc/sys/net/bridge/bridge-nf-call-iptables';
  if (!(await exists(filter))) await execa('modprobe', ['br_netfilter'], { reject: false });
  const bridgeFiltered = await writeFile(filter, '1').then(
    () => true,
    () => false,
  );
  return { bridgeFiltered };
}

/** True when the bridge has its address. */
export async function bridgeIsUp(layout: Layout): Promise<boolean> {
  const { stdout, failed } = await execa('ip', ['-o', '-4', 'addr', 'show', 'dev', layout.bridge], {
    reject: false,
  });
  return !failed && stdout.includes(` ${layout.nodeIp}/${layout.podPrefixLength} `);
}

async function ensureBridge(layout: Layout): Promise<void> {
  const { bridge } = layout;
  if (!(await bridgeIsUp(layout))) {
    await refuseForeignNetworks(layout);
    // The address is fixed, or the bridge would take on that of each pod which joins.
    await execa('ip', ['link', 'add', 'name', bridge, 'address', layout.bridgeMac, 'type', 'bridge'], {
      reject: false,
    });
    await ip('addr', 'replace', `${layout.nodeIp}/${layout.podPrefixLength}`, 'dev', bridge);
  }
  await ip('link', 'set', bridge, 'up');
  // So that this machine reaches Services even where it has no default route, or a route of its own for these addresses.
  await ip('route', 'replace', layout.serviceCidr, 'dev', bridge, 'src', layout.nodeIp);
}

async function refuseForeignNetworks(layout: Layout): Promise<void> {
  const { stdout } = await execa('ip', ['-o', '-4', 'route', 'show', 'root', layout.podCidr]);
  const foreign = stdout
    .split('\n')
    .filter((line) => line !== '' && !line.includes(` dev ${layout.bridge} `));
  if (foreign.length > 0) {
    throw new ClusterError(`this machine already uses addresses of ${layout.podCidr}: ${foreign[0]?.trim()}`);
  }
}

async function ensureMasquerading(layout: Layout): Promise<void> {
  const table = `ip ${layout.nftTable}`;
  // Adding before deleting makes the replacement work whether or not the table is there.
  await nft(`add table ${table}
delete table ${table}
table ${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${layout.podCidr} ip daddr != ${layout.podCidr} masquerade
  }
}
`);
}

/** Removes the bridge with what hangs on it, our table and kube-proxy's, and restores kernel settings. */
export async function removeNetwork(layout: Layout): Promise<void> {
  const { stdout } = await execa('ip', ['-o', 'link', 'show', 'master', layout.bridge], { reject: false });
  for (const line of stdout.split('\n')) {
    const link = /^\d+: ([^@:]+)/.exec(line)?.[1];
    if (link !== undefined) await execa('ip', ['link', 'del', link], { reject: false });
  }
  await execa('ip', ['link', 'del', layout.bridge], { reject: false });
  for (const table of [`ip ${layout.nftTable}`, 'ip kube-proxy', 'ip6 kube-proxy']) {
    await nft(`add table ${table}\ndelete table ${table}\n`);
  }
  await restoreSettings(layout);
}

async function saveSettings(layout: Layout): Promise<void> {
  if (await exists(savedPath(layout))) return;
  const values: Record<string, string> = {};
  for (const name of settings) {
    const value = await readFile(`/proc/sys/${name}`, 'utf8').catch(() => undefined);
    if (value !== undefined) values[name] = value.trim();
  }
  await mkdir(layout.stateDir, { recursive: true, mode: 0o700 });
  await writeFile(`${savedPath(layout)}.partial`, JSON.stringify(values));
  await rename(`${savedPath(layout)}.partial`, savedPath(layout));
}

async function restoreSettings(layout: Layout): Promise<void> {
  const text = await readFile(savedPath(layout), 'utf8').catch(() => '{}');
  const values = JSON.parse(text) as Record<string, string>;
  for (const [name, value] of Object.entries(values)) {
    if (settings.includes(name)) await writeFile(`/proc/sys/${name}`, value).catch(() => undefined);
  }
}

async function ip(...args: string[]): Promise<void> {
  await execa('ip', args, { stdin: 'ignore' });
}

async function nft(input: string): Promise<void> {
  await execa('nft', ['-f', '-'], { input });
}
