/**
 * For `node --import`: this process's calendar is wrong by CHAOS_CLOCK_SHIFT_MS. The monotonic clock is left alone, as
 * it is on a machine whose clock was set wrong.
 */
const shiftMs = Number(process.env.CHAOS_CLOCK_SHIFT_MS ?? 0);
const RightDate = Date;

globalThis.Date = class extends RightDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(RightDate.now() + shiftMs);
    else super(...(given as [number]));
  }

  static override now(): number {
    return RightDate.now() + shiftMs;
  }
} as DateConstructor;
