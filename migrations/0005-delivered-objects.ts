import type { Knex } from 'knex';

/**
 * What was delivered for a binding, so that a change by others is seen without reading it, and repairs of one binding.
 * Only adds; a Chandler before it repairs the whole instance in such a repair's place.
 */
const changes = `
alter table service_bindings add column delivered jsonb not null default '[]';
comment on column service_bindings.delivered is 'Secret and ConfigMap as they were last applied: kind, uid, resourceVersion. A sighting of another version means that somebody else wrote.';
alter table operations
  drop constraint operations_of_binding,
  add constraint operations_of_binding check (type = 'repair' or (type in ('bind', 'unbind')) = (binding_uid is not null));
`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(changes);
}
