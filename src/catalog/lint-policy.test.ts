/** What a policy forbids is told when the catalog loads, as far as it shows with sample values. Real helm. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { policyCases } from '../../test/support/policy/cases.ts';
import { createHelm } from '../helm/create-helm.ts';
import { testHelmPath } from '../helm/test-helm.ts';
import type { Helm } from '../helm/types.ts';
import { problemsOf, shippedKinds } from './catalog-fixture.ts';
import { loadCatalog } from './load-catalog.ts';

interface OfferingText {
  parameters: { break: { default: string } };
  plans: { name: string }[];
}

let root: string;
let helm: Helm;
let offering: OfferingText;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'chandler-test-policy-'));
  await cp('test/support/policy', root, { recursive: true });
  helm = createHelm({ helmPath: await testHelmPath() });
  offering = parse(await readFile(path.join(root, 'catalog/policy.yaml'), 'utf8')) as OfferingText;
});
afterAll(() => rm(root, { recursive: true }));

/** One plan alone, for users who send nothing. */
async function load(planName: string, rule: string): Promise<unknown> {
  const plans = offering.plans.filter(({ name }) => name === planName);
  const text = stringify({ ...offering, parameters: { break: { type: 'string', default: rule } }, plans });
  await writeFile(path.join(root, 'catalog/policy.yaml'), text);
  return loadCatalog({ folder: path.join(root, 'catalog'), kinds: shippedKinds, helm });
}

describe('a catalog is refused whose chart breaks', () => {
  it.each(policyCases)('$rule', async ({ rule, plan = 'strict', says, allowed }) => {
    const problems = await problemsOf(load(plan, rule));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain(
      rule === 'hook' ? 'the chart has a hook' : rule === 'name in the cluster' ? `${says}sample)` : says,
    );
    if (plan === 'strict' && allowed !== false) await load('loose', rule);
  });
});

it('a chart that breaks nothing passes, whatever the policy', async () => {
  for (const plan of ['strict', 'images', 'loose']) await load(plan, 'none');
});
