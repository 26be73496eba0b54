import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type OsbOptions, osbChoices, osbDefaults, platformDefaults } from '../domain/osb-options.ts';
import { type Config, ConfigInvalid } from './config.ts';
import { readConfig } from './read-config.ts';

const least = {
  DATABASE_URL: 'postgres://chandler:hunter2@localhost:5432/chandler',
  CHANDLER_KEY_FILE: '/keys/current',
  CHANDLER_KUBECONFIG: '/kube/config',
};
const shortForm = { CHANDLER_USERNAME: 'platform', CHANDLER_PASSWORD: 'hunter3' };

type Environment = Record<string, string>;

/** Reads a configuration whose file is `text`; every other file holds the secret of its path. */
function read(text: string, environment: Environment = {}): Config {
  return readConfig({ ...least, CHANDLER_CONFIG: '/etc/chandler.yaml', ...environment }, (path) =>
    path === '/etc/chandler.yaml' ? text : `secret of ${path}\n`,
  );
}

function problemsOf(text: string, environment: Environment = {}): string[] {
  try {
    read(text, environment);
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems;
    throw error;
  }
  return [];
}

const credential = (more: object = {}) => ({
  username: 'cf',
  password: 'hunter4',
  platform: 'cloudfoundry',
  ...more,
});
const withCredentials = (...credentials: object[]) => stringify({ credentials });

describe('the configuration file', () => {
  it('gives each platform its credential, its namespaces and its options', () => {
    const config = read(`
credentials:
  - username: cf
    passwordFile: secrets/cf
    platform: cloudfoundry
  - username: kube
    password: "12345678"
    platform: kubernetes
    namespaces: [team-*, shop]
    defaultNamespace: team-a
osb:
  pollAfterDeletion: gone
  platforms:
    cloudfoundry: { endpoints: omit }
`);
    expect(config.credentials).toMatchObject([
      {
        username: 'cf',
        platform: 'cloudfoundry',
        namespaces: ['*'],
        delivers: false,
        options: { ...osbDefaults, pollAfterDeletion: 'gone', endpoints: 'omit' },
      },
      {
        username: 'kube',
        platform: 'kubernetes',
        namespaces: ['team-*', 'shop'],
        defaultNamespace: 'team-a',
        delivers: true,
        options: { ...osbDefaults, ...platformDefaults.kubernetes, pollAfterDeletion: 'gone' },
      },
    ]);
    expect(config.credentials.map(({ password }) => password.reveal())).toEqual([
      'secret of /etc/secrets/cf',
      '12345678',
    ]);
  });

  it('may hold the osb section alone, beside the credential of the environment', () => {
    const config = read('osb: { missingApiVersion: bad-request }', shortForm);
    expect(config.credentials).toMatchObject([
      { username: 'platform', platform: 'kubernetes', options: { missingApiVersion: 'bad-request' } },
    ]);
  });

  it('is not needed: the credential of the environment has the options of its platform', () => {
    const config = readConfig({ ...least, ...shortForm });
    expect(config.credentials[0]).toMatchObject({
      delivers: true,
      options: { ...osbDefaults, ...platformDefaults.kubernetes },
    });
    expect(config.credentials[0]).not.toHaveProperty('defaultNamespace');
  });

  it('cannot be changed afterwards and prints no password, which can still be revealed', () => {
    const config = read(withCredentials(credential()));
    const [first] = config.credentials;
    expect(() => Object.assign(first?.options ?? {}, { endpoints: 'omit' })).toThrow(TypeError);
    expect(JSON.stringify(config)).not.toContain('hunter');
    expect(first?.password.reveal()).toBe('hunter4');
  });

  it.each([
    ['cloudfoundry', undefined, false],
    ['korifi', undefined, false],
    ['kubernetes', undefined, true],
    ['another', undefined, true],
    ['cloudfoundry', 'always', true],
    ['kubernetes', 'never', false],
  ])('delivers for %s with delivery %s: %s', (platform, delivery, delivers) => {
    const entry = credential({ platform, ...(delivery === undefined ? {} : { delivery }) });
    expect(read(withCredentials(entry)).credentials[0]?.delivers).toBe(delivers);
    if (delivery !== undefined) return;
    const { credentials } = readConfig({ ...least, ...shortForm, CHANDLER_PLATFORM: platform });
    expect(credentials[0]?.delivers).toBe(delivers);
  });

  it('lets two credentials of one platform live at once', () => {
    const both = withCredentials(credential(), credential({ password: 'hunter5' }));
    expect(read(both).credentials.map(({ password }) => password.reveal())).toEqual(['hunter4', 'hunter5']);
  });

  it('lets one credential of several have no namespace left, and any that delivers nothing', () => {
    const entry = { platform: 'kubernetes', namespaces: ['shop'] };
    expect(
      problemsOf(
        withCredentials(credential(entry), credential({ ...entry, username: 'old', namespaces: [] })),
      ),
    ).toEqual([]);
    expect(problemsOf(withCredentials(credential({ namespaces: [] })))).toEqual([]);
  });
});

