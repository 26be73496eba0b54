import type { Knex } from 'knex';

/*
 * Standards: text (lengths are checked at the edge), timestamptz, half-open ranges, states as checked text, names of
 * constraints written out where code refers to them. Columns ending in `_sealed` hold AES-256-GCM texts that open
 * with the row's `data_key`, which the key `key_id` wraps.
 */
const tables = `
create table installation (
  only_row   boolean primary key default true check (only_row),
  id         uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now()
);
comment on table installation is 'Identity of this Chandler, stamped on every object outside. One row, made when the store is first opened.';

create table encryption_keys (
  id         text primary key,
  canary     text not null,
  created_at timestamptz not null default now()
);
comment on table encryption_keys is 'Key-encryption keys ever used, each with a text that only this key opens. The keys themselves are in the key file.';

create table charts (
  digest     text primary key,
  archive    bytea not null,
  created_at timestamptz not null default now()
);
comment on table charts is 'Packed Helm charts. The digest is over sorted paths and contents, not over the archive.';

create table plan_revisions (
  digest     text primary key,
  service_id text not null,
  plan_id    text not null,
  definition jsonb not null,
  created_at timestamptz not null default now()
);
comment on table plan_revisions is 'Immutable compiled plans. Instances and operations refer to the one they were made under.';
create index plan_revisions_by_plan on plan_revisions (service_id, plan_id, created_at);

create table service_instances (
  uid               uuid primary key,
  platform          text not null,
  instance_id       text not null,
  incarnation       integer not null check (incarnation > 0),
  service_id        text not null,
  plan_id           text not null,
  plan_revision     text not null references plan_revisions (digest),
  state             text not null check (state in ('provisioning', 'provision failed', 'ready',
                                                   'deprovisioning', 'deprovision failed', 'deprovisioned')),
  organization_guid text not null,
  space_guid        text not null,
  external_name     text not null unique,
  cluster           text not null,
  namespace         text not null,
  context_namespace text,
  outputs           json not null default '{}',
  key_id            text not null references encryption_keys (id),
  data_key          text not null,
  context_sealed    text not null,
  parameters_sealed text not null,
  generated_sealed  text not null,
  created_at        timestamptz not null default clock_timestamp(),
  updated_at        timestamptz not null default clock_timestamp(),
  constraint service_instances_incarnation_key unique (platform, instance_id, incarnation)
);
comment on column service_instances.incarnation is 'Counts the lives of one OSB id. The newest tombstone must stay, or the names of its objects would be made again.';
comment on column service_instances.external_name is 'Prefix of every object''s name, written before the first effect and never worked out again.';
comment on column service_instances.outputs is 'json, not jsonb: jsonb refuses strings with U+0000.';
create unique index service_instances_live_key on service_instances (platform, instance_id) where state <> 'deprovisioned';
create index service_instances_pages on service_instances (created_at, uid);
create index service_instances_platform_pages on service_instances (platform, created_at, uid);
create index service_instances_by_key on service_instances (key_id);

create table service_bindings (
  uid                uuid primary key,
  platform           text not null,
  instance_id        text not null,
  binding_id         text not null,
  instance_uid       uuid not null references service_instances (uid),
  incarnation        integer not null check (incarnation > 0),
  service_id         text not null,
  plan_id            text not null,
  state              text not null check (state in ('binding', 'bind failed', 'bound',
                                                    'unbinding', 'unbind failed', 'unbound')),
  app_guid           text,
  external_name      text not null unique,
  delivery_cluster   text,
  delivery_namespace text,
  key_id             text not null references encryption_keys (id),
  data_key           text not null,
  context_sealed     text not null,
  parameters_sealed  text not null,
  password_sealed    text not null,
  credentials_sealed text,
  created_at         timestamptz not null default clock_timestamp(),
  updated_at         timestamptz not null default clock_timestamp(),
  constraint service_bindings_incarnation_key unique (platform, binding_id, incarnation),
  constraint service_bindings_delivery_complete check ((delivery_cluster is null) = (delivery_namespace is null))
);
comment on column service_bindings.external_name is 'Login name in the engine and prefix of the delivered objects'' names.';
create unique index service_bindings_live_key on service_bindings (platform, binding_id) where state <> 'unbound';
create index service_bindings_by_instance on service_bindings (instance_uid);
create index service_bindings_pages on service_bindings (created_at, uid);
create index service_bindings_by_key on service_bindings (key_id);

create table operations (
  uid                         uuid primary key,
  position                    bigint generated always as identity unique,
  type                        text not null check (type in ('provision', 'deprovision', 'bind', 'unbind')),
  state                       text not null default 'in progress' check (state in ('in progress', 'succeeded', 'failed')),
  instance_uid                uuid not null references service_instances (uid),
  binding_uid                 uuid references service_bindings (uid),
  plan_revision               text not null references plan_revisions (digest),
  description                 text not null,
  error_code                  text,
  fence                       integer not null default 0,
  attempts                    integer not null default 0,
  run_at                      timestamptz not null default clock_timestamp(),
  wakes                       integer not null default 0,
  wakes_at_claim              integer not null default 0,
  lease_owner                 text,
  lease_until                 timestamptz,
  deadline                    timestamptz not null,
  details                     jsonb not null default '{}',
  key_id                      text references encryption_keys (id),
  data_key                    text,
  originating_identity_sealed text,
  created_at                  timestamptz not null default clock_timestamp(),
  finished_at                 timestamptz,
  constraint operations_of_binding check ((type in ('bind', 'unbind')) = (binding_uid is not null)),
  constraint operations_finished check ((state = 'in progress') = (finished_at is null)),
  constraint operations_lease_complete check ((lease_owner is null) = (lease_until is null)),
  constraint operations_seal_complete check ((data_key is null) = (key_id is null)
                                             and (originating_identity_sealed is null or data_key is not null))
);
comment on table operations is 'A promise to a platform and the job that keeps it. src/store/operation-queue.ts tells its life.';
comment on column operations.position is 'Order of creation, also within one transaction.';
comment on column operations.fence is 'Counts claims and cancellations; a worker''s writes carry the fence it claimed with.';
comment on column operations.lease_until is 'A cancelled operation keeps its lease: until it ends, or its worker gives it up, nothing else may begin on the same resource.';
comment on column operations.wakes is 'Counts wakes. When it grew since the claim (wakes_at_claim), the release makes the operation due at once.';
comment on column operations.details is 'What later ticks need of earlier ones, for example the Kubernetes version that charts were rendered for.';
create unique index operations_one_active_per_instance on operations (instance_uid)
  where state = 'in progress' and binding_uid is null;
create unique index operations_one_active_per_binding on operations (binding_uid)
  where state = 'in progress' and binding_uid is not null;
create index operations_due on operations (run_at, position) where state = 'in progress';
create index operations_leased on operations (instance_uid) where lease_until is not null;
create index operations_active_by_instance on operations (instance_uid) where state = 'in progress';
create index operations_latest_of_instance on operations (instance_uid, position desc) where binding_uid is null;
create index operations_latest_of_binding on operations (binding_uid, position desc) where binding_uid is not null;
create index operations_by_key on operations (key_id) where key_id is not null;

create table inventory (
  instance_uid   uuid not null references service_instances (uid),
  cluster        text not null,
  api_version    text not null,
  kind           text not null,
  namespace      text not null,
  name           text not null,
  position       bigint generated always as identity,
  binding_uid    uuid references service_bindings (uid),
  resource_id    text not null,
  object_uid     text,
  applied_digest text,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  primary key (instance_uid, cluster, api_version, kind, namespace, name),
  constraint inventory_applied check ((object_uid is null) = (applied_digest is null))
);
comment on table inventory is 'Objects that were applied or are about to be, in the order of applying.';
comment on column inventory.namespace is 'Empty for cluster-scoped objects.';
create index inventory_by_kind on inventory (cluster, api_version, kind);
create index inventory_by_binding on inventory (binding_uid) where binding_uid is not null;

create table observed_objects (
  cluster          text not null,
  uid              text not null,
  instance_uid     text not null,
  binding_uid      text,
  api_version      text not null,
  kind             text not null,
  namespace        text not null,
  name             text not null,
  resource_version text not null,
  object           json not null,
  gone_at          timestamptz,
  observed_at      timestamptz not null default now(),
  primary key (cluster, uid)
);
comment on table observed_objects is 'Labelled objects as the watcher last saw them. Written by src/store/observed.ts only.';
comment on column observed_objects.instance_uid is 'What the label says: text and no foreign key, since anybody may write a label.';
comment on column observed_objects.gone_at is 'Set for some minutes after a deletion, so that an older sighting does not bring the object back.';
create index observed_objects_by_instance on observed_objects (instance_uid) where gone_at is null;
create index observed_objects_by_name on observed_objects (cluster, api_version, kind, namespace, name);
create index observed_objects_gone on observed_objects (gone_at) where gone_at is not null;

create table leases (
  name       text primary key,
  owner      text not null,
  expires_at timestamptz not null
);
comment on table leases is 'Who does what only one process may do (one watcher per cluster). By the clock of Postgres alone.';
`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(tables);
}
