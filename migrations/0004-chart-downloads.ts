import type { Knex } from 'knex';

/** Charts as they were fetched, so that a restart and other replicas need no registry. Only adds. */
const changes = `
create table chart_downloads (
  digest     text primary key check (digest = 'sha256:' || encode(sha256(archive), 'hex')),
  archive    bytea not null,
  provenance text,
  fetched_at timestamptz not null default clock_timestamp()
);
comment on table chart_downloads is 'Packed charts by the sha256 of the .tgz, which plans name. Checked against it each time that they are read.';
comment on column chart_downloads.provenance is 'The .prov file, where a plan asked for it.';
`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(changes);
}
