/** `chandler orphans adopt | remove | recreate`: what would be done, the question, and what it came to. */
import { createInterface } from 'node:readline/promises';
import { awaitOperation } from '../../tools/orphans/await-operation.ts';
import type { Orphan, OrphanAction } from '../../tools/orphans/group-findings.ts';
import { OrphanRefused } from '../../tools/orphans/orphan-refused.ts';
import { planSettlement } from '../../tools/orphans/plan-settlement.ts';
import type { Settlement, SettleOptions } from '../../tools/orphans/settlement.ts';
import { listOrphans, pickOrphans } from '../../tools/orphans/survey-orphans.ts';
import { type OrphanDeps, type OrphanSettings, workOnOrphans } from '../../tools/orphans/work-on-orphans.ts';
import { printable, short } from './list.ts';

export interface SettleRequest extends SettleOptions {
  action: OrphanAction;
  ids: readonly string[];
  dryRun: boolean;
  wait: boolean;
  /** Ask before anything is changed. */
  confirm: boolean;
  signal: AbortSignal;
}

export interface Settled {
  fine: boolean;
  interrupted: boolean;
}

const say = (line: string) => process.stdout.write(`${printable(line)}\n`);
const note = (line: string) => process.stderr.write(`${printable(line)}\n`);

export function settle(settings: OrphanSettings, request: SettleRequest): Promise<Settled> {
  return workOnOrphans(settings, async (deps) => {
    const { picked, all } = await pickOrphans(deps, request.ids);
    return request.confirm
      ? settleConfirmed(deps, inOrder(picked), all, request)
      : settleOneByOne(deps, inOrder(picked), all, request);
  });
}

/** Instances first: what belongs to one may be settled once it has a row. */
function inOrder(orphans: readonly Orphan[]): Orphan[] {
  const rank = ({ kind }: Orphan) => (kind.startsWith('instance') ? 0 : 1);
  return [...orphans].sort((a, b) => rank(a) - rank(b));
}

/** All of it is told before the one question. */
async function settleConfirmed(
  deps: OrphanDeps,
  picked: readonly Orphan[],
  all: readonly Orphan[],
  request: SettleRequest,
): Promise<Settled> {
  const planned: { orphan: Orphan; settlement: Settlement }[] = [];
  for (const orphan of picked) {
    const settlement = await planSettlement(deps, request.action, orphan, all, request);
    print(orphan, settlement);
    planned.push({ orphan, settlement });
  }
  if (request.dryRun) return done;
  await ask(request.signal);
  let outcome = done;
  for (const { orphan, settlement } of planned) {
    outcome = both(outcome, await run(deps, orphan, settlement, request));
    if (outcome.interrupted) break;
  }
  return outcome;
}

async function settleOneByOne(
  deps: OrphanDeps,
  picked: readonly Orphan[],
  all: readonly Orphan[],
  request: SettleRequest,
): Promise<Settled> {
  let outcome = done;
  for (const orphan of picked) {
    // The one before may have given this one its instance.
    const [now = orphan] = (await listOrphans(deps)).filter(({ id }) => id === orphan.id);
    const settlement = await planSettlement(deps, request.action, now, all, request);
    print(now, settlement);
    if (!request.dryRun) outcome = both(outcome, await run(deps, now, settlement, request));
    if (outcome.interrupted) break;
  }
  return outcome;
}

const done: Settled = { fine: true, interrupted: false };

function both(one: Settled, other: Settled): Settled {
  return { fine: one.fine && other.fine, interrupted: one.interrupted || other.interrupted };
}

function print({ id, kind }: Orphan, { steps, warnings }: Settlement): void {
  say(`${short(id)}  ${kind}`);
  for (const step of steps) say(`  - ${step}`);
  for (const warning of warnings) say(`  ! ${warning}`);
}

/** @throws OrphanRefused when the answer is not yes, or nobody can be asked */
async function ask(signal: AbortSignal): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new OrphanRefused(
      'Nothing was done: nobody can be asked here. Add --yes when all of this shall be done.',
    );
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question('Do all of this? Type yes: ', { signal });
    if (answer.trim() !== 'yes') throw new OrphanRefused('Nothing was done.');
  } finally {
    prompt.close();
  }
}

async function run(
  deps: OrphanDeps,
  orphan: Orphan,
  settlement: Settlement,
  { action, wait, signal }: SettleRequest,
): Promise<Settled> {
  const id = short(orphan.id);
  const operation = await settlement.begin();
  if (operation === undefined || !wait) {
    await forget(deps, orphan);
    say(`${id}  ${operation === undefined ? 'done' : `${operation.type} ${operation.uid} is on its way`}`);
    return done;
  }
  note(`${id}  waiting for the ${operation.type} ${operation.uid}`);
  const { state, description } = await awaitOperation(deps.store, operation, {
    signal,
    onProgress: (text) => note(`${id}  ${text}`),
    onUnclaimed: () =>
      note(
        `${id}  no worker has taken it up for 15 s: is a Chandler running on this database, and not busy?`,
      ),
  });
  if (state === 'in progress') {
    say(`${id}  interrupted; the ${operation.type} ${operation.uid} goes on`);
    return { fine: false, interrupted: true };
  }
  if (state === 'succeeded') await forget(deps, orphan);
  for (const warning of (state === 'succeeded' && (await settlement.leftAlone?.())) || []) {
    say(`${id}  ! ${warning}`);
  }
  say(`${id}  ${state === 'succeeded' ? 'settled' : `the ${operation.type} failed`}: ${description}`);
  if (state === 'failed' && operation.type === 'provision') {
    say(`${id}  once mended: chandler orphans adopt ${operation.instanceUid}`);
  }
  if (state === 'failed' && operation.type === 'bind' && action === 'adopt') {
    say(`${id}  once mended: chandler orphans adopt ${operation.bindingUid}`);
  }
  return { fine: state === 'succeeded', interrupted: false };
}

/** The next sweep would do it; until then the list should not name what is settled. */
async function forget({ store }: OrphanDeps, { findings }: Orphan): Promise<void> {
  for (const { uid } of findings) await store.findings.forget(uid);
}
