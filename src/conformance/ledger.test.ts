import { describe, expect, it } from 'vitest';
import { Ledger } from './ledger.ts';
import type { Draft, Exchange } from './wire/exchange.ts';

const plan = { serviceId: 's', planId: 'p' };

function draft(endpoint: Draft['endpoint'], more: Partial<Draft> = {}): Draft {
  const bare = { method: 'PUT' as const, path: '/', query: {}, headers: {}, instanceId: 'i', plan };
  return { ...bare, endpoint, ...more };
}

function answered(sent: Draft, status: number | undefined): Exchange {
  const answer = status === undefined ? undefined : { status, headers: {}, text: '', json: undefined };
  return {
    draft: sent,
    target: '/',
    headers: {},
    body: undefined,
    answer,
    fault: undefined,
    milliseconds: 1,
  };
}

function ledgerOf(...exchanges: [Draft, number | undefined][]): Ledger {
  const ledger = new Ledger();
  for (const [sent, status] of exchanges) {
    ledger.sending(sent);
    ledger.answered(answered(sent, status));
  }
  return ledger;
}

describe('the ledger of what a broker may have made', () => {
  it('knows an instance before its PUT is answered', () => {
    const ledger = new Ledger();
    ledger.sending(draft('provision'));
    expect(ledger.entries()).toMatchObject([{ instanceId: 'i', plans: [plan] }]);
  });

  it('forgets it only when a DELETE is answered 410', () => {
    const deletion = draft('deprovision');
    expect(ledgerOf([draft('provision'), 201], [deletion, 200]).entries()).toHaveLength(1);
    expect(ledgerOf([draft('provision'), 201], [deletion, 410]).entries()).toEqual([]);
  });

  it('names bindings before instances', () => {
    const ledger = ledgerOf([draft('provision'), 201], [draft('bind', { bindingId: 'b' }), 201]);
    expect(ledger.entries().map(({ bindingId }) => bindingId)).toEqual(['b', undefined]);
  });

  it('knows every plan that an instance may have: as meant, as sent, and as updated to', () => {
    const sent = draft('provision', { body: { service_id: 's', plan_id: 'wrong on purpose' } });
    const update = draft('update', { body: { service_id: 's', plan_id: 'next' } });
    const [entry] = ledgerOf([sent, 201], [update, 202]).entries();
    expect(entry?.plans.map(({ planId }) => planId)).toEqual(['p', 'wrong on purpose', 'next']);
  });

  it('does not take an update for the making of an instance', () => {
    expect(ledgerOf([draft('update', { body: { service_id: 's', plan_id: 'p' } }), 404]).entries()).toEqual(
      [],
    );
  });

  it('says what was refused every time, and only that', () => {
    const refused = (ledger: Ledger) => ledger.entries()[0]?.refused;
    expect(refused(ledgerOf([draft('provision'), 400]))).toBe(true);
    expect(refused(ledgerOf([draft('provision'), 400], [draft('provision'), 201]))).toBe(false);
    expect(refused(ledgerOf([draft('provision'), 500]))).toBe(false);
    expect(refused(ledgerOf([draft('provision'), undefined]))).toBe(false);
  });

  it('does not believe a 410 while a request to make it may still be on its way', () => {
    const ledger = ledgerOf([draft('provision'), undefined], [draft('deprovision'), 410]);
    expect(ledger.entries()).toMatchObject([{ instanceId: 'i', unanswered: true }]);
    const answeredLater = ledgerOf(
      [draft('provision'), undefined],
      [draft('provision'), 200],
      [draft('deprovision'), 410],
    );
    expect(answeredLater.entries()).toEqual([]);
  });
});
