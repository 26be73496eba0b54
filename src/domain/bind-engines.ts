/** What a plan must give the engines of bindings, and what they can do beyond a login that may do everything. */

export interface EngineTraits {
  /** It logs in at a server, so that a plan must say where that is and as whom. */
  server: boolean;
  /** Whether a binding may ask for a login that only reads. */
  readOnly: boolean;
}

/** By the name that plans call them: `bind.engine`. */
const traits: ReadonlyMap<string, EngineTraits> = new Map([['postgresql', { server: true, readOnly: true }]]);

/** The bind parameter with which users ask for a login that only reads, where a plan declares it. */
export const readOnlyParameter = 'readOnly';

/** An engine that nobody described asks for nothing and offers nothing. */
export function engineTraits(engine: string): EngineTraits {
  return traits.get(engine) ?? { server: false, readOnly: false };
}