describe('what is wrong is said with its place and how to mend it:', () => {
  const doubled = (names: string) =>
    `${names} must not be set when /etc/chandler.yaml has \`credentials\`. Keep one of the two places.`;

  it.each<[string, string, Environment, string[]]>([
    [
      'credentials in both places',
      withCredentials(credential()),
      { ...shortForm, CHANDLER_NAMESPACES: 'shop' },
      [doubled('CHANDLER_USERNAME, CHANDLER_PASSWORD, CHANDLER_NAMESPACES')],
    ],
    [
      'a platform in the environment beside credentials of the file',
      withCredentials(credential()),
      { CHANDLER_PLATFORM: 'cloudfoundry' },
      [doubled('CHANDLER_PLATFORM')],
    ],
    [
      'credentials in neither place',
      'osb: {}',
      {},
      [
        'There are no credentials for platforms. Set CHANDLER_USERNAME and CHANDLER_PASSWORD, or list `credentials` in /etc/chandler.yaml.',
      ],
    ],
    ['an empty list', 'credentials: []', {}, ['1:1: `credentials` must not be empty']],
    ['an empty file', '', {}, ['1:1: the file must hold one map, with the keys `credentials` and `osb`']],
    [
      'an unknown section',
      `credential:\n- ${JSON.stringify(credential())}`,
      {},
      ['1:1: unknown key `credential`; did you mean `credentials`?'],
    ],
    [
      'an unknown setting',
      'credentials:\n- username: cf\n  passwrodFile: /p\n  platform: cloudfoundry',
      {},
      ['3:3: unknown key `passwrodFile`; did you mean `passwordFile`?'],
    ],
    [
      'a missing setting',
      'credentials:\n- username: cf\n  password: hunter4',
      {},
      ['2:3: `platform` is missing'],
    ],
    [
      'no password, and nothing about the options of its platform',
      'credentials:\n- username: cf\n  platform: cloudfoundry\nosb: { platforms: { cloudfoundry: { endpoints: omit } } }',
      {},
      ['2:3: there is neither `password` nor `passwordFile`; give one of them'],
    ],
    [
      'two passwords',
      'credentials:\n- username: cf\n  platform: cloudfoundry\n  password: hunter4\n  passwordFile: /p',
      {},
      ['5:3: there is both `password` and `passwordFile`; give one of them'],
    ],
    [
      'a password that YAML takes for a number',
      'credentials:\n- username: cf\n  platform: cloudfoundry\n  password: 12345678',
      {},
      ['4:3: `password` must be a text; put it in quotes'],
    ],
    [
      'an empty password',
      'credentials:\n- { username: cf, platform: cloudfoundry, password: "" }',
      {},
      ['2:43: `password` must not be empty'],
    ],
    [
      'a user name that HTTP cannot carry',
      withCredentials(credential({ username: 'a:b' })),
      {},
      ['2:5: `username` must hold no colon and no control character (RFC 7617)'],
    ],
    [
      'a platform that is no label',
      withCredentials(credential({ platform: 'Cloud Foundry' })),
      {},
      [
        '4:5: `platform` must be at most 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit, for example cloudfoundry',
      ],
    ],
    [
      'a namespace that cannot be one',
      withCredentials(credential({ namespaces: ['team-*', 'Shop'] })),
      {},
      ['7:9: must be the name of a namespace or a glob, for example team-*'],
    ],
    [
      'a default namespace that is not allowed',
      withCredentials(credential({ namespaces: ['team-*'], defaultNamespace: 'apps' })),
      {},
      ['7:5: `defaultNamespace` must be one that `namespaces` allows'],
    ],
    [
      'a default namespace of the cluster',
      withCredentials(credential({ defaultNamespace: 'kube-system' })),
      {},
      ['5:5: `defaultNamespace` must be a namespace that apps can have'],
    ],
    [
      'a default namespace that is our own',
      withCredentials(credential({ defaultNamespace: 'chandler' })),
      { CHANDLER_OWN_NAMESPACE: 'chandler' },
      ['5:5: `defaultNamespace` must be a namespace that apps can have'],
    ],
    [
      'a delivery that there is not',
      withCredentials(credential({ delivery: 'sometimes' })),
      {},
      ['5:5: `delivery` must be "always" or "never"'],
    ],
    [
      'the same pair twice, though for another platform',
      withCredentials(credential(), credential({ platform: 'korifi' })),
      {},
      ['5:5: another credential has the same username and password; change one of them'],
    ],
    [
      'a platform that could never bind',
      withCredentials(
        credential(),
        credential({ username: 'k', platform: 'kubernetes', namespaces: ['kube-*'] }),
      ),
      {},
      [
        '8:5: no credential of the platform `kubernetes` allows a namespace that apps can have; allow one, or set `delivery: never` in the configuration file',
      ],
    ],
    [
      'an unknown option',
      `${withCredentials(credential())}osb:\n  endpoint: omit`,
      {},
      ['6:3: unknown key `endpoint`; did you mean `endpoints`?'],
    ],
    [
      'an unknown choice',
      `${withCredentials(credential())}osb:\n  endpoints: none`,
      {},
      ['6:3: `endpoints` must be "strings" or "numbers" or "omit"'],
    ],
    [
      'an unknown option of a platform',
      `${withCredentials(credential())}osb:\n  platforms:\n    cloudfoundry: { endpionts: omit }`,
      {},
      ['7:21: unknown key `endpionts`; did you mean `endpoints`?'],
    ],
    [
      'options for a platform that has no credential',
      `${withCredentials(credential())}osb:\n  platforms:\n    cloudfoundri: { endpoints: omit }`,
      {},
      ['7:5: no credential is for the platform `cloudfoundri`; did you mean `cloudfoundry`?'],
    ],
    [
      'options for another platform than the one of the environment',
      'osb:\n  platforms:\n    korifi: { endpoints: omit }',
      shortForm,
      ['3:5: no credential is for the platform `korifi`; known: kubernetes'],
    ],
    ['a key given twice', 'osb: {}\nosb: {}', shortForm, ['2:1: this key is here twice; leave one of them']],
    [
      'a text that YAML takes for an alias',
      'credentials:\n- username: *cf',
      {},
      ['2:13: there is no anchor for this alias; put a text that begins with * in quotes'],
    ],
    ['a tab', 'osb:\n\tendpoints: omit', shortForm, ['2:1: tabs do not indent; use spaces']],
  ])('%s', (_, text, environment, expected) => {
    expect(problemsOf(text, environment)).toEqual(
      expected.map((line) => (/^\d/.test(line) ? `/etc/chandler.yaml:${line}` : line)),
    );
  });

  it('a file that cannot be read, and a password file that is missing or empty', () => {
    const missing = 'ENOENT: no such file or directory';
    const problems = (files: Record<string, string>) => {
      try {
        readConfig({ ...least, CHANDLER_CONFIG: 'chandler.yaml' }, (path) => {
          const text = files[path];
          if (text === undefined) throw new Error(missing);
          return text;
        });
      } catch (error) {
        return (error as ConfigInvalid).problems;
      }
      return [];
    };
    expect(problems({})).toEqual([`CHANDLER_CONFIG cannot be read: ${missing}.`]);
    const file = withCredentials({ username: 'cf', passwordFile: '/p', platform: 'cloudfoundry' });
    expect(problems({ 'chandler.yaml': file })).toEqual([
      `chandler.yaml:3:5: \`passwordFile\` cannot be read: ${missing}`,
    ]);
    expect(problems({ 'chandler.yaml': file, '/p': '\n' })).toEqual([
      'chandler.yaml:3:5: `passwordFile` names an empty file',
    ]);
  });

  it('a namespace of the environment that apps can never have', () => {
    expect(() => readConfig({ ...least, ...shortForm, CHANDLER_NAMESPACES: 'kube-*' })).toThrow(
      /^CHANDLER_NAMESPACES: no credential of the platform `kubernetes` allows a namespace that apps can have; allow one/,
    );
  });

  it('everything at once, of file and environment', () => {
    const text = 'credentials:\n- username: a:b\n  platform: x_y\nosb: { endpoints: none }';
    expect(problemsOf(text, { CHANDLER_PORT: 'eighty' })).toHaveLength(4);
  });
});

