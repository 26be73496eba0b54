/** `chandler keys`: the keys of the key file, and which of them the rows of the database need. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { KeySettings } from '../tools/keys/work-on-keys.ts';
import { wholeNumber } from './whole-number.ts';

const exitCodes = {
  fine: 0,
  /** Rows are not on the active key, or do not open. */
  unfinished: 1,
  /** The key file or the database cannot be used, or another rotation is at work. */
  cannotTell: 2,
  interrupted: 130,
} as const;

const help = `
DATABASE_URL and CHANDLER_KEY_FILE say which database and which keys. No command prints a key or anything sealed.

A new key takes over in these steps; docs/keys.md has them with their output:
  1. chandler keys add                the new key opens, the old one still seals; roll the file out to every Chandler
  2. chandler keys activate <id>      the new key seals; roll the file out again
  3. chandler keys rotate             wraps the data key of every row with the new key
  4. chandler keys status             says when the old key can leave the file`;

const statusHelp = `
Exit codes:
  ${exitCodes.fine}    every row is on the active key
  ${exitCodes.unfinished}    something is to be done; the last lines say what
  ${exitCodes.cannotTell}    the database or the key file cannot be used`;

const rotateHelp = `
Sealed columns stay as they are: only the data key of each row is wrapped anew, in short transactions beside running
Chandlers. Stop or kill it at any time; the next run does what is left.

Exit codes:
  ${exitCodes.fine}    every row is on the active key
  ${exitCodes.unfinished}    some rows are not; they are named
  ${exitCodes.cannotTell}    nothing was done: the last line says why
  ${exitCodes.interrupted}  interrupted`;

interface Surroundings {
  keyFile: string | undefined;
  /** Throws what names the variables that are wrong. */
  readSettings(): KeySettings;
  /** Says why the command ends, and ends it. */
  fail(thrown: unknown, exitCode: number): never;
}

export function addKeysCommand(program: Command, { keyFile, readSettings, fail }: Surroundings): void {
  const keys = program
    .command('keys')
    .description('see and rotate the keys that seal the database')
    .addHelpText('after', help);

  keys
    .command('status')
    .description('which keys there are, and how many rows need each')
    .option('--verify', 'also open every sealed column of every row')
    .option('--json', 'print JSON')
    .addHelpText('after', statusHelp)
    .action(async (options: { verify?: true; json?: true }) => {
      try {
        const { status } = await import('./keys/status.ts');
        const { fine, text } = await status(readSettings(), {
          verify: options.verify === true,
          json: options.json === true,
        });
        process.stdout.write(text);
        process.exitCode = fine ? exitCodes.fine : exitCodes.unfinished;
      } catch (thrown) {
        fail(thrown, exitCodes.cannotTell);
      }
    });

  keys
    .command('rotate')
    .description('wrap the data key of every row with the active key, the first of the key file')
    .option('--batch-size <rows>', 'rows per transaction', wholeNumber(1, 10_000), 200)
    .option('--force', 'also when Chandlers seem to run that do not have the active key')
    .addHelpText('after', rotateHelp)
    .action(async (options: { batchSize: number; force?: true }) => {
      const stop = new AbortController();
      // The first signal ends it after the batch under way, a second one at once.
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
      try {
        const { rotate } = await import('./keys/rotate.ts');
        const { fine, interrupted } = await rotate(readSettings(), {
          owner: `${hostname()}-${process.pid}`,
          batchSize: options.batchSize,
          force: options.force === true,
          signal: stop.signal,
        });
        if (interrupted) process.exitCode = exitCodes.interrupted;
        else process.exitCode = fine ? exitCodes.fine : exitCodes.unfinished;
      } catch (thrown) {
        fail(thrown, exitCodes.cannotTell);
      }
    });

  const pathHelp = 'the key file; default: CHANDLER_KEY_FILE';
  keys
    .command('add')
    .argument('[path]', pathHelp)
    .description('add a new key to the key file; it opens, and does not seal before it is activated')
    .action(async (path: string | undefined) => {
      const { addKey } = await import('../lib/key-file.ts');
      const file = pathOf(path);
      const id = await addKey(file);
      process.stdout.write(
        `added the key "${id}" to ${file}, as the last one: it opens, and does not seal yet.\n` +
          `Keep a copy of the file. When every Chandler has started with it: chandler keys activate ${id}\n`,
      );
    });

  keys
    .command('activate')
    .argument('<id>', 'a key of the file')
    .argument('[path]', pathHelp)
    .description('make a key of the key file the first one, with which new rows are sealed')
    .action(async (id: string, path: string | undefined) => {
      const { activateKey } = await import('../lib/key-file.ts');
      const file = pathOf(path);
      await activateKey(file, id);
      process.stdout.write(
        `the key "${id}" is the first one of ${file}: what starts with the file seals with it.\n` +
          'When every Chandler has started with it: chandler keys rotate\n',
      );
    });

  function pathOf(path: string | undefined): string {
    const file = path ?? keyFile;
    return file || program.error('Name the key file, or set CHANDLER_KEY_FILE.');
  }
}
