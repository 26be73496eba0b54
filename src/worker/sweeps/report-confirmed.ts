import type { FindingKind } from '../../store/types.ts';
import type { WorkerDeps } from '../types.ts';

/** Confirms what was seen twice and is old enough, by the clock of Postgres, and tells of each once. */
export async function reportConfirmed(
  kinds: readonly FindingKind[],
  graceSeconds: number,
  { store, events }: WorkerDeps,
): Promise<void> {
  for (const finding of await store.findings.quarantine(kinds, graceSeconds)) {
    const { kind, cluster, objectKind, namespace, name, instanceUid, bindingUid, detail } = finding;
    events.findingConfirmed({
      ...{ finding: kind, cluster, kind: objectKind, namespace, name, detail },
      ...(instanceUid === undefined ? {} : { instanceUid }),
      ...(bindingUid === undefined ? {} : { bindingUid }),
    });
  }
}
