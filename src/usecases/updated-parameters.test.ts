// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { validateParameters } from '../catalog/validate-parameters.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import { osbDefaults } from '../domain/osb-options.ts';
import type { JsonObject } from '../lib/json.ts';
import { updatedParameters } from './updated-parameters.ts';

const draft04 = { $schema: 'http://json-schema.org/draft-04/schema#', type: 'object' };
const size = { type: 'string', maxLength: 20 };
const count = { type: 'integer' };
const revision = {
  digest: 'updated-parameters-test',
  planName: 'small',
  schemas: {
    provision: {
      ...draft04,
      additionalProperties: false,
      properties: { size, count, region: { type: 'string' } },
    },
    update: { ...draft04, additionalProperties: false, properties: { size, count } },
    bind: draft04,
  },
  parameterDefaults: { size: '1Gi', region: 'here' },
  resources: [],
  updates: { plan: true, growOnly: ['size'] },
} as unknown as PlanRevision;

function updated(
  before: JsonObject,
  parameters: JsonObject | undefined,
  updateParameters: 'merge' | 'replace' = 'merge',
  target: PlanRevision = revision,
): JsonObject {
  return updatedParameters(
    { validateParameters },
    {
      instance: { parameters: before } as unknown as ServiceInstance,
      current: revision,
      revision: target,
      request: parameters === undefined ? {} : { parameters },
      options: { ...osbDefaults, updateParameters },
    },
  );
}

