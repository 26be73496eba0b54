import { createHash } from 'node:crypto';

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Lower-case base32 text of the first `length` five-bit groups of a SHA-256 over the parts, which are kept apart. */
function hashText(parts: readonly string[], length: number): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest();
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of digest) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5 && text.length < length) {
      bits -= 5;
      text += base32[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return text;
}

export interface ExternalNameParts {
  installationId: string;
  platform: string;
  /** The platform's instance or binding id: opaque, any characters. */
  osbId: string;
  /** Counts the lives of one OSB id: a deprovisioned id may be used again and must not meet its old objects. */
  incarnation: number;
}

/**
 * The name of an instance outside Postgres: a DNS label and an SQL identifier of 22 characters (100 bits of hash).
 * Written to the row before the first effect and read from the row ever after.
 */
export function instanceName(parts: ExternalNameParts): string {
  return `i-${hashText(['instance', parts.installationId, parts.platform, parts.osbId, String(parts.incarnation)], 20)}`;
}

const instanceNameShape = /^i-[a-z2-7]{20}$/;

/** Whether a text has the shape of {@link instanceName}, whichever installation made it. */
export function isInstanceName(text: string): boolean {
  return instanceNameShape.test(text);
}

/** The name of a binding outside Postgres, shaped like {@link instanceName}. */
export function bindingName(parts: ExternalNameParts): string {
  return `b-${hashText(['binding', parts.installationId, parts.platform, parts.osbId, String(parts.incarnation)], 20)}`;
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Whether a text may be a Kubernetes namespace or name segment (RFC 1123 label). Checked before it reaches a path. */
export function isDnsLabel(text: string): boolean {
  return dnsLabel.test(text);
}

const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Whether a text may be the name of most Kubernetes objects (RFC 1123 subdomain). */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && dnsSubdomain.test(text);
}
