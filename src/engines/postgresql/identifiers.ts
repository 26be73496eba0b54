/** The only place that makes SQL identifiers, so that nothing a user chose can reach the text of a statement. */
const externalName = /^[a-z]-[a-z0-9]{1,40}$/;

/** An identifier of `[a-z0-9_]`, safe between double quotes. Only this file makes one. */
export type SqlIdentifier = string & { readonly sqlIdentifier: true };

/** What belongs to one instance on its server. */
export interface InstanceIdentifiers {
  database: SqlIdentifier;
  /** The role without login that owns everything in the database. */
  owner: SqlIdentifier;
  /** The role without login that may read everything in the database; made with the first binding that only reads. */
  reader: SqlIdentifier;
}

/**
 * @param instanceName the instance's external name, for example `i-abc`: database `i_abc`, owner `i_abc_owner`, reader `i_abc_reader`
 * @throws Error when the name is not shaped like an external name
 */
export function instanceIdentifiers(instanceName: string): InstanceIdentifiers {
  return {
    database: identifier(instanceName),
    owner: identifier(instanceName, '_owner'),
    reader: identifier(instanceName, '_reader'),
  };
}

/**
 * @param bindingName the binding's external name, for example `b-abc`: login `b_abc`
 * @throws Error when the name is not shaped like an external name
 */
export function bindingLogin(bindingName: string): SqlIdentifier {
  return identifier(bindingName);
}

/** The identifier as it stands in a statement. */
export function quoted(name: SqlIdentifier): string {
  return `"${name}"`;
}

// One dash and no underscore on the way in: two names can never come to the same identifier.
function identifier(name: string, suffix: '' | '_owner' | '_reader' = ''): SqlIdentifier {
  if (!externalName.test(name)) throw new Error(`not an external name: ${JSON.stringify(name)}`);
  return `${name.replace('-', '_')}${suffix}` as SqlIdentifier;
}
