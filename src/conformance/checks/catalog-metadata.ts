import { isObject, isText, objectsOf } from '../json.ts';
import type { Check } from '../types.ts';
import {
  aboutPlans,
  aboutServices,
  documentCheck,
  nameOf,
  plansOf,
  servicesOf,
  twice,
} from './catalog-document.ts';

/** What is said about services and plans for people, and the clients of dashboards. */
export const metadataChecks: readonly Check[] = [
  documentCheck(
    { id: 'catalog-metadata', items: [34], level: 'must', title: 'metadata is an object' },
    (tools) =>
      [...servicesOf(tools), ...plansOf(tools)].map(
        (thing) =>
          (thing.metadata ?? undefined) !== undefined &&
          !isObject(thing.metadata) &&
          `the metadata of ${nameOf(thing)} is ${JSON.stringify(thing.metadata).slice(0, 40)}, not a JSON object`,
      ),
  ),
  aboutServices(
    {
      id: 'catalog-metadata-texts',
      items: [34],
      level: 'client',
      title: 'the well-known metadata of a service are texts (Korifi)',
    },
    ({ metadata }) =>
      [
        'displayName',
        'imageUrl',
        'longDescription',
        'providerDisplayName',
        'documentationUrl',
        'supportUrl',
      ].map(
        (key) =>
          isObject(metadata) &&
          metadata[key] !== undefined &&
          typeof metadata[key] !== 'string' &&
          `${key} is no text`,
      ),
  ),
  aboutPlans(
    {
      id: 'catalog-costs',
      items: [34],
      level: 'should',
      title: 'costs have amount and unit, bullets are a list',
    },
    ({ metadata }) => {
      if (!isObject(metadata)) return [];
      const { costs, bullets } = metadata;
      return [
        bullets !== undefined && !Array.isArray(bullets) && 'bullets are no list',
        costs !== undefined && !Array.isArray(costs) && 'costs are no list',
        ...objectsOf(costs).map(
          ({ amount, unit }) =>
            !(
              isObject(amount) &&
              Object.values(amount).every((value) => typeof value === 'number') &&
              isText(unit)
            ) && 'a cost lacks amount or unit',
        ),
      ];
    },
  ),
  documentCheck(
    {
      id: 'catalog-dashboard-client',
      items: [35],
      level: 'client',
      title: 'dashboard_client has id, secret and redirect_uri, and ids are unique (Cloud Foundry)',
    },
    (tools) => {
      const clients = servicesOf(tools).flatMap(({ dashboard_client: client }) =>
        isObject(client) ? [client] : [],
      );
      return [
        ...clients.flatMap((client) =>
          ['id', 'secret', 'redirect_uri'].map((key) => !isText(client[key]) && `${key} is missing`),
        ),
        ...twice(
          clients.map(({ id }) => id),
          'dashboard_client.id',
        ),
      ];
    },
  ),
];
