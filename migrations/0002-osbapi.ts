import type { Knex } from 'knex';

/** Updates, rotation and the rest of OSBAPI 2.17. Only adds, but a Chandler before it does not know the new states: stop it first. */
const changes = `
alter table service_instances
  drop constraint service_instances_state_check,
  add constraint service_instances_state_check check (state in (
    'provisioning', 'provision failed', 'ready', 'updating', 'update failed',
    'deprovisioning', 'deprovision failed', 'deprovisioned')),
  add column usable boolean not null default true,
  add column dashboard_url text;
comment on column service_instances.usable is 'False when a failed update or deprovision left the instance unfit for use.';

alter table service_bindings
  add column predecessor_binding_id text,
  add column attachments_sealed text,
  add column expires_at timestamptz,
  add column renew_before timestamptz,
  add constraint service_bindings_renewal check (renew_before is null or renew_before <= expires_at);
comment on column service_bindings.predecessor_binding_id is 'OSB id of the binding that this one succeeds; that one may be gone.';
comment on column service_bindings.attachments_sealed is 'Log drain, route service and volumes; mount configurations may hold secrets.';

alter table operations
  drop constraint operations_type_check,
  add constraint operations_type_check check (type in ('provision', 'update', 'deprovision', 'bind', 'unbind')),
  add column target_sealed text,
  add column instance_usable boolean,
  add column update_repeatable boolean,
  add constraint operations_target check ((type = 'update') = (target_sealed is not null)),
  add constraint operations_target_seal check (target_sealed is null or data_key is not null);
comment on column operations.target_sealed is 'What an update makes of the instance. The instance''s row keeps the old values until it succeeds.';

alter table inventory add column applied_generation bigint;
comment on column inventory.applied_generation is 'metadata.generation after the last apply: an older sighting says nothing about it.';
`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(changes);
}
