import { cloudfoundry } from './cloudfoundry.ts';
import { korifi } from './korifi.ts';
import { kubernetes } from './kubernetes.ts';
import type { Platform, PlatformName } from './platform.ts';
import { specification } from './specification.ts';

const platforms: Record<PlatformName, Platform> = { cloudfoundry, kubernetes, korifi };

/** @param name none: the specification's own examples */
export function platformOf(name: PlatformName | undefined): Platform {
  return name === undefined ? specification : platforms[name];
}
