import type { Operation } from '../../domain/operation.ts';
import type { JsonObject } from '../../lib/json.ts';

/** What settling an orphan comes to. Until it is begun, nothing is changed. */
export interface Settlement {
  /** What is done, for people: names, and never a value of a Secret. */
  steps: string[];
  warnings: string[];
  /**
   * Writes it down in one transaction, or deletes the one object that it is about.
   * @returns the operation by which workers do the rest
   * @throws OrphanRefused when somebody was first
   */
  begin(): Promise<Operation | undefined>;
  /** Once the operation succeeded: what it did not touch, for people. */
  leftAlone?(): Promise<string[]>;
}

export interface SettleOptions {
  /** Of an adopted instance: what its user had chosen. */
  parameters?: JsonObject;
  /** Of an adopted instance: in place of the plan that its namespace names. */
  planId?: string;
  /** Adopts a binding although no sweep found its login. */
  trustSecret: boolean;
  /** Makes volumes that are gone anew, without what they held. */
  withEmptyVolumes: boolean;
}
