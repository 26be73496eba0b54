import { queryDatabase } from './postgres.ts';

/** As if what was delivered for this binding, or for all of them, had been put back as often today as it may be. */
export async function useUpRepairs(databaseUrl: string, bindingUid?: string): Promise<void> {
  await queryDatabase(
    databaseUrl,
    `insert into operations (uid, type, state, instance_uid, binding_uid, plan_revision, description, deadline, finished_at)
     select gen_random_uuid(), 'repair', 'succeeded', instance_uid, binding_uid, plan_revision, '', deadline, now()
     from operations, generate_series(1, 50) where type = 'bind' and binding_uid = coalesce($1, binding_uid)`,
    [bindingUid ?? null],
  );
}
