/** Everything that a chaos test plays with: the servers, the cluster behind its proxy, the replicas and their client. */
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { AppNamespace } from '../../../src/start/quickstart/sample-app.ts';
import { type BlackHole, startBlackHole } from '../../support/black-hole.ts';
import { removeInstallation } from '../../support/installation.ts';
import { startPostgresqlServer } from '../../support/postgresql-server.ts';
import { createQuickHome, type QuickHome } from '../../support/quick-broker.ts';
import { ApiProxy } from './api-proxy.ts';
import { brokenInvariants } from './invariants.ts';
import { Platform } from './platform.ts';
import { Replicas } from './replicas.ts';
import { StatePostgres } from './state-postgres.ts';
import { lookAtWorld, type World } from './world.ts';

export interface Scene {
  /** What brokers go through on their way to the server of the instances. */
  way: BlackHole;
  postgres: StatePostgres;
  api: ApiProxy;
  home: QuickHome;
  replicas: Replicas;
  platform: Platform;
  /** A platform that knows other ways to the brokers; it has a history of its own. */
  newPlatform(urls: () => readonly string[]): Platform;
  /** What is there now, and which invariants it breaks together with the platform's history. */
  judge(platform?: Platform): Promise<{ world: World; broken: Record<string, string[]> }>;
  close(): Promise<void>;
}

export interface SceneOptions {
  /** One for each replica: laid over the defaults. */
  replicas: Record<string, string>[];
  patienceMs: number;
  /** How many of them start at once; all when absent. */
  startFirst?: number;
}

export async function createScene(options: SceneOptions): Promise<Scene> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
    await app.create();
    undo.push(() => app.remove());
    const server = await startPostgresqlServer(18);
    undo.push(() => server.stop());
    const way = await startBlackHole(`postgresql://${server.host}:${server.port}`);
    undo.push(() => Promise.resolve(way.close()));
    const postgres = await StatePostgres.start();
    undo.push(() => postgres.close());
    const api = await ApiProxy.start(inject('kubeconfigPath'));
    undo.push(() => api.close());
    const { hostname, port } = new URL(way.url);
    const home = await createQuickHome({
      server,
      through: { host: hostname, port: Number(port) },
      environment: { DATABASE_URL: postgres.url, CHANDLER_KUBECONFIG: api.kubeconfigPath },
    });
    undo.push(() => removeInstallation(home));
    const replicas = new Replicas(home, postgres.directUrl, options.replicas);
    await replicas.start(options.startFirst);
    const newPlatform = (urls: () => readonly string[]) =>
      new Platform({
        urls,
        ...{ password: home.password, namespace: app.name, patienceMs: options.patienceMs },
      });
    const platform = newPlatform(() => replicas.urls());
    return {
      ...{ way, postgres, api, home, replicas, platform, newPlatform, close },
      async judge(asked = platform) {
        const world = await lookAtWorld(postgres.directUrl, home, {
          texts: { 'the log': replicas.log() },
          canaries: [home.password, server.admin.password.reveal(), ...asked.passwords],
        });
        return { world, broken: brokenInvariants(asked.history, world) };
      },
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
