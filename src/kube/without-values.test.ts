import { describe, expect, test } from 'vitest';
import { refusedFields } from './refused-fields.ts';
import { KubeError } from './types.ts';
import { withoutValues } from './without-values.ts';

describe('the message of a KubeError', () => {
  test.each([
    [
      422,
      'Job.batch "init" is invalid: spec.template: Invalid value: core.PodTemplateSpec{Value:"canary"}: field is immutable',
    ],
    [422, 'ConfigMap "a" is invalid: x: Unsupported value: "canary": supported values: "b"'],
    [422, 'Service "a" is invalid: spec.ports[1]: Duplicate value: {"port":"canary"}'],
    [422, 'StatefulSet "a" is invalid: spec.x: Not found: "canary"'],
    [
      400,
      'StatefulSet in version "v1" cannot be handled: strconv.ParseInt: parsing "canary \\"canary": invalid syntax',
    ],
    [400, 'parsing "canary that nothing ends'],
    [
      500,
      'failed to create typed patch object: expected string, got &value.valueUnstructured{Value:"canary"}',
    ],
  ])('of %i quotes no value: %s', (status, message) => {
    const { message: told, stack } = new KubeError(status, 'Invalid', message);
    expect(`${told} ${stack}`).not.toContain('canary');
    expect(told.length).toBeGreaterThan(5);
  });

  test.each([
    [403, 'pods "db-0" is forbidden: exceeded quota: small, requested: cpu=2, used: cpu=1, limited: cpu=2'],
    [403, 'pods "db-0" is forbidden: violates PodSecurity "restricted:latest": privileged (container "c")'],
    [400, 'admission webhook "policy.example" denied the request: images come from "registry" alone'],
    [422, "ConfigMap \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"],
    [409, 'Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas'],
  ])('of %i keeps what helps: %s', (status, message) => {
    expect(withoutValues(status, message)).toBe(message);
  });
});

test('of a Status that names fields those are told, with the words only where they quote nothing', () => {
  const causes = [
    { field: 'spec.template', reason: 'FieldValueInvalid', message: 'Invalid value: "canary"' },
    { field: 'spec', reason: 'FieldValueForbidden', message: 'Forbidden: updates are forbidden' },
    { message: 'canary' },
  ];
  expect(refusedFields({ details: { kind: 'StatefulSet', name: 'db', causes } })).toBe(
    'StatefulSet db is refused at spec.template (FieldValueInvalid), spec: Forbidden: updates are forbidden',
  );
  expect(refusedFields({ details: { causes: [{ message: 'no' }] } })).toBeUndefined();
  expect(refusedFields('x')).toBeUndefined();
});
