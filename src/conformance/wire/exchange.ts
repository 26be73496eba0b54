import type { JsonObject, JsonValue } from '../json.ts';

/** The endpoints of OSBAPI; `last_operation` is called polling here. */
export type Endpoint =
  | 'catalog'
  | 'provision'
  | 'fetch instance'
  | 'poll instance'
  | 'update'
  | 'deprovision'
  | 'bind'
  | 'fetch binding'
  | 'poll binding'
  | 'unbind'
  | 'elsewhere';

/** The verbs that begin an operation, and so can be polled for. */
export type Verb = 'provision' | 'update' | 'deprovision' | 'bind' | 'unbind';

/** A request before it is sent. A value that is undefined leaves the header or the query parameter out. */
export interface Draft {
  endpoint: Endpoint;
  method: 'GET' | 'PUT' | 'PATCH' | 'DELETE';
  /** Percent-encoded, without the query. */
  path: string;
  query: Record<string, string | undefined>;
  headers: Record<string, string | undefined>;
  /** An object is sent as JSON, text as it is. */
  body?: JsonObject | string;
  instanceId?: string;
  bindingId?: string;
  /** What the instance is of, whatever the body or query says on purpose. */
  plan?: { serviceId: string; planId: string };
  /** Of a poll: the verb whose operation it asks about. */
  polled?: Verb;
}

/** What a check changes about the request that the platform would send. */
export interface Edit {
  query?: Draft['query'];
  headers?: Draft['headers'];
  /** Laid over the body's fields; undefined takes a field away. */
  body?: Record<string, JsonValue | undefined>;
  /** Sent in place of the body, as it is. */
  raw?: string;
}

export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  text: string;
  /** The parsed body; undefined when it is no JSON. */
  json: JsonValue | undefined;
}

/** One request and what came of it. */
export interface Exchange {
  draft: Draft;
  /** Path and query, as they went over the wire. */
  target: string;
  headers: Record<string, string>;
  body: string | undefined;
  answer: Answer | undefined;
  /** Why there is no answer. */
  fault: string | undefined;
  milliseconds: number;
}

/** An exchange that has an answer. */
export interface Answered extends Exchange {
  answer: Answer;
}

export function edited(draft: Draft, edit: Edit = {}): Draft {
  const changed: Draft = {
    ...draft,
    query: { ...draft.query, ...edit.query },
    headers: { ...draft.headers, ...edit.headers },
  };
  if (edit.raw !== undefined) return { ...changed, body: edit.raw };
  if (edit.body !== undefined && typeof draft.body !== 'string') {
    const fields = Object.entries({ ...draft.body, ...edit.body });
    changed.body = Object.fromEntries(
      fields.filter((field): field is [string, JsonValue] => field[1] !== undefined),
    );
  }
  return changed;
}
