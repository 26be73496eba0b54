/** `chandler orphans`: where rows and what is outside differ, and how an admin settles it. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import type { OrphanAction } from '../tools/orphans/group-findings.ts';
import { OrphanRefused } from '../tools/orphans/orphan-refused.ts';
import type { OrphanSettings } from '../tools/orphans/work-on-orphans.ts';

const exitCodes = {
  fine: 0,
  /** There is something to be settled, or an operation failed. */
  unfinished: 1,
  /** Nothing was done: a line says why. */
  refused: 2,
  interrupted: 130,
} as const;

const help = `
Sweeps of the running brokers look for objects and logins without a row, for rows of which something is gone, and for
drift. They delete nothing; what they found is settled here.

DATABASE_URL and CHANDLER_KEY_FILE say which database and which keys, CHANDLER_KUBECONFIG which cluster (inside a pod
its own), CHANDLER_CLUSTER what the brokers call it. Workers of the brokers do the work, so one must be running.

  chandler orphans list                         what there is, and what settles it
  chandler orphans adopt 3f2a9c1b               an instance or binding without a row gets one again
  chandler orphans remove 3f2a9c1b 77d0e2aa     it goes, in good order
  chandler orphans recreate 0b64f21d            what a row promises and is gone is made again`;

const settleCodes = `
Exit codes:
  ${exitCodes.fine}    settled
  ${exitCodes.unfinished}    an operation failed; its line says why
  ${exitCodes.refused}    nothing was done for what the last line names
  ${exitCodes.interrupted}  interrupted; operations that began go on`;

const listHelp = `
Exit codes:
  ${exitCodes.fine}    nothing is to be settled
  ${exitCodes.unfinished}    something is
  ${exitCodes.refused}    the database, the key file or the cluster cannot be used`;

const adoptHelp = `
An instance: its row is written from its namespace (ids, plan, place) and its Secrets (what was generated); a provision
then finds everything made, applies what the plan says and waits until it is ready. What the user had chosen as
parameters is not known: give it with --parameters, a file with the JSON object. Nothing is deleted, and a volume that is
gone is not made anew. A binding: its row is written from the Secret that was delivered, and a bind gives its login the
same password. Adopt the instance before its bindings.

  chandler orphans adopt 3f2a9c1b --dry-run
  chandler orphans adopt 3f2a9c1b --parameters parameters.json
${settleCodes}`;

const removeHelp = `
An instance is deprovisioned, a binding unbound, whether they have a row or not: uids, foreign objects and order are
heeded as ever. A single object is deleted by its uid. Asks before, and names what goes.

  chandler orphans remove 3f2a9c1b
  chandler orphans remove 3f2a9c1b 77d0e2aa --yes
${settleCodes}`;

const recreateHelp = `
An instance is repaired: everything is applied again as its row says, also what was changed by another hand. A volume
that is gone is never made anew without --with-empty-volumes. A binding is bound again with the password that it had.

  chandler orphans recreate 0b64f21d
  chandler orphans recreate 0b64f21d --with-empty-volumes
${settleCodes}`;

interface Surroundings {
  /** Throws what names the variables that are wrong. */
  readSettings(): OrphanSettings;
  /** Says why the command ends, and ends it. */
  fail(thrown: unknown, exitCode: number): never;
}

interface GivenOptions {
  dryRun?: true;
  wait: boolean;
  yes?: true;
  parameters?: string;
  plan?: string;
  trustSecret?: true;
  withEmptyVolumes?: true;
}

export function addOrphansCommand(program: Command, { readSettings, fail }: Surroundings): void {
  const orphans = program
    .command('orphans')
    .description('see and settle where the database and what is outside differ')
    .addHelpText('after', help);

  orphans
    .command('list')
    .description('what sweeps found, and what settles it')
    .option('--json', 'print JSON, with those that are not confirmed yet')
    .addHelpText('after', listHelp)
    .action(async (options: { json?: true }) => {
      try {
        const { list } = await import('./orphans/list.ts');
        const { fine, text } = await list(readSettings(), { json: options.json === true });
        process.stdout.write(text);
        process.exitCode = fine ? exitCodes.fine : exitCodes.unfinished;
      } catch (thrown) {
        fail(thrown, exitCodes.refused);
      }
    });

  settling('adopt', 'give an instance or a binding that has no row its row again', adoptHelp)
    .option('--parameters <file>', 'JSON object with what the user had chosen for the instance')
    .option('--plan <id>', 'plan of the instance, in place of the one that its namespace names')
    .option('--trust-secret', 'adopt a binding although no sweep found its login on the server');
  settling('remove', 'remove what has no row, or the row of what is gone', removeHelp).option(
    '--yes',
    'do not ask',
  );
  settling('recreate', 'make again what a row promises and is gone or changed', recreateHelp).option(
    '--with-empty-volumes',
    'make volumes that are gone anew, without what they held',
  );

  function settling(action: OrphanAction, description: string, more: string): Command {
    return orphans
      .command(action)
      .argument('<id...>', 'as `chandler orphans list` shows them; the first four characters may be enough')
      .description(description)
      .option('--dry-run', 'print what would be done, and do nothing')
      .option('--no-wait', 'do not wait for the operation')
      .addHelpText('after', more)
      .action((ids: string[], options: GivenOptions) => run(action, ids, options));
  }

  async function run(action: OrphanAction, ids: string[], options: GivenOptions): Promise<void> {
    const stop = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
    try {
      const { settle } = await import('./orphans/settle.ts');
      const { fine, interrupted } = await settle(readSettings(), {
        action,
        ids,
        dryRun: options.dryRun === true,
        wait: options.wait,
        confirm: action === 'remove' && options.yes !== true,
        signal: stop.signal,
        trustSecret: options.trustSecret === true,
        withEmptyVolumes: options.withEmptyVolumes === true,
        ...(options.plan === undefined ? {} : { planId: options.plan }),
        ...(options.parameters === undefined ? {} : { parameters: await readObject(options.parameters) }),
      });
      if (interrupted) process.exitCode = exitCodes.interrupted;
      else process.exitCode = fine ? exitCodes.fine : exitCodes.unfinished;
    } catch (thrown) {
      fail(thrown, stop.signal.aborted ? exitCodes.interrupted : exitCodes.refused);
    }
  }
}

/** @throws OrphanRefused, which does not repeat what the file holds, as errors of JSON.parse do */
async function readObject(path: string): Promise<JsonObject> {
  let value: JsonValue;
  try {
    value = JSON.parse(await readFile(path, 'utf8')) as JsonValue;
  } catch (thrown) {
    const reason = thrown instanceof SyntaxError ? 'it is not JSON' : String(thrown);
    throw new OrphanRefused(`--parameters: ${path} cannot be read: ${reason}.`);
  }
  if (isJsonObject(value)) return value;
  throw new OrphanRefused(`--parameters: ${path} must hold a JSON object.`);
}
