/** What the quickstart stands on: a cluster, a Postgres, a key, a helm. Brings up what is missing. */
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { chooseClusterSource } from '../../../cluster/choose-cluster-source.ts';
import type { ClusterAccess } from '../../../cluster/cluster-source.ts';
import { ensureHelm } from '../../../cluster/helm.ts';
import { postgresqlImage } from '../../../cluster/local-node/image-table.ts';
import { readDatabaseUrls } from '../../config/read-config.ts';
import type { JsonObject } from '../../lib/json.ts';
import { createKeyFile } from '../../lib/key-file.ts';
import { ensureDevPostgres } from '../dev-postgres.ts';

export type Say = (message: string) => void;
type Environment = Readonly<Record<string, string | undefined>>;

export interface Ground<Access> {
  access: Access;
  /** Takes down what this call brought up; absent when all of it was there before. */
  release?: (say: Say) => Promise<void>;
}

/** The cluster, and the images of the catalog that it can run: a local node cannot pull from anywhere. */
export async function clusterGround(
  wish: { kubeconfig?: string },
  say: Say,
): Promise<Ground<ClusterAccess & { planSet: JsonObject; appImage: string }>> {
  const source = await chooseClusterSource(wish);
  const wasUp = await source.isUp();
  const access = await source.up(say);
  const local = source.name === 'local-node';
  return {
    access: {
      ...access,
      planSet: local ? { image: imageParts(postgresqlImage) } : {},
      appImage: local ? postgresqlImage : 'docker.io/library/postgres:17',
    },
    ...(wasUp ? {} : { release: (tell) => source.down(tell) }),
  };
}

/** An image reference as our charts take it: `name:tag` -> repository and tag. */
export function imageParts(image: string): { repository: string; tag: string } {
  const colon = image.lastIndexOf(':');
  return { repository: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/** The database, and the key that seals it: kept together outside the checkout, one is lost without the other. */
export async function postgresGround(
  environment: Environment,
  say: Say,
): Promise<Ground<{ url: string; keyFile: string }>> {
  const given = environment.DATABASE_URL;
  if (given !== undefined && given !== '') {
    say('using the Postgres that DATABASE_URL names');
    const { databaseUrl } = readDatabaseUrls({ DATABASE_URL: given });
    const state = environment.XDG_STATE_HOME ?? join(homedir(), '.local', 'state');
    const keyFile = await keyFileIn(join(state, 'chandler'));
    return { access: { url: databaseUrl.reveal(), keyFile } };
  }
  const { url, folder, alreadyRunning, stop } = await ensureDevPostgres({ onProgress: say });
  return {
    access: { url, keyFile: await keyFileIn(folder) },
    ...(alreadyRunning ? {} : { release: stop }),
  };
}

async function keyFileIn(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'quickstart.key');
  if (!existsSync(path)) await createKeyFile(path);
  return path;
}

export { ensureHelm };
