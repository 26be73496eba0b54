// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** What a catalog may not say because a platform would refuse it, and how platforms fetch the document again. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { goodOffering, problemsOf, useCatalogFolder } from '../../src/catalog/catalog-fixture.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { loadFakeCatalog, type OsbBroker, startOsbBroker } from '../support/osb-broker.ts';
import { credential } from '../support/osb-client.ts';
import { complaintsOfPlatforms } from './catalog-schema.ts';

describe('an offering file', () => {
  const folder = useCatalogFolder({ beforeEach, afterEach });
  const dashboard = { id: 'dash', secret: 'hush', redirectUri: 'https://dash.example/callback' };
  const parameter = (definition: JsonObject) => ({ parameters: { size: definition } });
  const plans = (...changes: JsonObject[]) => ({
    plans: changes.map((change, at) => ({
      id: `p-${at}`,
      name: `p-${at}`,
      description: 'A plan',
      ...change,
    })),
  });

  it.each<[items: string, what: string, JsonObject, RegExp]>([
    ['[24]', 'no description', { description: '' }, /`description` must not be empty/],
    ['[24]', 'no plans', { plans: [] }, /`plans` must not be empty/],
    ['[25]', 'a plan without a description', plans({ description: null }), /`description` is missing/],
    ['[25]', 'two plans of one name', plans({ name: 'a' }, { name: 'a' }), /the plan name `a` is taken/],
    ['[25]', 'two plans of one id', plans({ id: 'a' }, { id: 'a' }), /the id `a` is taken/],
    [
      '[25]',
      'a plan with the id of its service',
      plans({ id: 'offering-1' }),
      /the id `offering-1` is taken/,
    ],
    ['[26]', 'a name with a space', { name: 'my db' }, /lower-case letters, digits and "-"/],
    ['[26]', 'a name with capitals', { name: 'MyDb' }, /lower-case letters, digits and "-"/],
    ['[26]', 'a name of 64 characters', { name: 'x'.repeat(64) }, /at most 63/],
    ['[26]', 'an id of 64 characters', { id: 'x'.repeat(64) }, /1 to 63/],
    ['[27]', 'a description of 256 characters', { description: 'x'.repeat(256) }, /longer than 255/],
    ['[27]', 'tags without end', { tags: Array(9).fill('x'.repeat(250)) }, /longer than 2048 characters/],
    ['[28]', 'an unknown permission', { requires: ['sudo'] }, /must be "syslog_drain" or/],
    ['[28]', 'tags that are no list', { tags: 'db' }, /`tags` must be a list/],
    ['[31]', 'polling for a fraction', { maximumPollingDuration: '12.5m' }, /must be a duration/],
    [
      '[31]',
      'polling that ends first',
      { maximumPollingDuration: '11m' },
      /not be shorter than any operation/,
    ],
    ['[32]', 'a version of two numbers', { maintenance: { version: '16.4' } }, /must be a semantic version/],
    ['[32]', 'a version with a v', { maintenance: { version: 'v1.0.0' } }, /must be a semantic version/],
    ['[32]', 'a version with zeros', { maintenance: { version: '1.02.0' } }, /must be a semantic version/],
    [
      '[32]',
      'more than a version',
      { maintenance: { version: '1.0.0', public: true } },
      /unknown key `public`/,
    ],
    [
      '[33]',
      'choices that are there twice',
      parameter({ type: 'string', enum: ['a', 'a'], default: 'a' }),
      /draft-04/,
    ],
    [
      '[33]',
      'a pattern that is none',
      parameter({ type: 'string', pattern: '(', default: '' }),
      /no regular expression/,
    ],
    [
      '[33]',
      'a schema of more than 64 kB',
      {
        parameters: Object.fromEntries(
          Array.from({ length: 66 }, (_, at) => [
            `p${at}`,
            { type: 'string', description: 'x'.repeat(1000) },
          ]),
        ),
      },
      /platforms take 64 kB/,
    ],
    [
      '[34]',
      'a link that is no text',
      { metadata: { documentationUrl: 7 } },
      /`documentationUrl` must be a text/,
    ],
    ['[34]', 'a listing that is no text', { metadata: { listing: {} } }, /`listing` must be a text/],
    [
      '[34]',
      'a provider with an address',
      { metadata: { provider: { name: 'x', url: 'y' } } },
      /unknown key `url`/,
    ],
    ['[34]', 'shareable as a text', { metadata: { shareable: 'true' } }, /`shareable` must be true or false/],
    [
      '[34]',
      'costs in words',
      plans({ metadata: { costs: [{ amount: { usd: '9' }, unit: 'x' }] } }),
      /must be a number/,
    ],
    [
      '[35]',
      'a dashboard client without a secret',
      { dashboardClient: { ...dashboard, secret: null } },
      /`secret` must be a text/,
    ],
    [
      '[35]',
      'a dashboard client without an id',
      { dashboardClient: { ...dashboard, id: null } },
      /`id` must be a text/,
    ],
    [
      '[35]',
      'a dashboard client that leads nowhere',
      { dashboardClient: { ...dashboard, redirectUri: 'x' } },
      /https:/,
    ],
  ])('%s with %s is not served', async (_items, _what, change, message) => {
    const problems = await problemsOf(folder.loadWith(change));
    expect(problems.map((problem) => problem.message)).toContainEqual(expect.stringMatching(message));
  });

  it('[23] must be there: a catalog without an offering is not served', async () => {
    expect((await problemsOf(folder.load()))[0]?.message).toMatch(/the folder holds no offering/);
  });

  it('[24, 35] may not have the id, the name or the dashboard client of another one', async () => {
    const one = { ...goodOffering, dashboardClient: dashboard };
    await folder.write('catalog/a.yaml', stringify(one));
    await folder.write('catalog/b.yaml', stringify({ ...one, plans: plans({}).plans }));
    expect((await problemsOf(folder.load())).map(({ message }) => message.replace(/ in .*/, ''))).toEqual([
      'the id `offering-1` is taken by database',
      'the name `database` is taken by database',
      'the dashboard client `dash` is taken by database',
    ]);
  });

  it('[28] may not say null where a list belongs', async () => {
    for (const key of ['tags', 'requires']) {
      await folder.write('catalog/database.yaml', stringify({ ...goodOffering, [key]: null }));
      expect((await problemsOf(folder.load()))[0]?.message).toBe(`\`${key}\` must be a list`);
    }
  });

  it('[27, 31, 34, 35] may say everything that platforms know, and it is in the document as they spell it', async () => {
    const metadata = {
      displayName: 'Database',
      imageUrl: `data:image/png;base64,${'A'.repeat(3000)}`,
      longDescription: 'x'.repeat(3000),
      providerDisplayName: 'We',
      documentationUrl: 'https://docs.example',
      supportUrl: 'https://support.example',
      shareable: true,
      listing: 'databases',
      provider: { name: 'We' },
      anything: { else: [null] },
    };
    const costs = [{ amount: { usd: 9.99, eur: 9 }, unit: 'MONTHLY' }];
    const { document } = await folder.loadWith({
      description: 'x'.repeat(255),
      metadata,
      tags: ['a'],
      requires: ['syslog_drain'],
      dashboardClient: dashboard,
      maximumPollingDuration: '1h',
      ...plans({ free: false, metadata: { displayName: 'P', bullets: ['fast'], costs, more: 1 } }),
    });
    expect(complaintsOfPlatforms(document)).toEqual([]);
    expect(document).toMatchObject({
      services: [
        {
          metadata,
          dashboard_client: { id: 'dash', secret: 'hush', redirect_uri: 'https://dash.example/callback' },
          plans: [
            {
              free: false,
              maximum_polling_duration: 3600,
              metadata: { displayName: 'P', bullets: ['fast'], costs, more: 1 },
            },
          ],
        },
      ],
    });
  });
});

