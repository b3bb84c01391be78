/**
 * Experiments: who gets which variation, without anybody keeping a list.
 */
import { asError, native } from './errors.js';
import { type IdColumn, nativeIds } from './events.js';
import { type Id, idText } from './ids.js';
import { camelKeys, snakeKeys, toJson } from './json.js';
import {
  NativeExperiments,
  assignAsciiId,
  assignId as nativeAssignId,
  splitExact as nativeSplit,
} from './native.js';

/** Why a unit is in an experiment (the first five), or why not. */
export type ExperimentReason =
  | 'assigned'
  | 'sticky'
  | 'url'
  | 'forced'
  | 'force'
  | 'too_few_variations'
  | 'disabled'
  | 'url_targeting'
  | 'inactive'
  | 'no_unit'
  | 'filter'
  | 'namespace'
  | 'holdout'
  | 'layer'
  | 'condition'
  | 'prerequisite'
  | 'unknown_version'
  | 'blocked'
  | 'coverage'
  | 'qa_mode'
  | 'stopped';

/** What one value of one attribute has been assigned to; the form is GrowthBook's. */
export interface StickyDoc {
  /** The attribute: `id`. */
  attributeName: string;
  /** Its value, as text. */
  attributeValue: string;
  /** From `experiment__version` to the key of a variation. */
  assignments: Record<string, string>;
}

/** Who asks, and under what circumstances. */
export interface ExperimentContext {
  /** What units and conditions are read from. */
  attributes?: { readonly [name: string]: unknown } | undefined;
  /** The time, for ramps and for `currentTime` of Unleash. */
  now?: number | Date | undefined;
  /** The sticky buckets that the caller keeps for this user; without it nothing is sticky. */
  sticky?: readonly StickyDoc[] | undefined;
  /** Variations that are forced, by experiment: their places or keys. */
  forced?: { readonly [experiment: string]: number | string } | undefined;
  /** Values that are forced, by feature. */
  forcedFeatures?: { readonly [feature: string]: unknown } | undefined;
  /** The page's address, whose query string may force a variation: `?experiment=1`. */
  url?: string | undefined;
  /** False: nobody is in any experiment. */
  enabled?: boolean | undefined;
  /** True: nobody is in an experiment unless forced into it. */
  qaMode?: boolean | undefined;
  /** What takes the place of a random number for who has no id: Unleash's strategies alone. */
  random?: string | undefined;
  /** True: the answer to a feature repeats the definition of its experiment. */
  explain?: boolean | undefined;
}

/** Weights by context, learnt elsewhere, as they were used. */
export interface BanditWeights {
  /** The leaf that the context fell into; -1 for none. */
  leafId: unknown;
  /** The weights of the variations. */
  variationWeights: readonly number[];
  /** The version of the weights, if the payload has one. */
  banditVersion: unknown;
}

/** What one experiment does with one unit. */
export interface Assignment {
  /** The experiment's key. */
  experiment: string;
  /** The place of the variation; 0, the control, for who is not in. */
  variationId: number;
  /** The key of the variation; its place as text where the definition gives none. */
  key: string;
  /** The name of the variation, if it has one. */
  name: string | null;
  /** The value of the variation; it is shared, so do not change it. */
  value: unknown;
  /** Whether rules of a feature go on after this variation: a holdout. */
  passthrough: boolean;
  /** Whether the unit counts for the experiment. */
  inExperiment: boolean;
  /** Why it is in, or why not. */
  reason: ExperimentReason;
  /** Whether a hash or a sticky bucket chose; false if the variation was forced. */
  hashUsed: boolean;
  /** The attribute that was hashed. */
  hashAttribute: string;
  /** The value that was hashed; null if there was none. */
  hashValue: unknown;
  /** The bucket as a share from 0 to 1, for who is in by a hash. */
  bucket: number | null;
  /** Whether a sticky bucket decided. */
  stickyBucketUsed: boolean;
  /** Whether the sticky bucket keeps a unit that the hash would put elsewhere now. */
  moved: boolean;
  /** The feature whose rule it is, if it is a rule's. */
  featureId: string | null;
  /** How a contextual bandit chose the weights, if one did. */
  bandit: BanditWeights | null;
  /** Sticky documents that changed, whole: to be stored. */
  stickyUpdates: StickyDoc[];
}

