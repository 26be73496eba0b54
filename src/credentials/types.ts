/** The port of everything that makes credentials of their own for a binding. */
import type { BindSpec } from '../domain/offering.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';

/** What a credentials provider needs to know of an instance. */
export interface EngineTarget {
  /** `externalName` of the instance: names of roles and databases derive from it. */
  instanceName: string;
  /** What apps use: DNS name of the Service and its port. Absent when the plan's outputs have no host and port. */
  address?: { host: string; port: number };
  /** What Chandler itself uses; present with `address`. */
  reach?: { host: string; port: number };
  /** Present when the plan's `bind.admin` names a secret. */
  admin?: { username: string; password: Redacted<string> };
}

export interface BindingTarget {
  /** `externalName` of the binding: the login name derives from it. */
  bindingName: string;
  password: Redacted<string>;
  /** When the login shall stop working. */
  expiresAt?: Date;
  /** The login shall read only; given only to engines that can (domain/bind-engines). */
  readOnly?: true;
}

/** Every method is idempotent and may be run again after a crash at any point. Throws ChandlerError. */
export interface CredentialsProvider {
  /** Makes what bindings share (owner role, database) and proves that the server can be used. */
  prepare(spec: BindSpec, target: EngineTarget): Promise<void>;
  /** Makes the login, verifies it by logging in, and gives the complete OSBAPI credentials. */
  create(spec: BindSpec, target: EngineTarget, binding: BindingTarget): Promise<Redacted<JsonObject>>;
  /** Kills the login, ends its connections, hands over what it owns, removes it. A login that is gone is success. */
  revoke(spec: BindSpec, target: EngineTarget, binding: BindingTarget): Promise<void>;
  /** Logins of the instance that are shaped like those of bindings and can log in, whoever made them. */
  listLogins(spec: BindSpec, target: EngineTarget): Promise<string[]>;
  /** The name that `listLogins` has for the login of a binding. */
  loginName(bindingName: string): string;
}
