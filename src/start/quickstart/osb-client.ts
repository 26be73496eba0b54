/** The few OSBAPI calls of the quickstart's walk, made over HTTP as a platform makes them. */
import type { JsonObject } from '../../lib/json.ts';

export interface OsbClientOptions {
  url: string;
  username: string;
  password: string;
}

export interface OsbAnswer {
  status: number;
  body: JsonObject;
}

/** Thrown when the broker answers otherwise than the walk expects; shown to the reader. */
export class QuickstartFailed extends Error {
  override readonly name = 'QuickstartFailed';
}

export class OsbClient {
  readonly #options: OsbClientOptions;

  constructor(options: OsbClientOptions) {
    this.#options = options;
  }

  async call(
    method: 'GET' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: JsonObject,
  ): Promise<OsbAnswer> {
    const { url, username, password } = this.#options;
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
        'x-broker-api-version': '2.17',
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    return { status: answer.status, body: (await answer.json()) as JsonObject };
  }

  /** Like {@link call}; any other status than the expected ones ends the walk with the broker's own description. */
  async expect(
    statuses: readonly number[],
    method: 'GET' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: JsonObject,
  ): Promise<OsbAnswer> {
    const answer = await this.call(method, path, body);
    if (statuses.includes(answer.status)) return answer;
    throw new QuickstartFailed(
      `${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body.description ?? answer.body.error ?? '')}`,
    );
  }

  /**
   * Polls last_operation until it is final.
   * @param onProgress gets the description whenever it changes
   * @throws QuickstartFailed when the operation failed
   */
  async untilFinished(resourcePath: string, onProgress: (description: string) => void): Promise<void> {
    let last = '';
    for (;;) {
      const { status, body } = await this.expect([200, 410], 'GET', `${resourcePath}/last_operation`);
      if (status === 410 || body.state === 'succeeded') return;
      const description = typeof body.description === 'string' ? body.description : '';
      if (body.state === 'failed') throw new QuickstartFailed(`the operation failed: ${description}`);
      if (description !== last) onProgress(description);
      last = description;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
