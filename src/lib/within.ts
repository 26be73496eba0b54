/** Waits for what is under way, but no longer than this. @throws what it throws in that time; later it concerns nobody */
export async function within(milliseconds: number, underWay: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, milliseconds);
  try {
    await Promise.race([underWay, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
