/** What kinds a cluster has and under which path each is served. */
import { z } from 'zod';
import type { ApiClient } from './api-client.ts';
import { type ClusterVersion, type KindReference, KubeError } from './types.ts';
import { servedIn, UnknownKind } from './unknown-kind.ts';

export interface ServedKind {
  apiVersion: string;
  kind: string;
  /** The resource name in paths, for example `statefulsets`. */
  plural: string;
  namespaced: boolean;
}

const aggregated = z.object({
  kind: z.literal('APIGroupDiscoveryList'),
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string().optional() }),
      versions: z.array(
        z.object({
          version: z.string(),
          resources: z
            .array(
              z.object({
                resource: z.string(),
                responseKind: z.object({ kind: z.string() }).nullish(),
                scope: z.string(),
              }),
            )
            .default([]),
        }),
      ),
    }),
  ),
});
const groupList = z.object({
  groups: z.array(z.object({ versions: z.array(z.object({ groupVersion: z.string() })) })),
});
const resourceList = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});
const versionInfo = z.object({ gitVersion: z.string() });

const aggregatedAccept = ['v2', 'v2beta1']
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat('application/json')
  .join(',');

const keptForMs = 10 * 60_000;
/** A kind that is not found makes us ask again, but a watch for a CRD that never comes must not do so all the time. */
const askAgainAfterMs = 3_000;

interface Known {
  kinds: Map<string, ServedKind>;
  version: ClusterVersion;
  at: number;
}

export class Discovery {
  readonly #client: ApiClient;
  #known: Known | undefined;
  #asking: Promise<Known> | undefined;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  async version(): Promise<ClusterVersion> {
    return (await this.#fresh(keptForMs)).version;
  }

  /** @throws UnknownKind */
  async find(reference: KindReference): Promise<ServedKind> {
    const key = `${reference.apiVersion}/${reference.kind}`;
    const found = (await this.#fresh(keptForMs)).kinds.get(key);
    if (found !== undefined) return found;
    const { kinds, version } = await this.#fresh(askAgainAfterMs);
    const foundNow = kinds.get(key);
    if (foundNow === undefined) throw new UnknownKind(reference, servedIn(version.apiVersions, reference));
    return foundNow;
  }

  /** The server denied a path that discovery gave: look again at the next question. */
  forget(): void {
    this.#known = undefined;
  }

  async #fresh(maximumAgeMs: number): Promise<Known> {
    if (this.#known !== undefined && performance.now() - this.#known.at < maximumAgeMs) return this.#known;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<Known> {
    const [info, core, groups] = await Promise.all([
      this.#client.send({ method: 'GET', path: '/version' }),
      this.#askRoot('/api'),
      this.#askRoot('/apis'),
    ]);
    const served = [...core, ...groups];
    const apiVersions = new Set<string>();
    for (const { apiVersion, kind } of served) apiVersions.add(apiVersion).add(`${apiVersion}/${kind}`);
    this.#known = {
      kinds: new Map(served.map((kind) => [`${kind.apiVersion}/${kind.kind}`, kind])),
      version: { gitVersion: versionInfo.parse(info.body).gitVersion, apiVersions: [...apiVersions].sort() },
      at: performance.now(),
    };
    return this.#known;
  }

  /** One request where the server aggregates (Kubernetes 1.27 and newer), else one for each group version. */
  async #askRoot(root: '/api' | '/apis'): Promise<ServedKind[]> {
    const { body } = await this.#client.send({ method: 'GET', path: root, accept: aggregatedAccept });
    const whole = aggregated.safeParse(body);
    if (whole.success) return whole.data.items.flatMap(kindsOfGroup);
    if (root === '/api') return this.#askGroupVersion('v1', '/api/v1');
    const versions = groupList
      .parse(body)
      .groups.flatMap((group) => group.versions.map((each) => each.groupVersion));
    const answers = await Promise.all(versions.map((each) => this.#askGroupVersion(each, `/apis/${each}`)));
    return answers.flat();
  }

  async #askGroupVersion(apiVersion: string, path: string): Promise<ServedKind[]> {
    try {
      const { body } = await this.#client.send({ method: 'GET', path });
      return resourceList
        .parse(body)
        .resources.filter(({ name }) => !name.includes('/'))
        .map(({ name, kind, namespaced }) => ({ apiVersion, kind, plural: name, namespaced }));
    } catch (error) {
      // The server of an aggregated API may be down; the other groups are still there.
      if (error instanceof KubeError && (error.status === 503 || error.status === 404)) return [];
      throw error;
    }
  }
}

function kindsOfGroup(group: z.infer<typeof aggregated>['items'][number]): ServedKind[] {
  const name = group.metadata.name ?? '';
  return group.versions.flatMap((each) =>
    each.resources.flatMap(({ resource, responseKind, scope }) => {
      const kind = responseKind?.kind ?? '';
      // A resource without a kind exists for its subresources alone.
      if (kind === '') return [];
      const apiVersion = name === '' ? each.version : `${name}/${each.version}`;
      return [{ apiVersion, kind, plural: resource, namespaced: scope === 'Namespaced' }];
    }),
  );
}
