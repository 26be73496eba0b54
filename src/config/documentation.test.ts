/** What the documentation says of the configuration is what the code does. */
import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { osbChoices, osbDefaults, platformDefaults } from '../domain/osb-options.ts';
import { readConfig } from './read-config.ts';

const docs = new URL('../../docs/', import.meta.url);
const examplePath = new URL('config.example.yaml', docs).pathname;

describe('docs/config.example.yaml', () => {
  it('is a configuration, in which each platform is treated as its comments say', async () => {
    const example = await readFile(examplePath, 'utf8');
    const { credentials } = readConfig(
      {
        DATABASE_URL: 'postgres://localhost/chandler',
        CHANDLER_KEY_FILE: '/keys/current',
        CHANDLER_KUBECONFIG: '/kube/config',
        CHANDLER_CONFIG: examplePath,
      },
      (path) => (path === examplePath ? example : path),
    );
    expect(credentials.map(({ platform, delivers }) => [platform, delivers])).toEqual([
      ['kubernetes', true],
      ['cloudfoundry', false],
      ['cloudfoundry', false],
      ['korifi', false],
    ]);
    expect(credentials.map(({ password }) => password.reveal())).toContain('/run/secrets/cloudfoundry-next');
    expect(credentials[3]).toMatchObject({ defaultNamespace: 'apps', options: { endpoints: 'omit' } });
  });
});

it('docs/configuration.md lists every option with its default and its choices', async () => {
  const text = await readFile(new URL('configuration.md', docs), 'utf8');
  const [, section = ''] = text.split('## Options of the OSB API');
  const words = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word);
  const rows = section
    .split('\n')
    .map((line) => line.split('|').slice(1, 4))
    .filter(([option = '']) => option.startsWith(' `'))
    .map(([option = '', fallback = '', choices = '']) => ({
      option: words(option)[0],
      fallback: words(fallback),
      choices: words(choices),
    }));
  expect(rows).toEqual(
    Object.entries(osbChoices).map(([option, choices]) => ({
      option,
      fallback: [
        osbDefaults[option as keyof typeof osbChoices],
        ...Object.entries(platformDefaults).flatMap(
          ([platform, { [option as keyof typeof osbChoices]: own }]) =>
            own === undefined ? [] : [platform, own],
        ),
      ],
      choices: [...choices],
    })),
  );
});

it('docs/configuration.md lists every variable that is read, and no other', async () => {
  const text = await readFile(new URL('configuration.md', docs), 'utf8');
  const [environment = ''] = text.split('## Configuration file');
  const folder = new URL('./', import.meta.url);
  const sources = (await readdir(folder)).filter((name) => /(?<!\.test)\.ts$/.test(name));
  const code = await Promise.all(sources.map((name) => readFile(new URL(name, folder), 'utf8')));
  const names = (from: string) =>
    [...new Set(from.match(/\b(CHANDLER_[A-Z_]*[A-Z]|DATABASE_URL)\b/g))].sort();
  expect(names(environment)).toEqual(names(code.join('\n')));
});
