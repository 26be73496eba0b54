import { createHash } from 'node:crypto';
import type { HelmDefinition } from './helm-definition.ts';

/** What is wrong with where a chart comes from, and the key that says it. */
export class SourceFault extends Error {
  override readonly name = 'SourceFault';
  readonly key: keyof HelmDefinition;
  constructor(key: keyof HelmDefinition, message: string) {
    super(message);
    this.key = key;
  }
}

/** As `digest` of a plan says it, and as registries name the layer of a chart. */
export function digestOf(archive: Buffer): string {
  return `sha256:${createHash('sha256').update(archive).digest('hex')}`;
}
