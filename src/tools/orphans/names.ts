import { OrphanRefused } from './orphan-refused.ts';

/** More lives than any id has had. */
const mostIncarnations = 1000;

/**
 * Works out which life of an id a name belongs to. That there is one shows that annotations and name fit each other,
 * and no more: the hash has no key, so whoever sees the labels can work names out.
 * @param nameOf the name of each life
 * @throws OrphanRefused when none fits
 */
export function findIncarnation(nameOf: (incarnation: number) => string, name: string): number {
  for (let incarnation = 1; incarnation <= mostIncarnations; incarnation += 1) {
    if (nameOf(incarnation) === name) return incarnation;
  }
  throw new OrphanRefused(
    `The name ${name} is not the one that Chandler gives to what its annotations say: somebody changed them, or made the object up.`,
  );
}
