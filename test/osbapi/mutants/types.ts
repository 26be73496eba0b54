/** One rule of docs/osbapi.md, broken: the tests of its items must notice. */
export interface Mutant {
  /** Items of docs/osbapi.md whose rule this breaks. */
  items: readonly number[];
  /** File below the top folder, and the text in it (exactly once) that is replaced. */
  file: string;
  find: string;
  replace: string;
  /** The test file that must fail, and the beginning of the test's title when the items' numbers do not tell. */
  test: string;
  title?: string;
}
