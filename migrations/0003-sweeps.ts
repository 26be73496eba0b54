import type { Knex } from 'knex';

/** What sweeps find and remember, repairs, takeovers, and what claims are fair by. Only adds; a Chandler before it does not know repairs. */
const changes = `
create table findings (
  uid            uuid primary key default gen_random_uuid(),
  kind           text not null check (kind in ('object without row', 'row without object', 'login without row',
                                               'row without login', 'drift')),
  cluster        text not null,
  api_version    text not null,
  object_kind    text not null,
  namespace      text not null,
  name           text not null,
  object_uid     text,
  instance_uid   text,
  binding_uid    text,
  detail         text not null,
  first_seen_at  timestamptz not null default clock_timestamp(),
  last_seen_at   timestamptz not null default clock_timestamp(),
  quarantined_at timestamptz,
  constraint findings_once unique (kind, cluster, api_version, object_kind, namespace, name)
);
comment on table findings is 'Where rows and what is outside differ, as the last sweep saw it. Nothing here is mended without an admin or the plan saying so.';
comment on column findings.instance_uid is 'What the label says: text and no foreign key, since there may be no such row.';
comment on column findings.detail is 'Names and paths for people; never a value.';
comment on column findings.quarantined_at is 'Since when it counts as an orphan: seen by two sweeps and old enough. Nothing automatic touches it from then on.';

alter table service_instances
  add column swept_at timestamptz,
  add column drift_checked_at timestamptz,
  add column emptied_at timestamptz;
comment on column service_instances.swept_at is 'When what a late worker may have made was looked for once more after the deprovision.';

comment on column service_instances.emptied_at is 'When retention replaced what is sealed in a tombstone by nothing.';

alter table service_bindings
  add column swept_at timestamptz,
  add column emptied_at timestamptz,
  add column adopted boolean not null default false;
comment on column service_bindings.adopted is 'Login and delivery were in use before the row: what a failed bind of it leaves is not to be taken back.';
comment on column service_bindings.swept_at is 'When login and delivery were taken back once more after the binding ended, failed or expired.';

alter table operations
  drop constraint operations_type_check,
  add constraint operations_type_check check (type in ('provision', 'update', 'deprovision', 'bind', 'unbind', 'repair')),
  add column takeovers integer not null default 0,
  add column tenant bigint not null default 0,
  add column cluster text not null default '';
comment on column operations.takeovers is 'Claims in a row, without a step between, that took over a lease run out: each time a worker died or stood still.';
comment on column operations.tenant is 'Digest of platform, organization, space and namespace of the instance; claims are shared out fairly between tenants.';
comment on column operations.cluster is 'That of the instance; so many operations work on one at the same time, and no more.';
create index operations_due_by_tenant on operations (tenant, run_at, position) where state = 'in progress';
create index operations_by_deadline on operations (deadline) where state = 'in progress';
update operations set cluster = instance.cluster, tenant = hashtextextended(
    jsonb_build_array(instance.platform, instance.organization_guid, instance.space_guid,
      instance.context_namespace)::text, 0)
  from service_instances instance where instance.uid = instance_uid and operations.state = 'in progress';
`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(changes);
}
