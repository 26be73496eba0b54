/** What is there when all is quiet: rows by SQL, objects by a client that is not Chandler's, logins by the server. */
import { KubernetesObjectApi } from '@kubernetes/client-node';
import { installationSelector, labelKeys } from '../../../src/lib/labels.ts';
import { kubeConfig } from '../../support/cluster.ts';
import { queryDatabase } from '../../support/postgres.ts';
import type { QuickHome } from '../../support/quick-broker.ts';

export interface InstanceRow {
  uid: string;
  instanceId: string;
  state: string;
}

export interface BindingRow {
  uid: string;
  bindingId: string;
  instanceId: string;
  state: string;
  /** Its login on the server. */
  login: string;
}

export interface OperationRow {
  uid: string;
  type: string;
  state: string;
  createdAt: Date;
  finishedAt: Date | null;
  deadline: Date;
}

/** An object in the cluster that carries our installation's label. */
export interface OutsideObject {
  kind: string;
  name: string;
  instanceUid: string;
  /** Empty for what belongs to the instance itself. */
  bindingUid: string;
  /** Which resource of the plan it is. */
  resource: string;
  /** Somebody asked for its deletion. */
  deleting: boolean;
}

export interface World {
  instances: InstanceRow[];
  bindings: BindingRow[];
  operations: OperationRow[];
  objects: OutsideObject[];
  /** Roles of bindings that the server would let in. */
  logins: string[];
  /** Everything that must not hold a secret, by where it was found. */
  texts: Record<string, string>;
  /** The secrets. */
  canaries: string[];
}

/** The kinds that the quick plan, its bindings and their delivery make. */
const kinds: [apiVersion: string, kind: string][] = [
  ['v1', 'Namespace'],
  ['v1', 'Secret'],
  ['v1', 'ConfigMap'],
  ['v1', 'Service'],
];

/** Tables that hold what admins wrote into catalog files. */
const catalogTables = ['plan_revisions', 'charts'];

export async function lookAtWorld(
  databaseUrl: string,
  home: Pick<QuickHome, 'logins'>,
  given: Pick<World, 'texts' | 'canaries'>,
): Promise<World> {
  const rows = <Row extends object>(sql: string) =>
    queryDatabase<Row & Record<string, unknown>>(databaseUrl, sql);
  const [installation] = await rows<{ id: string }>('select id from installation');
  return {
    instances: await rows<InstanceRow>(
      'select uid, instance_id as "instanceId", state from service_instances order by created_at',
    ),
    bindings: await rows<BindingRow>(
      `select uid, binding_id as "bindingId", instance_id as "instanceId", state,
              replace(external_name, '-', '_') as login from service_bindings order by created_at`,
    ),
    operations: await rows<OperationRow>(
      `select uid, type, state, created_at as "createdAt", finished_at as "finishedAt", deadline
       from operations order by position`,
    ),
    objects: await objectsOf(installation?.id ?? ''),
    logins: await home.logins(),
    texts: { ...given.texts, ...(await textOfTables(databaseUrl)) },
    canaries: given.canaries,
  };
}

async function objectsOf(installationId: string): Promise<OutsideObject[]> {
  const client = KubernetesObjectApi.makeApiClient(kubeConfig());
  const selector = installationSelector(installationId);
  const found: OutsideObject[] = [];
  for (const [apiVersion, kind] of kinds) {
    const { items } = await client.list(
      apiVersion,
      kind,
      ...([undefined, undefined, undefined, undefined, undefined] as const),
      selector,
    );
    for (const { metadata } of items) {
      found.push({
        kind,
        name: [metadata?.namespace, metadata?.name].filter((part) => part !== undefined).join('/'),
        instanceUid: metadata?.labels?.[labelKeys.instance] ?? '',
        bindingUid: metadata?.labels?.[labelKeys.binding] ?? '',
        resource: metadata?.labels?.[labelKeys.resource] ?? '',
        deleting: metadata?.deletionTimestamp !== undefined,
      });
    }
  }
  return found;
}

async function textOfTables(databaseUrl: string): Promise<Record<string, string>> {
  const tables = await queryDatabase<{ name: string }>(
    databaseUrl,
    `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`,
  );
  const texts: Record<string, string> = {};
  for (const { name } of tables) {
    if (catalogTables.includes(name)) continue;
    const [row] = await queryDatabase<{ text: string | null }>(
      databaseUrl,
      `select string_agg(t::text, e'\\n') as text from ${name} t`,
    );
    texts[`table ${name}`] = row?.text ?? '';
  }
  return texts;
}