/** The assignments of one user to all experiments. */
export interface Assignments {
  /** One an experiment, in the order of the keys. */
  assignments: Assignment[];
  /** Sticky documents that changed, whole: to be stored. */
  stickyUpdates: StickyDoc[];
}

/** The value of one feature for one user. */
export interface FeatureAnswer {
  /** The feature's key. */
  key: string;
  /** The value; null if the feature has none. */
  value: unknown;
  /** Whether the value is one that JavaScript takes for true. */
  on: boolean;
  /** Where the value comes from: `force`, `experiment`, `defaultValue`, `unknownFeature`, …. */
  source: string;
  /** The id of the rule that decided, or empty. */
  ruleId: string;
  /** The assignment, if an experiment decided. */
  assignment: Assignment | null;
  /** The variant of an Unleash feature. */
  variant: { name: string; enabled: boolean; payload?: { type: string; value: string } } | null;
  /** The definition of the experiment, if the context asks to explain. */
  definition: unknown;
  /** Sticky documents that changed, whole: to be stored. */
  stickyUpdates: StickyDoc[];
}

/** How an experiment was read. */
export interface ExperimentDescription {
  /** Its key. */
  key: string;
  /** 1, 2 or 3; null for a version that is not known. */
  hashVersion: number | null;
  /** How many buckets there are. */
  buckets: number;
  /** The attribute that is hashed. */
  unit: string;
  /** The attribute that stands in for it with sticky buckets. */
  fallbackUnit: string | null;
  /** The variations, with their ranges of buckets as shares. */
  variations: {
    key: string;
    name: string | null;
    value: unknown;
    passthrough: boolean;
    range: [number, number] | null;
  }[];
}

/** The reasons by their numbers in packed answers. */
const REASONS: readonly ExperimentReason[] = [
  'assigned', 'sticky', 'url', 'forced', 'force', 'too_few_variations', 'disabled', 'url_targeting',
  'inactive', 'no_unit', 'filter', 'namespace', 'holdout', 'layer', 'condition', 'prerequisite',
  'unknown_version', 'blocked', 'coverage', 'qa_mode', 'stopped',
];

const NOT_ASCII = /[^\x00-\x7f]/;

/** What answers to ids need of an experiment. */
interface Known extends ExperimentDescription {
  slot: number;
  place: number;
}

const NO_UPDATES: StickyDoc[] = [];
Object.freeze(NO_UPDATES);

/**
 * Compiled experiments and features: read once, asked often.
 *
 * ```js
 * const experiments = Experiments.fromJson({
 *   experiments: { button: { variations: [{ key: 'blue', weight: 0.9 }, { key: 'red', weight: 0.1 }] } },
 * });
 * experiments.assignId('button', 'eve').key;
 * ```
 */
export class Experiments {
  readonly #native: NativeExperiments;
  readonly #known = new Map<string, Known>();

  private constructor(payload: unknown, form: string) {
    const json = toJson(payload, 'payload', 'invalid_argument', 'finite');
    this.#native = native(() => NativeExperiments.create(json, form));
  }

  /** Reads our own definitions: `{ experiments, layers, holdout, groups }`. */
  static fromJson(payload: unknown): Experiments {
    return new Experiments(payload, 'native');
  }

  /** Reads what GrowthBook's API gives to SDKs, decrypted. */
  static fromGrowthbook(payload: unknown): Experiments {
    return new Experiments(payload, 'growthbook');
  }

  /** Reads what Unleash's client API gives, or the events of its delta API. */
  static fromUnleash(payload: unknown): Experiments {
    return new Experiments(payload, 'unleash');
  }

