/** The checker takes away what it made, whatever the broker does; what it cannot take away it reports. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type CheckOptions, checkBroker, type Report } from '../../src/conformance/check-broker.ts';
import { silent } from '../support/check-options.ts';
import { change } from './mutants/types.ts';
import { type RunningReferenceBroker, startReferenceBroker } from './start-reference-broker.ts';
import { exactly, optionsFor } from './try-mutant.ts';

const some = exactly([
  'deprovision-early',
  'provision-works',
  'bind-works',
  'bind-repeat',
  'race-bind',
  'update-parameters',
]);
/** Before an instance or binding is looked for. */
const deletion = "  const [path = '', query = ''] = (request.url ?? '').split('?', 2);";
const slow = 'reference/slow';

async function checked(
  broker: RunningReferenceBroker,
  change: Partial<CheckOptions>,
  signal?: AbortSignal,
): Promise<Report> {
  return await checkBroker(optionsFor(broker, { ...some, ...change }), silent, signal);
}

it.concurrent.each([
  {
    what: 'answers 500 to every DELETE three times',
    changes: [
      change(
        'http-server',
        deletion,
        `${deletion}
  const tries = (deletions.get(path) ?? 0) + 1;
  if (request.method === 'DELETE') deletions.set(path, tries);
  if (request.method === 'DELETE' && tries <= 3) throw new Error('not yet');`,
      ),
      change(
        'http-server',
        'const largestBody',
        'const deletions = new Map<string, number>();\nconst largestBody',
      ),
    ],
  },
  {
    what: 'hangs up on every first DELETE',
    changes: [
      change(
        'http-server',
        deletion,
        `${deletion}
  if (request.method === 'DELETE' && !seen.has(path)) {
    seen.add(path);
    request.socket.destroy();
  }`,
      ),
      change('http-server', 'const largestBody', 'const seen = new Set<string>();\nconst largestBody'),
    ],
  },
  {
    what: 'answers 500 to every PUT that it has carried out',
    changes: [
      change(
        'http-server',
        '  response.statusCode = status;',
        "  response.statusCode = request.method === 'PUT' && status < 300 ? 500 : status;",
      ),
    ],
  },
  {
    what: 'answers polls with 500',
    changes: [
      change(
        'last-operation',
        '  const latest = latestOperation(resource);',
        "  if (resource.state !== 'none') throw new Error('no polls');\n  const latest = latestOperation(resource);",
      ),
    ],
  },
])('nothing is left in a broker that $what', { timeout: 60_000 }, async ({ changes }) => {
  const broker = await startReferenceBroker({ mutant: changes, delayMs: 30 });
  try {
    const report = await checked(broker, { plans: ['reference/quick', slow] });
    expect(report.leftovers).toEqual([]);
    expect(await broker.books()).toEqual({ instances: 0, bindings: 0 });
  } finally {
    await broker.stop();
  }
});

it.concurrent('what cannot be deleted is reported, with the last answer', { timeout: 60_000 }, async () => {
  const refuses = change(
    'http-server',
    deletion,
    `${deletion}\n  if (request.method === 'DELETE') throw new Error('never');`,
  );
  const broker = await startReferenceBroker({ mutant: [refuses] });
  try {
    const report = await checked(broker, { ...exactly(['provision-works', 'bind-works']), operationMs: 300 });
    const books = await broker.books();
    expect(books.instances).toBeGreaterThan(0);
    expect(books.bindings).toBeGreaterThan(0);
    expect(report.leftovers.length).toBe(books.instances + books.bindings);
    for (const { last } of report.leftovers) expect(last.answer?.status).toBe(500);
  } finally {
    await broker.stop();
  }
});

it.concurrent.each([50, 300, 900])(
  'nothing is left in a broker when the run is interrupted after %i ms',
  { timeout: 60_000 },
  async (milliseconds) => {
    const broker = await startReferenceBroker({ delayMs: 30 });
    try {
      const interrupt = new AbortController();
      const run = checked(broker, { plans: [slow], only: [], skip: [] }, interrupt.signal);
      await sleep(milliseconds);
      const before = await broker.books();
      interrupt.abort();
      const report = await run;
      expect(report.interrupted).toBe(true);
      expect(report.leftovers).toEqual([]);
      if (milliseconds > 100) expect(before.instances).toBeGreaterThan(0);
      expect(await broker.books()).toEqual({ instances: 0, bindings: 0 });
    } finally {
      await broker.stop();
    }
  },
);
