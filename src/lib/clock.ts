/** The time of this process. Leases never use it: they use the clock of Postgres alone. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
