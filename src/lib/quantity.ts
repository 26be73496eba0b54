/** Kubernetes quantities of a positive amount, such as 250m or 1.5Gi. Exponents are left out: nobody writes them. */
export const quantityPattern =
  '^(0\\.\\d{0,2}[1-9]|[1-9]\\d{0,11}(\\.\\d{1,3})?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$';

const quantity = new RegExp(quantityPattern);
const factors: Record<string, bigint> = {
  m: 1n,
  '': 1000n,
  k: 1000n ** 2n,
  M: 1000n ** 3n,
  G: 1000n ** 4n,
  T: 1000n ** 5n,
  P: 1000n ** 6n,
  Ki: 1000n * 1024n,
  Mi: 1000n * 1024n ** 2n,
  Gi: 1000n * 1024n ** 3n,
  Ti: 1000n * 1024n ** 4n,
  Pi: 1000n * 1024n ** 5n,
};

/** An exact number to compare quantities by, in millionths of one unit; undefined when the text is no quantity. */
export function parseQuantity(text: string): bigint | undefined {
  if (!quantity.test(text)) return undefined;
  const [, whole = '', fraction = '', suffix = ''] = /^(\d+)(?:\.(\d+))?([A-Za-z]*)$/.exec(text) ?? [];
  const factor = factors[suffix];
  return factor === undefined ? undefined : BigInt(whole + fraction.padEnd(3, '0')) * factor;
}