  /** The keys of the experiments, in order. */
  get experiments(): string[] {
    return native(() => this.#native.experiments());
  }

  /** The keys of the features, in order. */
  get features(): string[] {
    return native(() => this.#native.features());
  }

  /** What an experiment does with a user. */
  assign(key: string, context: ExperimentContext): Assignment {
    const json = contextOf(context);
    return assignment(JSON.parse(native(() => this.#native.assign(key, json))));
  }

  /**
   * What an experiment does with the unit `id`: as {@link assign} for a user whose only attribute
   * is the one that the experiment hashes.
   */
  assignId(key: string, id: Id): Assignment {
    const known = this.#known.get(key) ?? this.#learn(key);
    const ascii = typeof id === 'string' && !NOT_ASCII.test(id);
    const text = ascii ? id : idText(id, 'id');
    let packed;
    try {
      packed = (ascii ? assignAsciiId : nativeAssignId)(known.slot, known.place, text);
    } catch (error) {
      throw asError(error);
    }
    const bucket = Math.floor(packed / 0x200000);
    const low = packed - bucket * 0x200000;
    const arm = low & 0xffff;
    const inExperiment = arm !== 0xffff;
    const variationId = inExperiment ? arm : 0;
    const reason = REASONS[low >>> 16]!;
    const hashUsed = reason === 'assigned';
    const variation = known.variations[variationId];
    return {
      experiment: known.key,
      variationId,
      key: variation?.key ?? '0',
      name: variation?.name ?? null,
      value: variation?.value ?? null,
      passthrough: variation?.passthrough ?? false,
      inExperiment,
      reason,
      hashUsed,
      hashAttribute: known.unit,
      hashValue: text === '' ? null : text,
      bucket: hashUsed ? bucket / known.buckets : null,
      stickyBucketUsed: false,
      moved: false,
      featureId: null,
      bandit: null,
      stickyUpdates: NO_UPDATES,
    };
  }

  /** What all experiments do with a user. */
  assignAll(context: ExperimentContext): Assignments {
    const json = contextOf(context);
    const answer = JSON.parse(native(() => this.#native.assignAll(json)));
    return { assignments: answer.assignments.map(assignment), stickyUpdates: answer.sticky_updates };
  }

  /** The value of a feature for a user; null for a feature that is not there. */
  feature(key: string, context: ExperimentContext): FeatureAnswer {
    const json = contextOf(context);
    const answer = JSON.parse(native(() => this.#native.feature(key, json)));
    return {
      key: answer.key,
      value: answer.value,
      on: answer.on,
      source: answer.source,
      ruleId: answer.rule_id,
      assignment: answer.assignment && assignment(answer.assignment),
      variant: answer.variant,
      definition: answer.definition,
      stickyUpdates: answer.sticky_updates,
    };
  }

  /** How an experiment was read. */
  describe(key: string): ExperimentDescription {
    const given = JSON.parse(native(() => this.#native.describe(key)));
    return {
      key: given.key,
      hashVersion: given.hash_version,
      buckets: given.buckets,
      unit: given.unit,
      fallbackUnit: given.fallback_unit,
      variations: given.variations,
    };
  }

  #learn(key: string): Known {
    const [slot, place] = [native(() => this.#native.slot()), this.experiments.indexOf(key)];
    const known = { ...this.describe(key), slot, place };
    this.#known.set(key, known);
    return known;
  }
}

function contextOf(context: unknown): string {
  return toJson(snakeKeys(context, 'context'), 'context', 'invalid_argument', 'finite');
}

/** An assignment of the core: the values of the user's own stay as they are. */
function assignment(given: Record<string, unknown>): Assignment {
  const { value, hash_value: hashValue, bandit, sticky_updates: stickyUpdates, ...rest } = given;
  return {
    ...(camelKeys(rest) as Assignment),
    value,
    hashValue,
    bandit: camelKeys(bandit) as BanditWeights | null,
    stickyUpdates: stickyUpdates as StickyDoc[],
  };
}

/**
 * Splits a known population exactly by weights: 10,000 ids at 0.4, 0.3 and 0.3 give 4,000, 3,000
 * and 3,000. The answer is the place of a weight for each id; the order in which the ids come
 * changes nothing for any of them.
 */
export function splitExact(ids: IdColumn, weights: readonly number[], salt: string): Uint32Array {
  const column = nativeIds(ids, 'ids');
  return native(() => nativeSplit(column, Float64Array.from(weights), salt));
}
