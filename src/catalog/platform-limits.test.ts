// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { JsonObject } from '../lib/json.ts';
import { goodOffering, problemsOf, useCatalogFolder } from './catalog-fixture.ts';
import { mergeMaps } from './merge-plan.ts';

const { write, load, loadWith } = useCatalogFolder({ beforeEach, afterEach });

describe('what a platform would refuse is refused here, where it stands in the file:', () => {
  const storage = (definition: JsonObject): JsonObject => ({ parameters: { storage: definition } });
  const bind = (definition: JsonObject): JsonObject => ({ bind: definition });
  const attach = (attachments: JsonObject, requires: string[] = []): JsonObject => ({
    requires,
    bind: { attachments },
  });
  const rule = (text: string): JsonObject => ({ updates: { rules: [{ rule: text, message: 'No.' }] } });
  const mount = { driver: 'nfs', containerDir: '/data', mode: 'rw', device: { volumeId: 'v' } };
  const mounts = (change: JsonObject) =>
    attach({ volumeMounts: [mergeMaps(mount, change)] }, ['volume_mount']);
  const dashboard = { id: 'dash', secret: 'hush', redirectUri: 'https://dash.example.com' };

  /** What is wrong, the change that makes it so, what stands at line and column of the problem, its message. */
  it.each<[string, JsonObject, string, RegExp]>([
    ['no description', { description: '' }, 'description:', /`description` must not be empty/],
    ['a long description', { description: 'x'.repeat(256) }, 'description:', /must not be longer than 255/],
    ['a long name', { name: 'x'.repeat(64) }, 'name:', /at most 63/],
    ['an upper-case name', { name: 'Database' }, 'name:', /must be lower-case/],
    ['a long id', { id: 'x'.repeat(64) }, 'id:', /1 to 63/],
    [
      'many tags',
      { tags: Array.from({ length: 9 }, () => 'x'.repeat(255)) },
      'tags:',
      /`tags` must not be longer than 2048 characters together/,
    ],
    ['an unknown permission', { requires: ['log_drain'] }, 'log_drain', /must be "syslog_drain" or/],
    ['a version with a v', { maintenance: { version: 'v1.0.0' } }, 'version:', /a semantic version/],
    [
      'long maintenance_info',
      { maintenance: { version: `1.0.0+${'x'.repeat(2000)}` } },
      'maintenance:',
      /must not be longer than 2000 characters as JSON/,
    ],
    ['a number as name', { metadata: { displayName: 1 } }, 'displayName:', /must be a text/],
    ['a long name', { metadata: { displayName: 'x'.repeat(256) } }, 'displayName:', /longer than 255/],
    ['a list of links', { metadata: { supportUrl: [] } }, 'supportUrl:', /must be a text/],
    ['a provider that is no map', { metadata: { provider: 'us' } }, 'provider:', /must be a map/],
    ['shareable as a text', { metadata: { shareable: 'yes' } }, 'shareable:', /must be true or false/],
    ['bullets that are no list', { metadata: { bullets: 'x' } }, 'bullets:', /must be a list/],
    ['a bullet that is no text', { metadata: { bullets: ['a', 7] } }, '7', /must be a text/],
    ['costs without unit', { metadata: { costs: [{ amount: { usd: 1 } }] } }, 'amount:', /`unit` is missing/],
    [
      'costs as texts',
      { metadata: { costs: [{ amount: { usd: '9.99' }, unit: 'MONTHLY' }] } },
      'usd:',
      /`usd` must be a number/,
    ],
    [
      'costs without currency',
      { metadata: { costs: [{ amount: {}, unit: 'MONTHLY' }] } },
      'amount:',
      /must name a currency/,
    ],
    [
      'no secret',
      { dashboardClient: { id: 'a', redirectUri: 'https://x' } },
      'dashboardClient:',
      /is missing/,
    ],
    [
      'a redirect to nowhere',
      { dashboardClient: { ...dashboard, redirectUri: 'javascript:alert(1)' } },
      'redirectUri:',
      /must be a URL that begins with https: or http:/,
    ],
    [
      'a large schema',
      {
        parameters: Object.fromEntries(
          Array.from({ length: 70 }, (_, at) => [`p${at}`, { type: 'string', description: 'x'.repeat(999) }]),
        ),
      },
      'parameters:',
      /the schema has \d+ bytes, platforms take 64 kB/,
    ],
    [
      'a large schema of bindings',
      bind({
        parameters: Object.fromEntries(
          Array.from({ length: 70 }, (_, at) => [`p${at}`, { type: 'string', description: 'x'.repeat(999) }]),
        ),
      }),
      'parameters:',
      /the schema has \d+ bytes, platforms take 64 kB/,
    ],
    [
      'a choice that is there twice',
      { parameters: { size: { type: 'string', enum: ['a', 'b', 'a'], default: 'a' } } },
      'enum:',
      /`enum` breaks a rule of JSON Schema draft-04: it must NOT have duplicate items/,
    ],
    [
      'polling that ends before an operation does',
      { maximumPollingDuration: '719s' },
      'maximumPollingDuration:',
      /must not be shorter than any operation by `timeouts`: 720s/,
    ],
    [
      'polling without end',
      { maximumPollingDuration: 'ever' },
      'maximumPollingDuration:',
      /a duration such as/,
    ],
    [
      'an unknown way to change',
      storage({ update: 'shrink' }),
      'update:',
      /must be "allowed" or "grow-only"/,
    ],
    [
      'a text that can only grow',
      { parameters: { region: { type: 'string', update: 'grow-only' } } },
      'update:',
      /`update: grow-only` has no meaning for type string/,
    ],
    [
      'a volume that may shrink',
      storage({ update: 'allowed', volume: true }),
      'volume:',
      /`volume` is for quantities that are `grow-only` or `immutable`/,
    ],
    [
      'an update of what a binding was made with',
      bind({ parameters: { role: { type: 'string', update: 'allowed' } } }),
      'update:',
      /unknown key `update`/,
    ],
    [
      'a default of a binding that breaks its rule',
      bind({ parameters: { n: { type: 'integer', default: 5, maximum: 1 } } }),
      'default:',
      /breaks its own rule: The parameter `n` must be at most 1/,
    ],
    ['a misspelt update', { updates: { plans: true } }, 'plans:', /unknown key `plans`; did you mean `plan`/],
    ['a way to no plan', { updates: { plan: ['larg'] } }, 'larg', /there is no plan `larg`/],
    [
      'a way that is no list',
      { updates: { plan: 'large' } },
      'plan: large',
      /true, false or a list of names/,
    ],
    ['a rule that is no expression', rule('new.storage'), 'rule:', /must be one \$\{...\} expression/],
    [
      'a rule that reads nothing',
      rule('${new.storag == ""}'),
      'rule:',
      /no `new.storag`; did you mean `storage`/,
    ],
    ['a rule that reads the plan', rule('${plan.cpu == ""}'), 'rule:', /may read old, new, oldPlan, newPlan/],
    ['a rule that gives no answer', rule('${new.storage}'), 'rule:', /must give true or false/],
    [
      'a rule that never holds',
      rule('${new.storage != old.storage}'),
      'rule:',
      /does not hold when nothing changes/,
    ],
    ['a lifetime beyond ten years', bind({ lifetime: '3651d' }), 'lifetime:', /at most 3650d/],
    ['renewal without end', bind({ renewBefore: '1d' }), 'renewBefore:', /no meaning without `lifetime`/],
    [
      'renewal before the beginning',
      bind({ lifetime: '24h', renewBefore: '1d' }),
      'renewBefore:',
      /must be shorter than `lifetime`/,
    ],
    [
      'reading only by anything but yes or no',
      bind({ parameters: { readOnly: { type: 'string' } } }),
      'readOnly:',
      /must be of type boolean/,
    ],
    [
      'a drain without permission',
      attach({ syslogDrainUrl: 'x' }),
      'syslogDrainUrl:',
      /`requires: \[syslog_drain\]`/,
    ],
    [
      'a route service without permission',
      attach({ routeServiceUrl: 'https://x.example' }, ['syslog_drain']),
      'routeServiceUrl:',
      /`requires: \[route_forwarding\]`/,
    ],
    [
      'volumes without permission',
      attach({ volumeMounts: [mount] }),
      'volumeMounts:',
      /`requires: \[volume_mount\]`/,
    ],
    ['no volumes', attach({ volumeMounts: [] }, ['volume_mount']), 'volumeMounts:', /must not be empty/],
    ['a volume without driver', mounts({ driver: null }), 'containerDir:', /`driver` is missing/],
    ['a volume of another mode', mounts({ mode: 'w' }), 'mode:', /`mode` must be "r" or "rw"/],
    ['a volume of its own', mounts({ deviceType: 'own' }), 'deviceType:', /must be "shared"/],
    ['a volume without id', mounts({ device: { volumeId: null } }), 'device:', /`volumeId` is missing/],
    [
      'a volume that reads what is not there',
      mounts({ device: { mountConfig: { a: '${outputs.hots}' } } }),
      'a:',
      /no `outputs.hots`; did you mean `host`/,
    ],
    ...[
      'http://x.example',
      'http://${server.name}',
      'ftp${server.services.x}',
      '${plan.cpu}',
      'https://',
    ].map((url): [string, JsonObject, string, RegExp] => [
      `a route service at ${url}`,
      attach({ routeServiceUrl: url }, ['route_forwarding']),
      'routeServiceUrl:',
      /`routeServiceUrl` must be a URL that begins with https:/,
    ]),
    ...['server', 'admin', 'generated'].map((name): [string, JsonObject, string, RegExp] => [
      `a dashboard that needs ${name}`,
      { dashboardUrl: `https://d.example/\${${name}.name}` },
      'dashboardUrl:',
      /is not known yet when this is needed; it may read plan, parameters, instance$/,
    ]),
    [
      'a dashboard that needs outputs',
      { dashboardUrl: 'https://${outputs.host}' },
      'dashboardUrl:',
      /Unknown variable: outputs/,
    ],
    ...[
      'd.example/${instance.id}',
      'ftp://d.example',
      'javascript:${plan.cpu}',
      'https://',
      '${plan.image}',
    ].map((url): [string, JsonObject, string, RegExp] => [
      `a dashboard at ${url}`,
      { dashboardUrl: url },
      'dashboardUrl:',
      /`dashboardUrl` must be a URL that begins with https: or http:/,
    ]),
    [
      'a resource named as outputs are',
      { resources: [{ id: 'outputs', secret: {} }] },
      'id:',
      /`outputs` is a name that expressions read already/,
    ],
  ])('%s', async (_, change, at, message) => {
    const lines = stringify(mergeMaps(goodOffering, change)).split('\n');
    const problems = await problemsOf(loadWith(change));
    const found = problems.filter((problem) => message.test(problem.message));
    expect(found.length, problems.map((problem) => problem.message).join('\n')).toBeGreaterThan(0);
    const places = found.map(({ line, column }) => lines[line - 1]?.slice(column - 1));
    expect(places).toContainEqual(expect.stringMatching(new RegExp(`^${at}`)));
  });

  it('null where a list belongs', async () => {
    for (const key of ['tags', 'requires']) {
      await write('catalog/database.yaml', stringify({ ...goodOffering, [key]: null }));
      expect((await problemsOf(load()))[0]?.message).toBe(`\`${key}\` must be a list`);
    }
  });

  it('a dashboard client, an id of a plan and of an offering, each taken by another one', async () => {
    const one = { ...goodOffering, dashboardClient: dashboard };
    await write('catalog/a.yaml', stringify(one));
    const [plan] = goodOffering.plans as JsonObject[];
    const plans = [
      { ...plan, id: 'offering-1' },
      { ...plan, id: 'plan-2' },
    ];
    await write('catalog/b.yaml', stringify({ ...one, id: 'offering-2', name: 'other', plans }));
    const problems = await problemsOf(load());
    expect(problems.map(({ message }) => message.replace(/ in .*/, ''))).toEqual([
      'the id `offering-1` is taken by database',
      'the plan name `small` is taken by other',
      'the dashboard client `dash` is taken by database',
    ]);
    for (const { file, line } of problems) {
      expect(file).toMatch(/b\.yaml$/);
      expect(line).toBeGreaterThan(1);
    }
  });

  it('but not what all of them take', async () => {
    const metadata = {
      displayName: 'Database',
      longDescription: 'x'.repeat(5000),
      imageUrl: `data:image/png;base64,${'A'.repeat(5000)}`,
      shareable: false,
      listing: 'x',
      provider: { name: 'us' },
      costs: [{ amount: { usd: 9.99, eur: 9 }, unit: 'MONTHLY' }],
      bullets: ['a'],
      anything: [{ else: null }],
    };
    const change = {
      metadata,
      maximumPollingDuration: '12m',
      dashboardUrl: 'https://d.example/${instance.id}?cpu=${plan.cpu}&size=${parameters.storage}',
    };
    const { offerings } = await loadWith(mergeMaps(change, mounts({ mode: 'r' })));
    expect(offerings[0]?.metadata).toEqual(metadata);
  });
});
