/** Told of each thing that is wrong, so that an admin sees all of them at once. Never holds a value that may be secret. */
export type Report = (problem: string) => void;