describe('parameters after an update', () => {
  it('absent parameters change nothing', () => {
    expect(updated({ size: '5Gi' }, undefined)).toEqual({ size: '5Gi' });
  });

  it('merged: what is not named stays, null takes back to the default', () => {
    expect(updated({ size: '5Gi', count: 1 }, { count: 2 })).toEqual({ size: '5Gi', count: 2 });
    expect(updated({ count: 1 }, { count: null })).toEqual({});
    expect(updated({ count: 1 }, {})).toEqual({ count: 1 });
  });

  it('replaced: what is not named goes back to its default, so that {} clears', () => {
    expect(updated({ count: 1 }, {}, 'replace')).toEqual({});
  });

  it('what may not change may be sent as it is, by platforms that always send everything', () => {
    expect(updated({ region: 'there' }, { region: 'there', count: 3 }, 'replace')).toEqual({
      region: 'there',
      count: 3,
    });
  });

  it.each([
    ['changed', { region: 'elsewhere' }, 'merge'],
    ['left out of a full set', { count: 1 }, 'replace'],
    ['taken back by null', { region: null }, 'merge'],
  ] as const)('what may not change is refused when it is %s', (_how, parameters, mode) => {
    expect(() => updated({ region: 'there' }, parameters, mode)).toThrow(/`region` cannot be changed/);
  });

  it.each([
    ['explicitly', { size: '5Gi' }, { size: '4Gi' }],
    ['through the default', { size: '5Gi' }, { size: null }],
  ])('what can only grow does not shrink %s', (_how, before, parameters) => {
    expect(() => updated(before, parameters)).toThrow('`size` can only grow: it would go from 5Gi');
  });

  it('what can only grow does not shrink through the default of another plan', () => {
    const smaller = { ...revision, digest: 'smaller', parameterDefaults: { size: '512Mi', region: 'here' } };
    expect(() => updated({}, undefined, 'merge', smaller)).toThrow('from 1Gi to 512Mi');
  });

  it('never shrinks a size, whatever is sent', () => {
    const gibibytes = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(gibibytes, gibibytes, (from, to) => {
        const attempt = () => updated({ size: `${from}Gi` }, { size: `${to}Gi` });
        if (to < from) expect(attempt).toThrow('can only grow');
        else expect(attempt()).toEqual({ size: `${to}Gi` });
      }),
    );
  });

  it('never loses what a user set before, whatever an update names, and whatever another plan has for defaults', () => {
    const values = fc.record(
      { size: fc.constantFrom('3Gi', '4Gi'), count: fc.integer() },
      { requiredKeys: [] },
    );
    const plan = fc.record({
      size: fc.constantFrom('1Gi', '2Gi'),
      count: fc.integer(),
      region: fc.constant('here'),
    });
    fc.assert(
      fc.property(
        values,
        fc.record({ count: fc.integer() }, { requiredKeys: [] }),
        plan,
        (before, sent, defaults) => {
          const target = { ...revision, digest: 'another plan', parameterDefaults: defaults };
          expect(updated(before, sent, 'merge', target)).toEqual({ ...before, ...sent });
          expect(updated(before, undefined, 'replace', target)).toEqual(before);
        },
      ),
    );
  });

  it('what a plan brings may be set on the way to it, also when it cannot be changed later', () => {
    const { region, ...others } = revision.schemas.provision.properties as JsonObject;
    const plain = {
      ...revision,
      digest: 'plain',
      parameterDefaults: {},
      schemas: { ...revision.schemas, provision: { ...revision.schemas.provision, properties: others } },
    };
    const request = { parameters: { region: 'there' } };
    const change = {
      instance: { parameters: {} } as unknown as ServiceInstance,
      current: plain,
      revision,
      request,
    };
    expect(region).toBeDefined();
    expect(updatedParameters({ validateParameters }, { ...change, options: osbDefaults })).toEqual({
      region: 'there',
    });
  });

  describe('when another plan has another default for what may not change', () => {
    const elsewhere = {
      ...revision,
      digest: 'elsewhere',
      parameterDefaults: { size: '1Gi', region: 'elsewhere' },
    };

    it('is refused for those who never set it, with what to send', () => {
      expect(() => updated({}, undefined, 'merge', elsewhere)).toThrow(
        'The parameter `region` cannot be changed after the instance was made; leaving it out would set it from "here" to "elsewhere". Send it as it is.',
      );
    });

    it('is fine once it is sent as it is, and stays what it was', () => {
      expect(updated({}, { region: 'here' }, 'merge', elsewhere)).toEqual({ region: 'here' });
      expect(updated({ region: 'here' }, undefined, 'merge', elsewhere)).toEqual({ region: 'here' });
    });
  });

  describe('rules of the plan', () => {
    const ruled = (rule: string): PlanRevision => ({
      ...revision,
      digest: 'ruled',
      updates: { plan: true, growOnly: [], rules: [{ rule, message: 'In small steps, please.' }] },
    });
    const rule = '${new.count <= old.count + 5 && quantity(new.size) <= 2.0 * quantity(old.size)}';

    it.each([
      ['allow what holds', { count: 6, size: '2Gi' }, false],
      ['refuse a number that jumps', { count: 7 }, true],
      ['compare quantities by what they come to', { size: '2049Mi' }, true],
    ])('%s', (_does, sent, refused) => {
      const attempt = () => updated({ count: 1 }, sent, 'merge', ruled(rule));
      if (refused) expect(attempt).toThrow('In small steps, please.');
      else expect(attempt()).toEqual({ count: 1, ...sent });
    });

    it('do not stop what changes nothing', () => {
      expect(updated({ count: 1 }, { count: 1 }, 'merge', ruled('${false}'))).toEqual({ count: 1 });
    });

    it('do not hold while they read what is not there', () => {
      expect(() => updated({}, { count: 1 }, 'merge', ruled('${new.count >= old.count}'))).toThrow(
        'In small steps',
      );
      const asked = ruled('${!has(old.count) || new.count >= old.count}');
      expect(updated({}, { count: 1 }, 'merge', asked)).toEqual({ count: 1 });
    });

    it('know both plans', () => {
      const onlyUp = ruled('${!(oldPlan == "large" && newPlan == "small")}');
      const change = (from: string) =>
        updatedParameters(
          { validateParameters },
          {
            instance: { parameters: {} } as unknown as ServiceInstance,
            current: { ...revision, planName: from },
            revision: onlyUp,
            request: {},
            options: osbDefaults,
          },
        );
      expect(change('tiny')).toEqual({});
      expect(() => change('large')).toThrow('In small steps');
    });
  });
});
