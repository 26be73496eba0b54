/**
 * Proves that the tests of docs/osbapi.md can fail: breaks one rule after the other in a copy of the tree, and expects
 * the tests of that rule to notice. `make break-rules`; `node test/osbapi/break-rules.ts 38 39` for some items alone.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import type { Mutant } from './mutants/types.ts';

const top = path.resolve(import.meta.dirname, '../..');
const mutantFolder = path.join(import.meta.dirname, 'mutants');
const copied = ['src', 'test', 'catalog', 'charts', 'cluster', 'migrations', 'docs'];
const copiedFiles = ['package.json', 'tsconfig.json', 'vitest.config.ts'];

interface Verdict {
  mutant: Mutant;
  caught: boolean;
  /** Why it counts as not caught. */
  reason?: string;
}

async function loadMutants(items: readonly number[]): Promise<Mutant[]> {
  const files = (await readdir(mutantFolder)).filter((name) => name !== 'types.ts').sort();
  const loaded = await Promise.all(
    files.map(async (name) => (await import(path.join(mutantFolder, name))) as { mutants: Mutant[] }),
  );
  const all = loaded.flatMap(({ mutants }) => mutants);
  return items.length === 0 ? all : all.filter((mutant) => mutant.items.some((item) => items.includes(item)));
}

async function copyTree(): Promise<string> {
  const copy = await mkdtemp(path.join(tmpdir(), 'chandler-break-rules-'));
  for (const name of [...copied, ...copiedFiles]) {
    await cp(path.join(top, name), path.join(copy, name), { recursive: true });
  }
  await symlink(path.join(top, 'node_modules'), path.join(copy, 'node_modules'));
  return copy;
}

/** A test's title begins with the items it is about: `[38]` or `[38, 39]`. */
function titlePattern({ items, title }: Mutant): string {
  if (title !== undefined) return title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return `\\[[^\\]]*\\b(${items.join('|')})\\b[^\\]]*\\]`;
}

async function tryMutant(mutant: Mutant, tree: string): Promise<Verdict> {
  const file = path.join(tree, mutant.file);
  const original = await readFile(file, 'utf8');
  const pieces = original.split(mutant.find);
  if (pieces.length !== 2) {
    return { mutant, caught: false, reason: `the text to replace is there ${pieces.length - 1} times` };
  }
  await writeFile(file, pieces.join(mutant.replace));
  try {
    const { code, output } = await runTests(mutant, tree);
    if (code === 0) return { mutant, caught: false, reason: 'all its tests passed' };
    // A tree that does not even load is no proof of a test.
    const failed = /Tests .*\b(\d+) failed/.exec(output.replaceAll(/\[[0-9;]*m/g, ''));
    return failed === null
      ? { mutant, caught: false, reason: output.slice(-1500) }
      : { mutant, caught: true };
  } finally {
    await writeFile(file, original);
  }
}

function runTests(mutant: Mutant, tree: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    path.join(tree, 'node_modules/.bin/vitest'),
    ['run', '--project', 'fast', mutant.test, '-t', titlePattern(mutant), '--maxWorkers', '1'],
    { cwd: tree, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, output }));
  });
}

const mutants = await loadMutants(process.argv.slice(2).map(Number));
const queue = [...mutants];
const verdicts: Verdict[] = [];
await Promise.all(
  Array.from({ length: Math.max(1, availableParallelism()) }, async () => {
    const tree = await copyTree();
    try {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const verdict = await tryMutant(mutant, tree);
        verdicts.push(verdict);
        const what = `[${mutant.items.join(', ')}] ${mutant.file}: ${mutant.replace.trim().slice(0, 60) || 'removed'}`;
        const word = verdict.caught ? 'caught' : 'NOT CAUGHT';
        process.stdout.write(
          `${verdicts.length}/${mutants.length} ${word}  ${what.replaceAll(/\s+/g, ' ')}\n`,
        );
        if (verdict.reason !== undefined) process.stdout.write(`    ${verdict.reason}\n`);
      }
    } finally {
      await rm(tree, { recursive: true });
    }
  }),
);
const missed = verdicts.filter(({ caught }) => !caught).length;
process.stdout.write(`${verdicts.length - missed} passed, ${missed} failed\n`);
process.exitCode = missed === 0 ? 0 : 1;
