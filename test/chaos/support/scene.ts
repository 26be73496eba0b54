/** Everything that a chaos test plays with: the servers, the cluster behind its proxy, the replicas and their client. */
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { AppNamespace } from '../../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome } from '../../support/broker.ts';
import { removeInstallation } from '../../support/installation.ts';
import { ApiProxy } from './api-proxy.ts';
import { brokenInvariants } from './invariants.ts';
import { Platform } from './platform.ts';
import { createQuickPlan, type QuickPlan } from './quick-plan.ts';
import { Replicas } from './replicas.ts';
import { StatePostgres } from './state-postgres.ts';
import { lookAtWorld, type World } from './world.ts';

export interface Scene {
  plan: QuickPlan;
  postgres: StatePostgres;
  api: ApiProxy;
  home: BrokerHome;
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
    const plan = await createQuickPlan();
    undo.push(() => plan.remove());
    const postgres = await StatePostgres.start();
    undo.push(() => postgres.close());
    const api = await ApiProxy.start(inject('kubeconfigPath'));
    undo.push(() => api.close());
    const home = await createBrokerHome({
      DATABASE_URL: postgres.url,
      CHANDLER_KUBECONFIG: api.kubeconfigPath,
      CHANDLER_CATALOG: plan.catalogFolder,
      CHANDLER_PLAN_SET: '{}',
    });
    undo.push(() => removeInstallation(home));
    const replicas = new Replicas(home, postgres.directUrl, options.replicas);
    await replicas.start(options.startFirst);
    const newPlatform = (urls: () => readonly string[]) =>
      new Platform({
        urls,
        ...{ password: home.password, plan, namespace: app.name, patienceMs: options.patienceMs },
      });
    const platform = newPlatform(() => replicas.urls());
    return {
      ...{ plan, postgres, api, home, replicas, platform, newPlatform, close },
      async judge(asked = platform) {
        const world = await lookAtWorld(postgres.directUrl, plan, {
          texts: { 'the log': replicas.log() },
          canaries: [home.password, plan.server.admin.password.reveal(), ...asked.passwords],
        });
        return { world, broken: brokenInvariants(asked.history, world) };
      },
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
