import { rm, writeFile } from 'node:fs/promises';
import { execa } from 'execa';
import { afterEach, expect, it } from 'vitest';

const planted = 'src/domain/planted-arrow.ts';

afterEach(() => rm(planted, { force: true }));

it('make check refuses an arrow that the design does not allow', async () => {
  await writeFile(planted, "export { openStore } from '../store/open-store.ts';\n");
  const { exitCode, stdout } = await execa(
    'depcruise',
    ['--config', '.dependency-cruiser.cjs', 'src/domain'],
    {
      preferLocal: true,
      reject: false,
    },
  );
  expect(stdout).toContain(`arrows-of-domain: ${planted} → src/store/open-store.ts`);
  expect(exitCode).toBeGreaterThan(0);
}, 60_000);
