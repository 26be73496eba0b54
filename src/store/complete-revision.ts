import type { BindSpec, PlanRevision, PlanSchemas, SyncSpec, Timeouts } from '../domain/offering.ts';

/** A revision as some Chandler stored it: those before updates and rotation knew nothing of them. */
export interface StoredRevision
  extends Omit<PlanRevision, 'schemas' | 'bind' | 'updates' | 'sync' | 'timeouts'> {
  schemas: Lacking<PlanSchemas, 'update'>;
  bind?: Lacking<BindSpec, 'rotatable' | 'requiresApp' | 'attachments'>;
  updates?: PlanRevision['updates'];
  sync: Lacking<SyncSpec, 'update'>;
  timeouts: Lacking<Timeouts, 'update'>;
}

type Lacking<T, Keys extends keyof T> = Omit<T, Keys> & Partial<Pick<T, Keys>>;

/** What an update may change when the plan does not say: nothing. */
const nothing = {
  $schema: 'http://json-schema.org/draft-04/schema#',
  type: 'object',
  additionalProperties: false,
  properties: {},
};

/** Fills in what the revision lacks: such plans allow no updates, and their bindings may be rotated like others. */
export function completeRevision(stored: StoredRevision): PlanRevision {
  const { bind, ...rest } = stored;
  return {
    ...rest,
    schemas: { update: nothing, ...stored.schemas },
    ...(bind === undefined
      ? {}
      : { bind: { rotatable: true, requiresApp: false, attachments: {}, ...bind } }),
    updates: stored.updates ?? { plan: false, growOnly: [] },
    sync: { update: false, ...stored.sync },
    timeouts: { update: stored.timeouts.provision, ...stored.timeouts },
  };
}
