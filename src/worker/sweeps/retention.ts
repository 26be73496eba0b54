import type { Sweep } from './types.ts';

export interface RetentionSettings {
  /** How long finished operations and tombstones are kept. */
  days: number;
}

/** Rows of each kind at a time, so that no transaction takes long. */
const batchSize = 500;
/** Batches of one round at most; what is left is for the next. */
const mostBatches = 40;

/** Deletes what is finished and old, and empties what must stay; nothing that lives is touched. */
export function retentionSweep({ days }: RetentionSettings): Sweep {
  return {
    name: 'retention',
    async run({ deps, guard }) {
      const total = { operations: 0, tombstones: 0, emptied: 0, observed: 0 };
      for (let batch = 0; batch < mostBatches; batch += 1) {
        guard();
        const retired = await deps.store.sweeps.retire(days, batchSize);
        for (const kind of ['operations', 'tombstones', 'emptied', 'observed'] as const) {
          total[kind] += retired[kind];
        }
        if (Object.values(retired).every((count) => count < batchSize)) break;
      }
      if (Object.values(total).some((count) => count > 0)) deps.events.rowsRetired(total);
    },
  };
}
