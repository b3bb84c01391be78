/**
 * Bandits: which arm next, with the exact chance of each, and what to learn from the reward.
 */
import { invalid, native } from './errors.js';
import { type IdColumn, nativeIds, nativeNumbers } from './events.js';
import { describe } from './ids.js';
import { camelKeys, milliseconds, snakeKeys, toJson } from './json.js';
import { Model, nativeModel } from './model.js';
import {
  NativeBandit,
  type NativeRewards,
  modelBandit,
  modelBandits,
  modelWithBandits,
} from './native.js';
import { asBytes } from './profile.js';

/** Features by name, or in the definition's order. */
export type Features = { readonly [name: string]: number | boolean } | readonly (number | boolean)[];

/** A time: a date or Unix milliseconds. */
type Moment = number | bigint | Date;

/** A question to a bandit. */
export interface BanditRequest {
  /** The id of the decision: with the seed and the unit it is what the choice depends on. */
  decision?: string | undefined;
  /** Who is decided about. */
  unit?: string | undefined;
  /** A seed of the caller's: 0 without one. */
  seed?: number | undefined;
  /** The time that rewards are discounted to; the newest reward's without one. */
  now?: number | Date | undefined;
  /** The arms that may be chosen; all without it. */
  arms?: readonly string[] | undefined;
  /** How many different arms to choose: 1. */
  slots?: number | undefined;
  /** Features of the context. */
  context?: Features | undefined;
  /** Features of the arms, by arm. */
  armFeatures?: { readonly [arm: string]: Features } | undefined;
  /** Whether to work out the chance of each choice over all ways to fill the slots before it. */
  marginals?: boolean | undefined;
  /** Whether the answer lists the shares of all arms in each slot. */
  explain?: boolean | undefined;
}

/** One choice of a bandit. */
export interface BanditChoice {
  /** The place of the choice: 0 for the first slot or factor. */
  slot: number;
  /** The factor, of a bandit that has them. */
  factor: string | null;
  /** The key of the arm, or of the factor's variant. */
  arm: string;
  /** What the definition says the arm stands for. */
  value: unknown;
  /** The chance that it was chosen with, given the choices before it: exact. */
  propensity: number;
  /** The chance that it comes to this slot at all, if it was asked for. */
  marginal: number | null;
  /** The standard error of the propensity as the policy's, where shares are drawn. */
  standardError: number;
  /** The share of each arm in this slot, if they were asked for. */
  shares: { arm: string; propensity: number }[] | null;
}

/** What a bandit answers: what a decision log needs. */
export interface BanditAnswer {
  /** The key of the bandit. */
  bandit: string;
  /** The policy's name. */
  policy: string;
  /** The decision, as asked. */
  decision: string;
  /** The unit, as asked. */
  unit: string;
  /** The seed, as asked. */
  seed: number;
  /** The hash of the state that the answer comes from. */
  stateVersion: string;
  /** How the shares were worked out. */
  method: 'exact' | 'quadrature' | 'monte_carlo';
  /** One a slot, or one a factor. */
  choices: BanditChoice[];
  /** The chance of all choices together. */
  propensity: number;
}

/** One reward. */
export interface Reward {
  /** The arm that was chosen; by factor, of a bandit that has them. */
  arm: string | { readonly [factor: string]: string };
  /** The reward. */
  reward: number | boolean;
  /** When the arm was chosen; needed if there is a half-life. */
  time?: number | Date | undefined;
  /** The features of the context that was chosen in. */
  context?: Features | undefined;
  /** The features of the arm. */
  armFeatures?: Features | undefined;
  /** Whether the choice was pending, and is so no longer. */
  settle?: boolean | undefined;
  /** The time at which the reward comes; a later `time` is refused. */
  now?: number | Date | undefined;
}

/** Numbers row after row, or a list of rows. */
export type FeatureRows = Float64Array | readonly (readonly number[])[];

/** Rewards as columns. */
export interface Rewards {
  /** The arm of each row; a column a factor, of a bandit that has them. */
  arm: IdColumn | { readonly [factor: string]: IdColumn };
  /** The reward of each row. */
  reward: readonly number[] | Float64Array;
  /** When the arm was chosen. */
  time?: readonly Moment[] | Float64Array | BigInt64Array | undefined;
  /** The features of the context, in the definition's order. */
  context?: FeatureRows | undefined;
  /** The features of the arm, in the definition's order. */
  armFeatures?: FeatureRows | undefined;
}