describe('a platform that fetches the document again', () => {
  let broker: OsbBroker;
  let changed: OsbBroker;
  beforeAll(async () => {
    const catalog = await loadFakeCatalog();
    broker = await startOsbBroker({ catalog });
    const document = JSON.parse(
      JSON.stringify(catalog.document).replace('Something that is made in memory', 'Something else'),
    ) as JsonObject;
    const loadedAt = new Date(catalog.loadedAt.getTime() + 60_000);
    changed = await startOsbBroker({ catalog: { ...catalog, document, loadedAt } });
  });
  afterAll(() => Promise.all([broker.close(), changed.close()]));

  const get = (headers: Record<string, string> = {}, from: Pick<OsbBroker, 'send'> = broker) =>
    from.send({ path: '/v2/catalog', headers });
  const headersOf = async (from: Pick<OsbBroker, 'send'> = broker) => (await get({}, from)).headers;
  const etagOf = async (from?: Pick<OsbBroker, 'send'>) => String((await headersOf(from)).etag);
  const modifiedOf = async () => String((await headersOf())['last-modified']);

  it('[36] gets 304 and no body when it knows the ETag, which every process and compression share', async () => {
    const etag = await etagOf();
    expect(etag).toMatch(/^W\/"[^"]{20,}"$/);
    expect(await etagOf(await broker.another())).toBe(etag);
    for (const known of [etag, etag.replace('W/', ''), `"other", ${etag}`, '*']) {
      for (const encoding of ['identity', 'gzip']) {
        const answer = await get({ 'if-none-match': known, 'accept-encoding': encoding });
        expect([known, answer.status, answer.text.length]).toEqual([known, 304, 0]);
        expect(answer.headers.etag).toBe(etag);
      }
    }
    expect((await get({ 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('[36] gets 304 when nothing changed since the time that it knows', async () => {
    const modified = await modifiedOf();
    const at = (offsetMs: number) => new Date(Date.parse(modified) + offsetMs).toUTCString();
    expect((await get({ 'if-modified-since': modified })).status).toBe(304);
    expect((await get({ 'if-modified-since': at(60_000) })).status).toBe(304);
    expect((await get({ 'if-modified-since': at(-60_000) })).status).toBe(200);
    expect((await get({ 'if-modified-since': 'yesterday' })).status).toBe(200);
    // An ETag is the better witness.
    expect((await get({ 'if-none-match': '"other"', 'if-modified-since': modified })).status).toBe(200);
  });

  it('[36] gets 200 when the catalog changed, by the ETag and by the time', async () => {
    expect((await get({ 'if-none-match': await etagOf() }, changed)).status).toBe(200);
    expect((await get({ 'if-modified-since': await modifiedOf() }, changed)).status).toBe(200);
  });

  it('[36] gets it compressed if it likes, with the same content', async () => {
    const headers = { authorization: credential, 'x-broker-api-version': '2.17' };
    const answer = (encoding: string) =>
      fetch(`${broker.url}/v2/catalog`, { headers: { ...headers, 'accept-encoding': encoding } });
    const [plain, compressed] = await Promise.all([answer('identity'), answer('gzip')]);
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(compressed.headers.get('content-encoding')).toBe('gzip');
    expect(compressed.headers.get('vary')).toMatch(/accept-encoding/i);
    expect((await compressed.text()) === (await plain.text())).toBe(true);
  });

  it('[36] asks each time, and no cache on the way may keep it for others', async () => {
    expect((await headersOf())['cache-control']).toBe('private, no-cache');
  });

  it('[36] needs credentials also for 304', async () => {
    expect((await get({ 'if-none-match': await etagOf(), authorization: '' })).status).toBe(401);
  });

  it('[36] finds no template, value or login of a plan in it', async () => {
    const { text } = await get();
    expect(/\$\{|fake\.example|"set"|"generate"|"resources"|password/.exec(text)).toBeNull();
  });
});
