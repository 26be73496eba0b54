/** Which columns of which tables are sealed: `<name>_sealed` in Postgres, bound to `<name>` in the seal. */
export const sealedColumns = {
  service_instances: ['context', 'parameters', 'generated'],
  service_bindings: ['context', 'parameters', 'password', 'credentials', 'attachments'],
  operations: ['originating_identity', 'target'],
} as const satisfies Record<string, readonly string[]>;

export type SealedTable = keyof typeof sealedColumns;

export const sealedTables = Object.keys(sealedColumns) as SealedTable[];
