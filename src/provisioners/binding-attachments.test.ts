// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { describe, expect, test } from 'vitest';
import type { AttachmentSpec } from '../domain/offering.ts';
import { renderAttachments } from './binding-attachments.ts';

const scope = { instance: { name: 'i-abc' }, plan: { mode: 'r' } };
const outputs = { host: 'logs.example', share: { id: 'vol-1' } };
const render = (spec: AttachmentSpec) => renderAttachments(spec, scope, outputs);
const mount = {
  ...{ driver: 'nfs', containerDir: '/data/${instance.name}', mode: '${plan.mode}', deviceType: 'shared' },
  device: { volumeId: '${outputs.share.id}', mountConfig: { depth: 2 } },
};

describe('attachments', () => {
  test('read what the expressions of the instance read, and its outputs', () => {
    expect(
      render({
        syslogDrainUrl: 'syslog-tls://${outputs.host}:6514',
        routeServiceUrl: 'https://${outputs.host}/${instance.name}',
        volumeMounts: [mount],
      }),
    ).toEqual({
      syslogDrainUrl: 'syslog-tls://logs.example:6514',
      routeServiceUrl: 'https://logs.example/i-abc',
      volumeMounts: [
        {
          ...{ driver: 'nfs', containerDir: '/data/i-abc', mode: 'r', deviceType: 'shared' },
          device: { volumeId: 'vol-1', mountConfig: { depth: 2 } },
        },
      ],
    });
  });

  test('of a plan without any are none', () => {
    expect(render({})).toBeUndefined();
  });

  test.each<[string, AttachmentSpec, RegExp]>([
    [
      'a route service without TLS',
      { routeServiceUrl: 'http://a' },
      /routeServiceUrl: must begin with https:/,
    ],
    ['a value that is not there', { syslogDrainUrl: '${outputs.nothing}' }, /does not have/],
    ['a number for a URL', { syslogDrainUrl: '${1 + 1}' }, /syslogDrainUrl/],
    ['an unknown mode', { volumeMounts: [{ ...mount, mode: 'x' }] }, /volumeMounts.0.mode/],
    ['a misspelt key', { volumeMounts: [{ ...mount, container_dir: '/' }] }, /container_dir/],
    ['no list', { volumeMounts: '${instance.name}' }, /volumeMounts/],
  ])('refuse %s, and say where', (_what, spec, message) => {
    expect(() => render(spec)).toThrow(
      expect.objectContaining({ code: 'TemplateFailed', message: expect.stringMatching(message) }),
    );
  });
});
