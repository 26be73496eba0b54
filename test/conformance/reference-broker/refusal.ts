/** An answer of 4xx. Its status is written where it is refused: a platform decides by it what to do next. [13] */
export class Refusal extends Error {
  readonly status: number;
  /** One word in CamelCase. [15] */
  readonly word: string;
  readonly headers: Record<string, string>;

  constructor(status: number, word: string, description: string, headers: Record<string, string> = {}) {
    super(description);
    this.status = status;
    this.word = word;
    this.headers = headers;
  }
}

/** Go clients know these three by the exact sentence. [20] */
export const asyncRequired = 'This service plan requires client support for asynchronous service operations.';
export const concurrency =
  'The Service Broker does not support concurrent requests that mutate the same resource.';
export const requiresApp =
  'This service supports generation of credentials through binding an application only.';
