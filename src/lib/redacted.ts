import { inspect } from 'node:util';

/**
 * A value that must never be printed: every way of turning it into text says `[redacted]`.
 * Call `reveal()` only where the value leaves for its destination.
 */
export class Redacted<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}