/** What an update did. */
export interface BanditUpdate {
  /** Rewards that count now. */
  accepted: number;
  /** Rewards of arms that the definition no longer has. */
  retired: number;
  /** Rewards that are too old to count. */
  expired: number;
}

/** How one arm stands. */
export interface BanditArm {
  /** The factor, of a bandit that has them. */
  factor: string | null;
  /** The key of the arm, or of the factor's variant. */
  arm: string;
  /** Rewards, each weighted by its age. */
  pulls: number;
  /** Rewards that are kept, whatever their age. */
  rewards: number;
  /** Choices whose rewards are still to come. */
  pending: number;
  /** The mean of the rewards, weighted by their age. */
  mean: number | null;
  /** Where the true mean is with 95 % probability. */
  interval: [number, number] | null;
  /** The probability that the arm is the best; null where it depends on features. */
  chanceBest: number | null;
  /** Whether the definition no longer has the arm. */
  retired: boolean;
}

/** How the arms stand. */
export interface BanditReport {
  /** The key of the bandit. */
  bandit: string;
  /** The policy's name. */
  policy: string;
  /** The hash of the state. */
  stateVersion: string;
  /** Those of the definition in its order, then those that it no longer has. */
  arms: BanditArm[];
}

const COLUMNS = ['arm', 'reward', 'time', 'context', 'armFeatures'];

/**
 * A bandit: what it is told to do, and what it has seen.
 *
 * ```js
 * const bandit = Bandit.fromJson({ key: 'banner', policy: 'beta_thompson', arms: ['blue', 'red'] });
 * const { choices: [{ arm, propensity }] } = bandit.choose({ decision: 'view-1' });
 * bandit.updateOne({ arm, reward: 1 });
 * ```
 */
export class Bandit {
  readonly #native: NativeBandit;

  private constructor(made: NativeBandit) {
    this.#native = made;
  }

  /** @internal */
  static wrap(made: NativeBandit): Bandit {
    return new Bandit(made);
  }

  /** Reads a definition, whose names are those of the guide "bandits"; the state is empty. */
  static fromJson(definition: unknown): Bandit {
    const json = document(definition);
    return new Bandit(native(() => NativeBandit.create(json)));
  }

  /** Reads what {@link Bandit.toBytes} wrote, in whichever language. */
  static fromBytes(bytes: Uint8Array | ArrayBuffer): Bandit {
    const data = asBytes(bytes);
    return new Bandit(native(() => NativeBandit.fromBytes(data)));
  }

