import type { GeneratedValues } from '../../domain/instance.ts';
import type { PlanRevision } from '../../domain/offering.ts';
import type { Cluster } from '../../kube/types.ts';
import { isJsonObject, type JsonValue } from '../../lib/json.ts';
import { Redacted } from '../../lib/redacted.ts';
import { resourceName } from '../../provisioners/resource-state.ts';
import { OrphanRefused } from './orphan-refused.ts';

/** A text that is one generated value and nothing else, so that the value can be read back from it. */
const onlyGenerated = /^\$\{\s*generated\.([A-Za-z_][A-Za-z0-9_]*)\.password\s*\}$/;

/** Where a generated value can be read: the key of the Secret of a resource. */
interface Source {
  generator: string;
  resourceId: string;
  key: string;
}

/** Pure: for each generated value that a Secret holds as it is, where. */
export function sourcesOf({ resources }: Pick<PlanRevision, 'resources'>): Source[] {
  return resources.flatMap((spec) => {
    if (spec.kind !== 'secret') return [];
    return Object.entries(spec.data).flatMap(([key, text]) => {
      const generator = onlyGenerated.exec(text)?.[1];
      return generator === undefined ? [] : [{ generator, resourceId: spec.id, key }];
    });
  });
}

/**
 * Reads back from the Secrets of an instance what was generated for it.
 * @throws OrphanRefused when a value is nowhere to be read: a new one would lock its own server out
 */
export async function readGenerated(
  cluster: Cluster,
  revision: PlanRevision,
  { externalName, namespace }: { externalName: string; namespace: string },
): Promise<Redacted<GeneratedValues>> {
  const sources = sourcesOf(revision);
  const values: GeneratedValues = {};
  for (const generator of Object.keys(revision.generate)) {
    const source = sources.find((each) => each.generator === generator);
    if (source === undefined) {
      throw new OrphanRefused(
        `The plan ${revision.serviceName} ${revision.planName} keeps its generated value "${generator}" in no Secret of its own, so it cannot be read back: this instance can only be removed.`,
      );
    }
    const name = resourceName({ name: externalName }, source.resourceId);
    const password = await readSecretText(cluster, { namespace, name, key: source.key });
    if (password === undefined) {
      throw new OrphanRefused(
        `The generated value "${generator}" is gone: the Secret ${name} in namespace ${namespace} has no "${source.key}". Restore the Secret, or remove the instance.`,
      );
    }
    values[generator] = { password: password.reveal() };
  }
  return new Redacted(values);
}

/** @returns undefined when the Secret, or the key in it, is not there */
export async function readSecretText(
  cluster: Cluster,
  { namespace, name, key }: { namespace: string; name: string; key: string },
): Promise<Redacted<string> | undefined> {
  const secret = await cluster.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
  const data = secret?.data as JsonValue | undefined;
  const encoded = isJsonObject(data) && Object.hasOwn(data, key) ? data[key] : undefined;
  return typeof encoded === 'string' && encoded !== ''
    ? new Redacted(Buffer.from(encoded, 'base64').toString('utf8'))
    : undefined;
}
