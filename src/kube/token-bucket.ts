import { setTimeout as sleep } from 'node:timers/promises';

export interface TokenBucketOptions {
  perSecond: number;
  burst: number;
}

/** Keeps one client polite towards an API server: first come, first served, nobody is turned away. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #filledAt = performance.now();
  #pausedUntil = 0;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#tokens = options.burst;
  }

  /** Waits for a token. Tokens are reserved on the call, so callers are served in the order they came. */
  async take(): Promise<void> {
    const waitMs = this.#reserve();
    if (waitMs > 0) await sleep(waitMs);
  }

  /** Nobody gets a token for a while: the server said that it has too much to do. */
  pause(forMs: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + forMs);
  }

  #reserve(): number {
    const { perSecond, burst } = this.#options;
    const now = performance.now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = now;
    this.#tokens -= 1;
    const forToken = this.#tokens < 0 ? (-this.#tokens / perSecond) * 1000 : 0;
    return Math.max(forToken, this.#pausedUntil - now);
  }
}
