/** Packs a chart folder so that equal files give an equal digest and, on the same zlib, an equal archive. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { create } from 'tar';
import { parse } from 'yaml';
import { isJsonObject, type JsonValue } from '../lib/json.ts';
import { isDnsLabel } from '../lib/names.ts';
import { parseHelmIgnore } from './helm-ignore.ts';
import { HelmError } from './types.ts';

export interface PackedChart {
  /** `sha256:` and the hex digest over sorted paths and contents; times, owners and modes do not count. */
  digest: string;
  /** A .tgz as helm reads it. */
  archive: Buffer;
  name: string;
  version: string;
}

const mostFiles = 2_000;
const mostBytes = 16 * 1024 * 1024;

/**
 * Packs a chart folder, without what its .helmignore names.
 * @throws HelmError for a folder that is no chart, is too large, or holds symlinks or special files
 */
export async function packChart(folder: string): Promise<PackedChart> {
  const root = path.resolve(folder);
  const ignored = parseHelmIgnore(await readIfThere(path.join(root, '.helmignore')));
  const files = await listFiles(root, ignored);
  const { name, version } = await readIdentity(root, folder);

  const hash = createHash('sha256');
  let bytes = 0;
  for (const file of files) {
    const content = await readFile(path.join(root, file));
    bytes += content.length;
    if (bytes > mostBytes)
      throw new HelmError(`the chart ${name} holds more than ${mostBytes / 1024 ** 2} MiB`);
    const digest = createHash('sha256').update(content).digest('hex');
    hash.update(`${JSON.stringify(file)} ${digest}\n`);
  }
  const archive = create(
    {
      sync: true,
      cwd: root,
      prefix: name,
      gzip: { level: 9 },
      portable: true,
      mtime: new Date(0),
      noDirRecurse: true,
      onWriteEntry: ({ stat }) => {
        if (stat !== undefined) stat.mode = 0o100644;
      },
    },
    files,
  ).read();
  if (archive === null) throw new HelmError(`the chart ${name} could not be packed`);
  return { digest: `sha256:${hash.digest('hex')}`, archive, name, version };
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}

async function readIdentity(root: string, folder: string): Promise<{ name: string; version: string }> {
  const text = await readIfThere(path.join(root, 'Chart.yaml'));
  if (text === '') throw new HelmError(`there is no chart at ${folder}: no Chart.yaml`);
  let chart: JsonValue;
  try {
    chart = parse(text, { maxAliasCount: 10 }) as JsonValue;
  } catch {
    throw new HelmError(`the Chart.yaml at ${folder} is not YAML`);
  }
  const { name, version } = isJsonObject(chart) ? chart : {};
  // The name becomes a folder within the archive.
  if (typeof name !== 'string' || !isDnsLabel(name)) {
    throw new HelmError(`the Chart.yaml at ${folder} has no name, or one that is not a DNS label`);
  }
  if (typeof version !== 'string') throw new HelmError(`the Chart.yaml at ${folder} has no version`);
  return { name, version };
}

/** Paths of the files below, with `/`, sorted by their bytes. */
async function listFiles(
  root: string,
  ignored: (file: string, isFolder: boolean) => boolean,
): Promise<string[]> {
  const files: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await entriesOf(path.join(root, folder))) {
      const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (ignored(file, entry.isDirectory())) continue;
      // The packer reads @name as "the entries of the archive called name".
      if (file.startsWith('@')) throw new HelmError(`the chart holds ${file}; names must not begin with @`);
      if (entry.isDirectory()) await walk(file);
      else if (entry.isFile()) files.push(file);
      else throw new HelmError(`the chart holds ${file}, which is a link or no regular file`);
      if (files.length > mostFiles) throw new HelmError(`the chart holds more than ${mostFiles} files`);
    }
  };
  await walk('');
  return files.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch {
    throw new HelmError(`there is no readable chart folder at ${folder}`);
  }
}
