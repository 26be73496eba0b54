import type { Redacted } from '../lib/redacted.ts';

/** Where a server is and who logs in there. */
export interface ServerLogin {
  host: string;
  port: number;
  username: string;
  password: Redacted<string>;
}
