import type { PlatformName } from './platforms/platform.ts';
import type { Tools } from './tools.ts';
import type { Answered, Exchange } from './wire/exchange.ts';

/**
 * What a rule is worth. `must`: the specification says MUST. `should`: it says SHOULD, or recommends it.
 * `client`: the specification does not ask for it, but a platform or client library in use does not work without it.
 */
export type Level = 'must' | 'should' | 'client';

export const groups = [
  'Transport',
  'Errors',
  'Catalog',
  'Provision',
  'Polling',
  'Fetch',
  'Update',
  'Deprovision',
  'Bind',
  'Rotation',
  'Unbind',
  'Races',
  'Orphans',
  'Platform',
] as const;
export type Group = (typeof groups)[number];

interface RuleText {
  /** Short, stable, for `--only` and `--skip`. */
  id: string;
  /** Items of the list of rules (docs/checker.md). */
  items: readonly number[];
  level: Level;
  group: Group;
  /** The rule as a sentence about the broker, in lower case. */
  title: string;
  /** The platform whose habit it is about; none: all. */
  platform?: PlatformName;
}

/**
 * Where a check finds what it acts on. Checks of one lane run one after the other.
 * `broker`: once, whatever the plan. `plan`: no instance is needed. `ready`: an instance that all checks of the lane
 * share and leave as it is. `changing`: one that they update. `young`, `leaving`: one that is being made or deleted.
 * `own`: each makes its own, several at a time.
 */
export const lanes = ['broker', 'plan', 'ready', 'changing', 'young', 'leaving', 'own'] as const;
export type LaneName = (typeof lanes)[number];

/** Something to try. */
export interface Check extends RuleText {
  lane: LaneName;
  /** @throws Failure, Blocked or NotApplicable (verdict.ts) */
  run(tools: Tools): Promise<void>;
}

/** Something that holds for every answer of some kind, whoever asked for it. */
export interface Rule extends RuleText {
  /** Whether the rule has something to say about this exchange. */
  concerns(exchange: Answered): boolean;
  /** @returns what is wrong with it, if anything */
  complaint(exchange: Answered): string | undefined;
}

export type Outcome = 'passed' | 'failed' | 'blocked' | 'not applicable';

export interface Result extends Omit<RuleText, 'platform'> {
  /** `service/plan`; undefined where the plan does not matter. */
  plan: string | undefined;
  outcome: Outcome;
  /** Why it did not pass. */
  message: string | undefined;
  /** What was sent and answered, the exchange that decided last. */
  exchanges: readonly Exchange[];
  milliseconds: number;
}
