/** Tells at the start of a broker which of its plans the cluster cannot make, before somebody orders one. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '../catalog/types.ts';
import type { Helm } from '../helm/types.ts';
import type { Cluster } from '../kube/types.ts';
import type { Events } from '../telemetry/events.ts';
import { surveyPlan } from '../tools/cluster-lint/survey-plan.ts';

const askAgainMs = 15_000;

interface Parts {
  catalog: Pick<Catalog, 'compiledPlans'>;
  cluster: Cluster;
  helm: Helm;
  events: Pick<Events, 'kindMissing' | 'backgroundFaulted'>;
}

/**
 * Looks once, as soon as the cluster answers. Nothing depends on it: an operation finds out by itself.
 * @returns what ends the waiting
 */
export function lookForKinds(parts: Parts): () => Promise<void> {
  const stop = new AbortController();
  const task = (async () => {
    while (!(await parts.cluster.ready())) await sleep(askAgainMs, undefined, { signal: stop.signal });
    await look(parts, stop.signal);
  })().catch((cause: unknown) => {
    if (!stop.signal.aborted) parts.events.backgroundFaulted({ task: 'look for the kinds of plans', cause });
  });
  return () => {
    stop.abort();
    return task;
  };
}

async function look({ catalog, cluster, helm, events }: Parts, signal: AbortSignal): Promise<void> {
  const wanted = new Map<string, { apiVersion: string; kind: string; plans: string[] }>();
  for (const plan of catalog.compiledPlans) {
    if (signal.aborted) return;
    const { missing } = await surveyPlan(plan, { cluster, helm, namespace: 'sample' });
    const name = `${plan.revision.serviceName}/${plan.revision.planName}`;
    for (const { kind } of missing) {
      const key = `${kind.apiVersion}/${kind.kind}`;
      const { plans } = wanted.get(key) ?? { plans: [] };
      const { apiVersion, kind: word } = kind;
      wanted.set(key, { apiVersion, kind: word, plans: [...new Set([...plans, name])] });
    }
  }
  for (const each of wanted.values()) events.kindMissing({ cluster: cluster.name, ...each });
}
