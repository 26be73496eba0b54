/** `chandler keys rotate`: progress to stderr, what it came to to stdout. */
import {
  type Rotation,
  type RotationOptions,
  type RotationProgress,
  rotateKeys,
} from '../../tools/keys/rotate-keys.ts';
import { type KeySettings, workOnKeys } from '../../tools/keys/work-on-keys.ts';

/** A line for the first batch, then one for each tenth, and after this time. */
const progressEveryMs = 5000;

export async function rotate(
  settings: KeySettings,
  options: Omit<RotationOptions, 'onProgress' | 'onWait'>,
): Promise<{ fine: boolean; interrupted: boolean }> {
  const rotation = await workOnKeys(settings, (admin) =>
    rotateKeys(admin, {
      ...options,
      onProgress: progressPrinter(),
      onWait: (owner) => {
        process.stderr.write(
          `waiting for another rotation (${owner}), or for its lease to end if it was killed\n`,
        );
      },
    }),
  );
  process.stdout.write(
    linesOf(rotation)
      .map((line) => `${line}\n`)
      .join(''),
  );
  const { left, unreadable, interrupted } = rotation;
  return { fine: left === 0 && unreadable.length === 0, interrupted };
}

function progressPrinter(): (progress: RotationProgress) => void {
  let nextAt = 0;
  let nextDone = 0;
  return ({ table, done, total, rowsPerSecond }) => {
    if (performance.now() < nextAt && done < nextDone) return;
    nextAt = performance.now() + progressEveryMs;
    nextDone = (Math.floor((done * 10) / total) + 1) * (total / 10);
    process.stderr.write(`${done} of ${total} row(s), ${Math.round(rowsPerSecond)} per second (${table})\n`);
  };
}

function linesOf({ activeKey, done, left, unreadable, interrupted, seconds }: Rotation): string[] {
  return [
    `${done} row(s) wrapped with the key "${activeKey}" in ${seconds.toFixed(1)} s`,
    ...unreadable.map(({ reason }) => `left as it is: ${reason}`),
    ...(interrupted ? ['interrupted; run it again to do what is left'] : []),
    ...(left > 0 && !interrupted
      ? [
          `${left} row(s) are still under other keys: others held them, or a Chandler still seals with an old key. Run it again.`,
        ]
      : []),
    ...(unreadable.length > 0
      ? [`${unreadable.length} row(s) do not open: restore them, and keep the old key until then.`]
      : []),
    ...(left === 0 && unreadable.length === 0 && !interrupted ? ['every row is on this key'] : []),
  ];
}
