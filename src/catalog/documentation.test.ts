/** docs/catalog.md says what the code does. */
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bindDefinition } from './bind-definition.ts';
import { useCatalogFolder } from './catalog-fixture.ts';
import { offeringSchema, planSchema } from './offering-file.ts';
import { instanceParameter } from './parameter-definition.ts';

const { write, load } = useCatalogFolder({ beforeEach, afterEach });
const text = await readFile(new URL('../../docs/catalog.md', import.meta.url), 'utf8');

it.each([
  ['an offering', offeringSchema],
  ['a plan', planSchema({ engines: [], provisioners: [] })],
  ['a parameter', instanceParameter],
  ['bind', bindDefinition([])],
])('every key of %s is explained', (_, { shape }) => {
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  const explained = rows
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)])
    .map(([, key]) => key);
  for (const key of Object.keys(shape)) expect(explained, key).toContain(key);
});

it('its example loads', async () => {
  const [, example] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
  await write('catalog/example.yaml', example ?? '');
  const { offerings } = await load();
  expect(offerings[0]?.plans.map(({ name }) => name)).toEqual(['small', 'large']);
});
