import { isDeepStrictEqual } from 'node:util';
import { asText, isObject, isText, type JsonObject, type JsonValue, objectsOf } from '../json.ts';
import type { Check } from '../types.ts';
import { assume, expectStatus, Failure } from '../verdict.ts';
import {
  aboutPlans,
  aboutServices,
  documentCheck,
  nameOf,
  plansOf,
  servicesOf,
  twice,
} from './catalog-document.ts';
import { metadataChecks } from './catalog-metadata.ts';
import { schemaChecks } from './catalog-schemas.ts';
import { permissions } from './credentials.ts';

const group = 'Catalog';

const names: readonly string[] = Object.values(permissions);
/** SemVer 2.0, from its own grammar. */
const semver =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
const serviceFlags = [
  'bindable',
  'instances_retrievable',
  'bindings_retrievable',
  'allow_context_updates',
  'plan_updateable',
];
const planFlags = ['free', 'bindable', 'plan_updateable', 'binding_rotatable'];

function flagsAreBoolean(thing: JsonObject, flags: readonly string[]): (string | false)[] {
  return flags.map(
    (flag) =>
      (thing[flag] ?? undefined) !== undefined &&
      typeof thing[flag] !== 'boolean' &&
      `${flag} is ${JSON.stringify(thing[flag])}, not true or false`,
  );
}

function tooLong(thing: JsonObject, limit: number): (string | false)[] {
  return ['name', 'id', 'description'].map((field) => {
    const value = thing[field];
    return (
      isText(value) && value.length > limit && `${field} has ${value.length} characters, more than ${limit}`
    );
  });
}

