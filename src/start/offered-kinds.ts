/** What plans may name in this Chandler, for whoever runs them and whoever checks a catalog. */
import type { CatalogKinds } from '../catalog/offering-file.ts';
import { createProviders } from '../credentials/providers.ts';
import type { WorkerDeps } from '../worker/types.ts';

/** Credentials of their own, by engine. */
export const providers = createProviders();
/** What is made outside of clusters, by provisioner. */
export const externals: WorkerDeps['externals'] = {};

export const offeredKinds: CatalogKinds = {
  engines: Object.keys(providers),
  provisioners: Object.keys(externals),
};
