import { expect, it } from 'vitest';
import { sampleExchange } from '../../../test/support/conformance-report.ts';
import { Mask } from '../../conformance/wire/mask.ts';
import { MayBeLeft } from './may-be-left.ts';

it('is what was asked for and not called gone, bindings first', () => {
  const left = new MayBeLeft();
  const instance = (instanceId: string) => ({ instanceId, path: `/v2/service_instances/${instanceId}` });
  const plan = { serviceId: 's', planId: 'p' };
  for (const id of ['a', 'b']) left.saw(sampleExchange({ ...instance(id), plan }, { status: 201 }));
  const path = '/v2/service_instances/a/service_bindings/c';
  left.saw(
    sampleExchange({ endpoint: 'bind', instanceId: 'a', bindingId: 'c', path, plan }, { status: 201 }),
  );
  left.saw(sampleExchange({ endpoint: 'catalog', method: 'GET' }, { status: 200 }));
  left.saw(sampleExchange({ endpoint: 'deprovision', method: 'DELETE', ...instance('b') }, { status: 410 }));
  const line = (below: string) =>
    `curl -s -i -u "$AUTH" -X DELETE -H 'x-broker-api-version: 2.17' "$BROKER"'/base${below}?accepts_incomplete=true&service_id=s&plan_id=p'`;
  expect(left.lines(new Mask())).toEqual([line(path), line('/v2/service_instances/a')]);
});
