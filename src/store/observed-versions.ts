/** Whether version `a` of an object is newer than version `b`, in SQL. Versions that are no numbers are only equal or not. */
export function newerVersion(a: string, b: string): string {
  return `(case when ${a} ~ '^[0-9]+$' and ${b} ~ '^[0-9]+$' then ${a}::numeric > ${b}::numeric else ${a} <> ${b} end)`;
}
