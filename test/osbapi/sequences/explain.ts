/** Whether answers can be explained: by some order of the requests, between which operations may go on. */
import { canonicalJson, type JsonValue } from '../../../src/lib/json.ts';
import type { Answer } from '../../support/osb-client.ts';
import { type Expected, type Request, react } from './expectations.ts';
import { canProceed, type Model, operationsOf, places, proceed, proceedAll } from './model.ts';

export interface Exchange {
  request: Request;
  answer: Answer;
}

/** @returns every model that the answers may have led to, when nothing goes on any more; none when they are wrong */
export function explain(before: Model, exchanges: readonly Exchange[]): Model[] {
  const found = new Map<string, Model>();
  const seen = new Set<string>();
  const visit = (model: Model, left: readonly Exchange[]): void => {
    const key = `${left.map((each) => exchanges.indexOf(each)).join()} ${JSON.stringify(model)}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (left.length === 0) {
      const end = structuredClone(model);
      proceedAll(end);
      const isRight = operationsOf(end).every(({ state, told }) => told === undefined || told === state);
      if (isRight) found.set(JSON.stringify(end), end);
    }
    for (const exchange of left) {
      for (const after of accept(model, exchange)) {
        visit(
          after,
          left.filter((each) => each !== exchange),
        );
      }
    }
    for (const place of places()) {
      if (!canProceed(model, place, true)) continue;
      const after = structuredClone(model);
      proceed(after, place);
      visit(after, left);
    }
  };
  visit(structuredClone(before), exchanges);
  return [...found.values()];
}

/** What becomes of the model if the request is answered in this way now. */
function accept(model: Model, { request, answer }: Exchange): Model[] {
  const count = react(structuredClone(model), request).expected.length;
  return Array.from({ length: count }, (_, index) => index).flatMap((index) => {
    const after = structuredClone(model);
    const expected = react(after, request).expected[index];
    return expected !== undefined && learn(after, expected, answer) ? [after] : [];
  });
}

/** Whether an answer is what is expected; what it alone can tell is learnt. */
function learn(model: Model, expected: Expected, { status, json }: Answer): boolean {
  const { operation, ended, dashboardOf, credentialsOf } = expected;
  if (status !== expected.status || json.error !== expected.error) return false;
  for (const [name, value] of Object.entries(expected.body ?? {})) {
    if (!isEqual(json[name], value)) return false;
  }
  if (ended !== undefined) ended.told = status < 400 ? 'succeeded' : 'failed';
  if (operation === undefined) {
    if (json.operation !== undefined) return false;
  } else {
    if (typeof json.operation !== 'string') return false;
    if (operation.token === undefined) {
      if (operationsOf(model).some(({ token }) => token === json.operation)) return false;
      operation.token = json.operation;
    }
    if (operation.token !== json.operation) return false;
  }
  if (dashboardOf !== undefined) {
    if (json.dashboard_url === undefined) return false;
    dashboardOf.dashboardUrl ??= json.dashboard_url;
    if (!isEqual(dashboardOf.dashboardUrl, json.dashboard_url)) return false;
  }
  if (credentialsOf !== undefined) {
    if (json.credentials === undefined) return false;
    credentialsOf.credentials ??= json.credentials;
    if (!isEqual(credentialsOf.credentials, json.credentials)) return false;
  }
  return true;
}

function isEqual(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return canonicalJson(left) === canonicalJson(right);
}