export const catalogChecks: readonly Check[] = [
  documentCheck(
    {
      id: 'catalog-shape',
      items: [23],
      level: 'must',
      title: 'the catalog is a JSON object with a list of services, each an object',
    },
    ({ run }) => {
      const json = run.catalog.answer?.json;
      if (!isObject(json) || !Array.isArray(json.services)) return ['"services" is no list'];
      return json.services.map((service) => !isObject(service) && `${JSON.stringify(service)} is no service`);
    },
  ),
  aboutServices(
    {
      id: 'catalog-service-fields',
      items: [24],
      level: 'must',
      title: 'a service has name, id, description and bindable',
    },
    (service) => [
      ...['name', 'id', 'description'].map(
        (field) => !isText(service[field]) && `${field} is missing or empty`,
      ),
      typeof service.bindable !== 'boolean' && 'bindable is missing or no boolean',
    ],
  ),
  aboutServices(
    { id: 'catalog-service-plans', items: [24], level: 'must', title: 'a service has at least one plan' },
    ({ plans }) => [objectsOf(plans).length === 0 && '"plans" is missing or empty'],
  ),
  documentCheck(
    {
      id: 'catalog-service-unique',
      items: [24],
      level: 'must',
      title: 'ids and names of services are unique',
    },
    (tools) => [
      ...twice(
        servicesOf(tools).map(({ name }) => name),
        'service name',
      ),
      ...twice(
        servicesOf(tools).map(({ id }) => id),
        'service id',
      ),
    ],
  ),
  aboutPlans(
    { id: 'catalog-plan-fields', items: [25], level: 'must', title: 'a plan has id, name and description' },
    (plan) =>
      ['name', 'id', 'description'].map((field) => !isText(plan[field]) && `${field} is missing or empty`),
  ),
  documentCheck(
    {
      id: 'catalog-plan-unique',
      items: [25],
      level: 'must',
      title: 'ids of plans are unique, and their names within a service',
    },
    (tools) => [
      ...twice(
        [...plansOf(tools), ...servicesOf(tools)].map(({ id }) => id),
        'id',
      ),
      ...servicesOf(tools).flatMap(({ plans }) =>
        twice(
          objectsOf(plans).map(({ name }) => name),
          'plan name',
        ),
      ),
    ],
  ),
  {
    id: 'catalog-stable',
    ...{ group, items: [26], level: 'must', lane: 'broker' },
    title: 'a second query gives the same ids',
    async run(tools) {
      const again = await tools.send(tools.catalog());
      expectStatus(again, [200]);
      const ids = (json: JsonValue | undefined) =>
        (isObject(json) ? objectsOf(json.services) : []).map(({ id, plans }) => [
          id,
          objectsOf(plans).map((plan) => plan.id),
        ]);
      const same = isDeepStrictEqual(ids(again.answer.json), ids(tools.run.catalog.answer?.json));
      if (!same) throw new Failure('the ids are others than a moment before');
    },
  },
  documentCheck(
    {
      id: 'catalog-names',
      items: [26],
      level: 'should',
      title: 'names are friendly to command lines: letters, digits, dots and dashes',
    },
    (tools) =>
      [...servicesOf(tools), ...plansOf(tools)].map(
        ({ name }) => isText(name) && !/^[A-Za-z0-9.-]+$/.test(name) && `"${name}" has other characters`,
      ),
  ),
  documentCheck(
    {
      id: 'catalog-names-short',
      items: [26],
      level: 'client',
      title: 'names and ids have at most 63 characters (Service Catalog)',
    },
    (tools) =>
      [...servicesOf(tools), ...plansOf(tools)].flatMap((thing) =>
        [thing.name, thing.id].map((value) => isText(value) && value.length > 63 && `"${value}" is longer`),
      ),
  ),
  documentCheck(
    {
      id: 'catalog-strings',
      items: [27],
      level: 'should',
      title: 'names, ids and descriptions have at most 255 characters',
    },
    (tools) => [...servicesOf(tools), ...plansOf(tools)].flatMap((thing) => tooLong(thing, 255)),
  ),
  aboutServices(
    {
      id: 'catalog-tags-short',
      items: [27],
      level: 'client',
      title: 'tags have at most 2,048 characters together (Cloud Foundry)',
    },
    ({ tags }) => [Array.isArray(tags) && tags.map(asText).join('').length > 2048 && 'the tags are longer'],
  ),
  aboutServices(
    {
      id: 'catalog-requires',
      items: [28],
      level: 'must',
      title: 'requires names only syslog_drain, route_forwarding and volume_mount',
    },
    ({ requires }) =>
      (Array.isArray(requires) ? requires : []).map(
        (one) => !names.includes(asText(one)) && `${JSON.stringify(one)} is no permission`,
      ),
  ),
  aboutServices(
    {
      id: 'catalog-lists',
      items: [28],
      level: 'client',
      title: 'tags and requires are lists where they are there (Cloud Foundry)',
    },
    (service) =>
      ['tags', 'requires'].map(
        (field) =>
          (service[field] ?? undefined) !== undefined &&
          !Array.isArray(service[field]) &&
          `${field} is no list`,
      ),
  ),
  documentCheck({ id: 'catalog-flags', items: [29], level: 'must', title: 'flags are booleans' }, (tools) => [
    ...servicesOf(tools).flatMap((service) => flagsAreBoolean(service, serviceFlags)),
    ...plansOf(tools).flatMap((plan) => flagsAreBoolean(plan, planFlags)),
  ]),
  documentCheck(
    {
      id: 'catalog-no-nulls',
      items: [29, 31, 34],
      level: 'client',
      title: 'optional fields of services and plans are left out, not null (Cloud Foundry)',
    },
    (tools) =>
      [...servicesOf(tools), ...plansOf(tools)].flatMap((thing) =>
        Object.keys(thing).map((key) => thing[key] === null && `${key} of ${nameOf(thing)} is null`),
      ),
  ),
  aboutPlans(
    {
      id: 'catalog-flags-explicit',
      items: [30],
      level: 'client',
      title: 'plans say free, bindable and plan_updateable themselves (Korifi, Service Catalog)',
    },
    (plan) =>
      ['free', 'bindable', 'plan_updateable'].map(
        (flag) => plan[flag] === undefined && `${flag} is left out`,
      ),
  ),
  aboutPlans(
    {
      id: 'catalog-polling',
      items: [31],
      level: 'must',
      title: 'maximum_polling_duration is a whole number of seconds',
    },
    ({ maximum_polling_duration: seconds }) => [
      (seconds ?? undefined) !== undefined &&
        !(Number.isInteger(seconds) && Number(seconds) >= 0) &&
        `maximum_polling_duration is ${JSON.stringify(seconds)}`,
    ],
  ),
  aboutPlans(
    {
      id: 'catalog-maintenance',
      items: [32],
      level: 'must',
      title: 'maintenance_info has a semantic version',
    },
    ({ maintenance_info: info }) => [
      isObject(info) &&
        !semver.test(asText(info.version)) &&
        `maintenance_info.version is ${JSON.stringify(info.version)}, and must be like "1.2.3"`,
    ],
  ),
  aboutPlans(
    {
      id: 'catalog-maintenance-keys',
      items: [32],
      level: 'client',
      title: 'maintenance_info has only version and description, up to 2,000 characters (Cloud Foundry)',
    },
    ({ maintenance_info: info }) => {
      if (info === undefined || info === null) return [];
      if (!isObject(info)) return ['maintenance_info is no JSON object'];
      return [
        ...Object.keys(info).map(
          (key) => !['version', 'description'].includes(key) && `maintenance_info has ${key} as well`,
        ),
        JSON.stringify(info).length > 2000 && 'maintenance_info is longer',
      ];
    },
  ),
  ...schemaChecks,
  ...metadataChecks,
  {
    id: 'catalog-not-modified',
    ...{ group, items: [36], level: 'should', lane: 'broker' },
    title: 'a catalog with an ETag is answered 304 to If-None-Match',
    async run(tools) {
      const etag = tools.run.catalog.answer?.headers.etag;
      assume(etag !== undefined, 'the catalog has no ETag');
      expectStatus(await tools.send(tools.catalog({ headers: { 'if-none-match': etag } })), [304]);
    },
  },
];
