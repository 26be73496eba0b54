/** What every user of a machine can read while something runs: the arguments of its processes. Linux only. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ArgumentsWatch {
  /** Each command line that was seen, once. */
  stop(): Promise<string[]>;
}

/** Looks again and again, so that children that live for moments are seen. */
export function watchProcessArguments(): ArgumentsWatch {
  const seen = new Set<string>();
  let stopped = false;
  const looking = (async () => {
    while (!stopped) {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
      const lines = await Promise.all(
        pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
      );
      for (const line of lines) if (line !== '') seen.add(line.replaceAll('\0', ' '));
      await sleep(15);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await looking;
      return [...seen];
    },
  };
}
