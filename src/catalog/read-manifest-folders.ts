/** Objects that a plan takes from a folder: one YAML file per object, read when the catalog loads. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { type Path, parseYamlSource, type YamlProblem, type YamlSource } from '../lib/yaml-source.ts';

export interface ReadFolders {
  /** The plan, with the objects in place of the folders. A folder that cannot be read stays a text, which is refused. */
  plan: JsonObject;
  /** What is wrong with the files themselves. */
  problems: YamlProblem[];
  /** Where a path of the plan leads when it leads into a folder. */
  sourceOf(at: Path): { file: string; location: { line: number; column: number } } | undefined;
}

/** @param root folder that the plan's folders must lie in */
export async function readManifestFolders(plan: JsonObject, root: string): Promise<ReadFolders> {
  const { resources } = plan;
  const sources = new Map<number, YamlSource[]>();
  if (Array.isArray(resources)) {
    for (const [index, resource] of resources.entries()) {
      const folder = isJsonObject(resource) ? resource.manifests : undefined;
      const read = typeof folder === 'string' ? await readFolder(folder, root) : undefined;
      if (read !== undefined) sources.set(index, read);
    }
  }
  const withObjects = (resource: JsonValue, index: number): JsonValue => {
    const read = sources.get(index);
    if (read === undefined || !isJsonObject(resource)) return resource;
    return { ...resource, manifests: read.map(({ content }) => content ?? null) };
  };
  return {
    plan: Array.isArray(resources) ? { ...plan, resources: resources.map(withObjects) } : plan,
    problems: [...sources.values()].flatMap((read) => read.flatMap(({ problems }) => problems)),
    sourceOf([first, index, key, number, ...rest]) {
      if (first !== 'resources' || key !== 'manifests' || typeof number !== 'number') return undefined;
      const source = sources.get(Number(index))?.[number];
      return source === undefined ? undefined : { file: source.file, location: source.locate(rest) };
    },
  };
}

/** @returns undefined when there is no such folder below the root */
async function readFolder(folder: string, root: string): Promise<YamlSource[] | undefined> {
  const full = path.resolve(root, folder);
  if (!full.startsWith(path.resolve(root) + path.sep)) return undefined;
  const names = await readdir(full).catch(() => []);
  const files = names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  if (files.length === 0) return undefined;
  return Promise.all(
    files.map(async (name) =>
      parseYamlSource(
        path.join(folder, name),
        await readFile(path.join(full, name), 'utf8'),
        'a Kubernetes object',
      ),
    ),
  );
}
