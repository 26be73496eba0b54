import { bodyOf } from '../answers.ts';
import { asText, isObject, isText, type JsonObject, type JsonValue, objectsOf } from '../json.ts';
import type { Rule } from '../types.ts';
import type { Answered } from '../wire/exchange.ts';

const group = 'Bind';
/** yyyy-mm-ddThh:mm:ss.sZ, as the specification writes it. */
const moment = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+Z$/;

function describesBinding(exchange: Answered): boolean {
  const { endpoint } = exchange.draft;
  return (endpoint === 'bind' || endpoint === 'fetch binding') && [200, 201].includes(exchange.answer.status);
}

function having(field: string): (exchange: Answered) => boolean {
  return (exchange) => describesBinding(exchange) && bodyOf(exchange)[field] !== undefined;
}

function metadataOf(exchange: Answered): JsonObject {
  const { metadata } = bodyOf(exchange);
  return isObject(metadata) ? metadata : {};
}

function isPorts(value: JsonValue | undefined): boolean {
  const port = /^\d{1,5}(-\d{1,5})?$/;
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => typeof one === 'string' && port.test(one))
  );
}

export const bindingRules: readonly Rule[] = [
  {
    id: 'credentials-object',
    ...{ group, items: [96], level: 'must' },
    title: 'credentials are an object',
    concerns: having('credentials'),
    complaint: (exchange) =>
      isObject(bodyOf(exchange).credentials)
        ? undefined
        : '"credentials" is no JSON object: send one, with a key for each value',
  },
  {
    id: 'accepted-without-credentials',
    ...{ group, items: [92], level: 'must' },
    title: 'a 202 to a bind has no credentials',
    concerns: ({ draft, answer }) => draft.endpoint === 'bind' && answer.status === 202,
    complaint: (exchange) =>
      bodyOf(exchange).credentials === undefined
        ? undefined
        : 'a 202 has "credentials": leave them out, platforms fetch them when the bind succeeded',
  },
  {
    id: 'attachments-absent',
    ...{ group, items: [97], level: 'client' },
    title:
      'syslog_drain_url, route_service_url and volume_mounts are left out where there are none (Cloud Foundry)',
    concerns: describesBinding,
    complaint: (exchange) => {
      const empty = ['syslog_drain_url', 'route_service_url', 'volume_mounts'].filter((name) => {
        const value = bodyOf(exchange)[name];
        return value === null || value === '' || (Array.isArray(value) && value.length === 0);
      });
      return empty.length === 0 ? undefined : `${empty.join(', ')} is there and empty`;
    },
  },
  {
    id: 'route-service-url',
    ...{ group, items: [97], level: 'must' },
    title: 'route_service_url is a URL of https',
    concerns: having('route_service_url'),
    complaint: (exchange) => {
      const { route_service_url: url } = bodyOf(exchange);
      return isText(url) && url.startsWith('https://') && URL.canParse(url)
        ? undefined
        : `route_service_url is ${JSON.stringify(url)}`;
    },
  },
  {
    id: 'volume-mounts',
    ...{ group, items: [98], level: 'must' },
    title: 'a volume mount has driver, container_dir, mode, device_type and a device with volume_id',
    concerns: (exchange) => objectsOf(bodyOf(exchange).volume_mounts).length > 0,
    complaint: (exchange) => {
      const wrong = objectsOf(bodyOf(exchange).volume_mounts).find(
        ({ driver, container_dir, mode, device_type, device }) =>
          !isText(driver) ||
          !isText(container_dir) ||
          !['r', 'rw'].includes(asText(mode)) ||
          device_type !== 'shared' ||
          !isObject(device) ||
          !isText(device.volume_id),
      );
      return wrong === undefined
        ? undefined
        : `a volume mount lacks one of them or has another value: ${JSON.stringify(wrong).slice(0, 200)}`;
    },
  },
  {
    id: 'endpoints',
    ...{ group, items: [99], level: 'must' },
    title: 'endpoints have a host, ports that are texts, and protocol tcp, udp or all',
    concerns: having('endpoints'),
    complaint: (exchange) => {
      const { endpoints } = bodyOf(exchange);
      if (!Array.isArray(endpoints)) return '"endpoints" is no list';
      const wrong = endpoints.find(
        (one) =>
          !isObject(one) ||
          !isText(one.host) ||
          !isPorts(one.ports) ||
          !['tcp', 'udp', 'all'].includes(asText(one.protocol ?? 'tcp')),
      );
      return wrong === undefined ? undefined : `an endpoint is ${JSON.stringify(wrong)}`;
    },
  },
  {
    id: 'expiry-format',
    ...{ group, items: [100], level: 'must' },
    title: 'expires_at and renew_before are moments of UTC as 2026-01-31T23:59:59.0Z',
    concerns: (exchange) => describesBinding(exchange) && Object.keys(metadataOf(exchange)).length > 0,
    complaint: (exchange) => {
      const wrong = ['expires_at', 'renew_before'].filter((name) => {
        const value = metadataOf(exchange)[name];
        return value !== undefined && !(isText(value) && moment.test(value));
      });
      return wrong.length === 0
        ? undefined
        : `${wrong.join(' and ')} is ${JSON.stringify(metadataOf(exchange)[wrong[0] ?? ''])}`;
    },
  },
  {
    id: 'expiry-order',
    ...{ group, items: [100], level: 'must' },
    title: 'renew_before is not later than expires_at',
    concerns: (exchange) =>
      describesBinding(exchange) &&
      isText(metadataOf(exchange).expires_at) &&
      isText(metadataOf(exchange).renew_before),
    complaint: (exchange) => {
      const { expires_at: end, renew_before: renewal } = metadataOf(exchange);
      return Date.parse(asText(renewal)) <= Date.parse(asText(end))
        ? undefined
        : 'renew_before is later than expires_at';
    },
  },
  {
    id: 'secrets-in-metadata',
    ...{ group, items: [100], level: 'should' },
    title: 'metadata of a binding holds nothing of the credentials',
    concerns: (exchange) => describesBinding(exchange) && bodyOf(exchange).metadata !== undefined,
    complaint: (exchange) => {
      const { credentials } = bodyOf(exchange);
      const secrets = isObject(credentials)
        ? Object.values(credentials).filter((one) => isText(one) && one.length > 5)
        : [];
      const text = JSON.stringify(metadataOf(exchange));
      return secrets.some((secret) => text.includes(asText(secret))) ? 'a credential is in it' : undefined;
    },
  },
];
