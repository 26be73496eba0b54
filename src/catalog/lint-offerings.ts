/** Rules of the OSBAPI catalog that span files (spec, "Catalog Management"; limits that known platforms add). */
import type { Path } from '../lib/yaml-source.ts';
import type { LoadedOffering } from './load-offering.ts';
import type { CatalogProblem } from './types.ts';

export function lintOfferings(loaded: readonly LoadedOffering[]): CatalogProblem[] {
  const problems: CatalogProblem[] = [];
  const ids = new Map<string, string>();
  const names = new Map<string, string>();
  const clients = new Map<string, string>();

  for (const { source, offering } of loaded) {
    const complain = (at: Path, message: string): void => {
      const { line, column } = source.locate(at);
      problems.push({ file: source.file, line, column, message });
    };
    const claim = (taken: Map<string, string>, text: string, what: string, at: Path): void => {
      const first = taken.get(text);
      if (first !== undefined) complain(at, `${what} \`${text}\` is taken by ${first}`);
      taken.set(text, `${offering.name} in ${source.file}`);
    };
    claim(ids, offering.id, 'the id', ['id']);
    claim(names, offering.name, 'the name', ['name']);
    if (offering.dashboardClient !== undefined) {
      claim(clients, offering.dashboardClient.id, 'the dashboard client', ['dashboardClient', 'id']);
    }

    const planNames = new Map<string, string>();
    for (const [index, plan] of offering.plans.entries()) {
      claim(ids, plan.id, 'the id', ['plans', index, 'id']);
      claim(planNames, plan.name, 'the plan name', ['plans', index, 'name']);
    }
  }
  return problems;
}
