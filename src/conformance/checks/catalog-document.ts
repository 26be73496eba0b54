/** Checks of the catalog document alone. */
import { isObject, isText, type JsonObject, type JsonValue, objectsOf } from '../json.ts';
import type { Tools } from '../tools.ts';
import type { Check, Level } from '../types.ts';
import { Failure } from '../verdict.ts';

/** Complaints about one thing in the catalog; none when it is right. */
type Look<T> = (thing: T) => (string | false | undefined)[];

export function servicesOf({ run }: Pick<Tools, 'run'>): JsonObject[] {
  const catalog = run.catalog.answer?.json;
  return isObject(catalog) ? objectsOf(catalog.services) : [];
}

export function plansOf(tools: Pick<Tools, 'run'>): JsonObject[] {
  return servicesOf(tools).flatMap((service) => objectsOf(service.plans));
}

export function nameOf(thing: JsonObject): string {
  return isText(thing.name) ? thing.name : isText(thing.id) ? thing.id : 'one without name and id';
}

interface About {
  id: string;
  items: number[];
  level: Level;
  title: string;
}

/** A check of the document alone, that names everything that is wrong in it. */
export function documentCheck(
  about: About,
  complaints: (tools: Tools) => (string | false | undefined)[],
): Check {
  return {
    ...about,
    group: 'Catalog',
    lane: 'broker',
    run(tools) {
      tools.exchanges.push(tools.run.catalog);
      const found = complaints(tools).filter((text) => typeof text === 'string');
      if (found.length > 0) throw new Failure(found.slice(0, 5).join('; '));
      return Promise.resolve();
    },
  };
}

export function aboutServices(about: About, look: Look<JsonObject>): Check {
  return documentCheck(about, (tools) =>
    servicesOf(tools).flatMap((service) =>
      look(service).map((text) => text && `service ${nameOf(service)}: ${text}`),
    ),
  );
}

export function aboutPlans(about: About, look: Look<JsonObject>): Check {
  return documentCheck(about, (tools) =>
    plansOf(tools).flatMap((plan) => look(plan).map((text) => text && `plan ${nameOf(plan)}: ${text}`)),
  );
}

export function twice(values: (JsonValue | undefined)[], what: string): (string | false)[] {
  const seen = values.filter(isText);
  return [...new Set(seen.filter((value, index) => seen.indexOf(value) !== index))].map(
    (value) => `the ${what} ${value} is there more than once`,
  );
}