describe('whatever is given', () => {
  const subset = fc.record(
    Object.fromEntries(
      Object.entries(osbChoices).map(([option, choices]) => [option, fc.constantFrom(...choices)]),
    ),
    { requiredKeys: [] },
  ) as fc.Arbitrary<Partial<OsbOptions>>;

  it('in the osb section comes out for every platform, and what is given for one of them wins there', () => {
    fc.assert(
      fc.property(subset, subset, (forAll, forKorifi) => {
        const { credentials } = read(
          stringify({
            credentials: [
              credential({ platform: 'korifi' }),
              credential({ username: 'k', platform: 'kubernetes' }),
            ],
            osb: { ...forAll, platforms: { korifi: forKorifi } },
          }),
        );
        const [korifi, kubernetes] = credentials.map(({ options }) => options);
        expect(korifi).toEqual({ ...osbDefaults, ...forAll, ...forKorifi });
        expect(kubernetes).toEqual({ ...osbDefaults, ...platformDefaults.kubernetes, ...forAll });
      }),
    );
  });

  it('as a password, no line repeats it, even where it breaks the YAML', () => {
    const special = fc.constantFrom(...'"\'|>!&*@%`[]{},:#?-\\ \t');
    const password = fc
      .tuple(fc.array(special, { maxLength: 3 }), fc.array(special, { maxLength: 3 }))
      .map(([before, after]) => `${before.join('')}hunter4${after.join('')}`);
    fc.assert(
      fc.property(password, fc.constantFrom('platform: x', 'platfrom: x', ''), (text, next) => {
        const file = `credentials:\n- username: cf\n  password: ${text}\n  ${next}`;
        expect(problemsOf(file).join('\n')).not.toContain('hunter4');
      }),
      { numRuns: 2000 },
    );
  });
});
