/** SIGKILL of a broker while its helm runs: the helm dies with it. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { type CatalogCopy, copyCatalog, markedStorage, onlyMarked } from '../support/catalog-copy.ts';
import { eventually } from '../support/cluster.ts';
import { removeInstallation } from '../support/installation.ts';
import { firstPlan, PlatformInstance } from '../support/platform-instance.ts';

/** Many seconds of one core, and hardly any memory. */
const slow = '{{ range until 20000 }}{{ range until 5000 }}{{ end }}{{ end }}';

let catalog: CatalogCopy;
let home: BrokerHome;
let broker: TestBroker;

beforeAll(async () => {
  catalog = await copyCatalog({ 'service.yaml': (text) => `${onlyMarked(slow)}\n${text}` });
  home = await createBrokerHome();
  broker = await home.start({ CHANDLER_CATALOG: catalog.folder });
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await catalog?.remove();
});

interface Process {
  pid: number;
  name: string;
  /** `R` running, `S` sleeping, `Z` ended and not yet waited for, ... (proc(5)). */
  state: string;
  parent: number;
  /** In clock ticks since boot: tells a process from a later one with the same pid. */
  startedAt: string;
}

async function findProcess(pid: number): Promise<Process | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const parts = stat === undefined ? null : /^\d+ \((.*)\) (.*)$/s.exec(stat);
  if (parts === null) return undefined;
  const [state = '', parent = '', ...rest] = (parts[2] ?? '').split(' ');
  return { pid, name: parts[1] ?? '', state, parent: Number(parent), startedAt: rest[17] ?? '' };
}

async function childrenOf(pid: number): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = await Promise.all(pids.map(findProcess));
  return all.filter((one) => one !== undefined).filter(({ parent }) => parent === pid);
}

it.runIf(process.platform === 'linux')('no helm process outlives a killed broker', async () => {
  const instance = new PlatformInstance(await firstPlan(broker), 'default');
  await instance.startProvision(broker, { storage: markedStorage });
  const helm = await eventually('helm runs', async () =>
    (await childrenOf(broker.pid)).find(({ name }) => name === 'helm'),
  );
  // It is in the middle of its work, not at the beginning of it.
  await sleep(1000);
  expect(await findProcess(helm.pid)).toMatchObject({ name: 'helm', startedAt: helm.startedAt });

  await broker.kill('SIGKILL');

  const killedAt = performance.now();
  const alive = async () => {
    const now = await findProcess(helm.pid);
    return now !== undefined && now.startedAt === helm.startedAt && now.state !== 'Z';
  };
  while ((await alive()) && performance.now() - killedAt < 2000) await sleep(5);
  const lived = performance.now() - killedAt;
  const outlived = await alive();
  if (outlived) process.kill(helm.pid, 'SIGKILL');
  console.log(`helm was gone ${lived.toFixed(0)} ms after its broker`);
  expect(outlived).toBe(false);
});