  /** Definition and state as bytes: the same in every language. */
  toBytes(): Uint8Array {
    return native(() => this.#native.toBytes());
  }

  /** The definition with all its defaults. */
  get definition(): unknown {
    return JSON.parse(native(() => this.#native.definition()));
  }

  /** The key of the definition. */
  get key(): string {
    return (this.definition as { key: string }).key;
  }

  /** The hash of the state, 16 hexadecimal digits. */
  get stateVersion(): string {
    return native(() => this.#native.stateVersion());
  }

  /**
   * Chooses an arm, or several different ones for `slots`, and says with what chance. The choice
   * depends on the state and the request alone: asked again, it is the same.
   */
  choose(request: BanditRequest & { decision: string }): BanditAnswer {
    const json = options(request, 'request');
    return answer(JSON.parse(native(() => this.#native.choose(json))));
  }

  /** The shares of all arms. Without a decision nothing is chosen, and only `shares` means something. */
  propensities(request: BanditRequest = {}): BanditAnswer {
    const json = options(request, 'request');
    return answer(JSON.parse(native(() => this.#native.propensities(json))));
  }

  /** Takes one reward in. */
  updateOne(reward: Reward): BanditUpdate {
    const json = options(reward, 'reward');
    return JSON.parse(native(() => this.#native.updateOne(json))) as BanditUpdate;
  }

  /**
   * Takes many rewards in; nothing changes if any row is refused. Their order changes no bit of
   * the state, nor do updates that divide them.
   */
  update(rewards: Rewards, settings: { settle?: boolean; now?: number | Date } = {}): BanditUpdate {
    const given = columns(rewards);
    const json = options(settings, 'settings');
    return JSON.parse(native(() => this.#native.update(given, json))) as BanditUpdate;
  }

  /** Notes choices whose rewards are still to come; a negative count takes them back. */
  awaitRewards(arm: string, count = 1, factor?: string): void {
    native(() => this.#native.awaitRewards(arm, count, factor));
  }

  /** Takes over what another bandit has seen: exactly, in any order. */
  merge(other: Bandit): void {
    if (typeof other !== 'object' || other === null || !(#native in other)) {
      throw invalid(`other must be a Bandit of this package, not ${describe(other)}`);
    }
    native(() => this.#native.merge(other.#native));
  }

  /** Takes another definition and keeps the state by arm; what was kept, added and removed. */
  redefine(definition: unknown): { kept: string[]; added: string[]; removed: string[] } {
    const json = document(definition);
    return JSON.parse(native(() => this.#native.redefine(json)));
  }

  /** How the arms stand at a time; at that of the newest reward without one. */
  report(now?: Moment): BanditReport {
    const time = now === undefined ? undefined : milliseconds(now);
    return camelKeys(JSON.parse(native(() => this.#native.report(time)))) as BanditReport;
  }
}

function document(definition: unknown): string {
  return toJson(definition, 'bandit', 'invalid_argument', 'finite');
}

function options(given: unknown, what: string): string {
  return toJson(snakeKeys(given, what), what, 'invalid_argument', 'finite');
}

/** An answer of the core: the values of the definition's own stay as they are. */
function answer(given: Record<string, unknown>): BanditAnswer {
  const { choices, ...rest } = given;
  const made = camelKeys(rest) as BanditAnswer;
  made.choices = (choices as Record<string, unknown>[]).map(({ value, ...choice }) => ({
    ...(camelKeys(choice) as BanditChoice),
    value,
  }));
  return made;
}

function columns(rewards: unknown): NativeRewards {
  if (typeof rewards !== 'object' || rewards === null) {
    throw invalid(`rewards must be an object of columns, not ${describe(rewards)}`);
  }
  for (const name of Object.keys(rewards)) {
    if (!COLUMNS.includes(name)) {
      throw invalid(`rewards.${name} is not a column; the columns are ${COLUMNS.join(', ')}`);
    }
  }
  const { arm, reward, time, context, armFeatures } = rewards as Rewards;
  const given: NativeRewards = { arms: [], reward: nativeNumbers(reward, 'rewards.reward') };
  if (typeof arm === 'object' && arm !== null && !Array.isArray(arm) && !ArrayBuffer.isView(arm)) {
    given.factors = Object.keys(arm);
    given.arms = Object.entries(arm).map(([name, ids]) => nativeIds(ids, `rewards.arm.${name}`));
  } else {
    given.arms = [nativeIds(arm, 'rewards.arm')];
  }
  if (time instanceof BigInt64Array) given.timeBigint = time;
  else if (time !== undefined) given.time = Float64Array.from(time as readonly Moment[], milliseconds);
  if (context !== undefined) given.context = rowsOf(context, 'rewards.context');
  if (armFeatures !== undefined) given.armFeatures = rowsOf(armFeatures, 'rewards.armFeatures');
  return given;
}

function rowsOf(rows: unknown, name: string): Float64Array {
  const flat = Array.isArray(rows) ? rows.flat() : rows;
  return nativeNumbers(flat, name);
}

/** The same model with these bandits in its snapshot, in the place of those that it has. */
export function withBandits(model: Model, bandits: readonly Bandit[]): Model {
  const parts = bandits.map((bandit, at) => {
    if (bandit instanceof Bandit) return bandit.toBytes();
    throw invalid(`bandits[${at}] must be a Bandit of this package, not ${describe(bandit)}`);
  });
  const lengths = Uint32Array.from(parts, (part) => part.length);
  const data = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  const inner = nativeModel(model);
  return Model.wrap(native(() => modelWithBandits(inner, data, lengths)));
}

/** The keys of the bandits in a model's snapshot, ascending. */
export function banditsOf(model: Model): string[] {
  const inner = nativeModel(model);
  return native(() => modelBandits(inner));
}

/** A bandit of a model's snapshot, as it was stored; null for another key. */
export function banditOf(model: Model, key: string): Bandit | null {
  const inner = nativeModel(model);
  const found = native(() => modelBandit(inner, key));
  return found === null ? null : Bandit.wrap(found);
}
