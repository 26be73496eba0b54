/** Parameters that try to be more than data, for the offering in catalog/injection.yaml. */
import type { JsonObject } from '../../../src/lib/json.ts';

const template = '{{ (lookup "v1" "Secret" "kube-system" "").items }}';

/** What no plan takes, as the text of the parameters, with the status and what the sentence says. */
export const refusedParameters: [what: string, json: string, status: 400 | 413, says: RegExp][] = [
  [
    'a YAML document',
    '{"text":"a\\n---\\nkind: ClusterRoleBinding"}',
    400,
    /`text` must not contain control/,
  ],
  ['a line break', '{"text":"a\\nlabels: {}"}', 400, /`text` must not contain control/],
  ['a carriage return', '{"text":"a\\rb"}', 400, /`text` must not contain control/],
  ['a line break of Unicode', '{"text":"a\\u2028b"}', 400, /`text` must not contain control/],
  ['an escape of the terminal', '{"text":"\\u001b[2J"}', 400, /`text` must not contain control/],
  ['a NUL', '{"text":"a\\u0000b"}', 400, /NUL character/],
  ['half a character', '{"text":"\\ud800"}', 400, /surrogate/],
  ['null', '{"text":null}', 400, /`text` must be of type string/],
  ['a map for a text', '{"text":{"a":"b"}}', 400, /`text` must be of type string/],
  ['a list for a text', '{"text":["a"]}', 400, /`text` must be of type string/],
  ['a text for a number', '{"count":"1"}', 400, /`count` must be of type integer/],
  ['a text for a boolean', '{"flag":"true"}', 400, /`flag` must be of type boolean/],
  ['a number beyond all', '{"ratio":1e400}', 400, /too large to be kept exactly/],
  ['an integer that would be rounded', '{"count":9223372036854775808}', 400, /too large to be kept exactly/],
  ['a fraction', '{"count":1.5}', 400, /`count` must be of type integer/],
  ['nothing at all', '{"count":-1}', 400, /`count` must be at least 1/],
  ['too much text', `{"text":"${'x'.repeat(2001)}"}`, 400, /`text` must not be longer than 2000/],
  ['nearly a MiB of text', `{"text":"${'x'.repeat(1_000_000)}"}`, 400, /`text` must not be longer than 2000/],
  ['a MiB of text', `{"text":"${'x'.repeat(1024 * 1024)}"}`, 413, /too large/],
  ['a word with more behind it', '{"word":"abc; rm"}', 400, /`word` must match the pattern/],
  ['a word with a line behind it', '{"word":"abc\\n"}', 400, /`word` must/],
  ...['1e9Gi', '-1', '0', '9223372036854775808', '1Gi; rm', '11Gi', '1Gi\\n', '0x10', 'NaN', ''].map(
    (size): [string, string, 400, RegExp] => [`the size "${size}"`, `{"size":"${size}"}`, 400, /`size` must/],
  ),
  ...['chart', 'image', 'registry', 'repository', 'values_url', 'values', 'set', 'namespace', 'labels'].map(
    (name): [string, string, 400, RegExp] => [
      `the unknown name ${name}`,
      `{"${name}":"http://169.254.169.254/"}`,
      400,
      new RegExp(`There is no parameter \`${name}\``),
    ],
  ),
  ['a prototype', '{"__proto__":{"admin":true}}', 400, /a key named __proto__/],
  ['a constructor', '{"constructor":{"prototype":{"admin":true}}}', 400, /a key named constructor/],
  ['a prototype within a text', '{"text":{"__proto__":{"admin":true}}}', 400, /a key named __proto__/],
];

/** What plans take that say nothing of their charts, and every chart gets as it is. */
export const literalTexts: string[] = [
  'a,b.c=d',
  '{1,2}',
  '[a, b]',
  '@/etc/passwd',
  'file:///etc/passwd',
  '-f',
  '--set=image=evil',
  'null',
  '~',
  'true',
  '0777',
  '1e3',
  '1e400',
  '*anchor',
  '&anchor a',
  '!!binary aGk=',
  '<<: *a',
  'a: b # c',
  '"quoted" and \'so\' \\n \\',
  '--- a',
  '$HOME $(id) `id`',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: text that must not be taken for a template
  '${generated.admin.password}',
  '$${x}',
  '{ {x} } {% x %} <%= x %>',
  '../../etc/passwd',
  ' space ',
  'ü 😀 \u202e',
  'x'.repeat(2000),
];

/** What arrives as it is where the plan says that its chart runs no values; elsewhere it is refused. */
export const templateTexts: string[] = [
  template,
  '{{',
  '{{ .Values }}',
  '{{ range until 100000000 }}x{{ end }}',
  '{{/* */}}',
  'a}}b{{c',
];

export const refusedTemplate = /^The parameter `text` must not contain \{\{\.$/;

/** A provision of one of the plans. */
export const provisionBody = (plan: 'guarded' | 'free' | 'leak', parameters: JsonObject): JsonObject => ({
  service_id: 'injection-service',
  plan_id: `injection-${plan}`,
  organization_guid: 'org',
  space_guid: 'space',
  context: { platform: 'kubernetes', namespace: 'team-a' },
  parameters,
});
