/** The reference broker as a process of its own: whole, or with rules broken in a copy. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const original = path.join(import.meta.dirname, 'reference-broker');

/** Breaks a rule: a text that is in its file exactly once, and what to put there. */
export interface ReferenceMutant {
  /** Inside reference-broker/. */
  file: string;
  find: string;
  replace: string;
}

export interface RunningReferenceBroker {
  url: string;
  username: string;
  password: string;
  /** What exists in it. */
  books(): Promise<{ instances: number; bindings: number }>;
  stop(): Promise<void>;
}

export async function startReferenceBroker({
  mutant = [],
  delayMs = 60,
}: {
  mutant?: readonly ReferenceMutant[];
  delayMs?: number;
} = {}): Promise<RunningReferenceBroker> {
  const copy = mutant.length === 0 ? undefined : await copyWith(mutant);
  const child = spawn(process.execPath, [path.join(copy ?? original, 'main.ts')], {
    stdio: 'pipe',
    env: { ...process.env, REFERENCE_DELAY_MS: String(delayMs) },
  });
  const ended = once(child, 'close');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    if (copy !== undefined) await rm(copy, { recursive: true, force: true });
  };
  try {
    const url = await announcedUrl(child);
    const books = async () => {
      const response = await fetch(`${url}/debug/books`);
      return (await response.json()) as { instances: number; bindings: number };
    };
    return { url, username: 'checker', password: 'reference secret', books, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function copyWith(mutants: readonly ReferenceMutant[]): Promise<string> {
  const copy = await mkdtemp(path.join(tmpdir(), 'reference-broker-'));
  try {
    await cp(original, copy, { recursive: true });
    await writeFile(path.join(copy, 'package.json'), '{"type":"module"}');
    for (const { file, find, replace } of mutants) {
      const pieces = (await readFile(path.join(copy, file), 'utf8')).split(find);
      if (pieces.length !== 2)
        throw new Error(`${file} has it ${pieces.length - 1} times, not once: ${find}`);
      await writeFile(path.join(copy, file), pieces.join(replace));
    }
    return copy;
  } catch (error) {
    await rm(copy, { recursive: true });
    throw error;
  }
}

async function announcedUrl({ stdout, stderr }: ChildProcess): Promise<string> {
  if (stdout === null || stderr === null) throw new Error('the reference broker was started without pipes');
  let complaints = '';
  stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  for await (const line of createInterface({ input: stdout })) {
    return (JSON.parse(line) as { url: string }).url;
  }
  throw new Error(`the reference broker ended before it listened: ${complaints}`);
}
