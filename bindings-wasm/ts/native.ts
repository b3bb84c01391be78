/**
 * The flat interface of the WebAssembly module, in the form that the façade calls it in: the same
 * as that of the Node package's native module.
 */
import * as raw from './raw/tastemaker.js';

export {
  CancelFlag,
  NativeBandit,
  NativeCatalog,
  NativeDecisionLog,
  NativeEngine,
  NativeExperiments,
  NativeItemSet,
  NativeModel,
  NativeVectorIndex,
  assignId,
  assignId as assignAsciiId,
  contextHash,
  defaultEvent,
  matchesCondition,
  modelBandits,
  modelWithBandits,
  profileEmpty,
  profileEvents,
  profileLength,
  readFvecs,
  readSafetensors,
  split,
  statsAsk,
  splitExact,
} from './raw/tastemaker.js';

/** A column of ids: text by dictionary, or whole numbers in one of two forms. */
export interface NativeIds {
  codes?: Uint32Array;
  values?: string[];
  numbers?: Float64Array;
  bigints?: BigInt64Array;
}

/** A table of events. */
export interface NativeEvents {
  userId: NativeIds;
  itemId: NativeIds;
  kind?: NativeIds;
  weight?: Float64Array;
  timestamp?: Float64Array;
  timestampBigint?: BigInt64Array;
}

/** Users and items to judge by. */
export interface NativePairs {
  userId: NativeIds;
  itemId: NativeIds;
}

/** A test set: pairs, and perhaps histories and segments. */
export interface NativeTest {
  userId: NativeIds;
  itemId: NativeIds;
  history?: NativeEvents;
  segmentUserId?: NativeIds;
  segment?: NativeIds;
}

/** The rows of an experiment. */
export interface NativeRows {
  arm: NativeIds;
  value: Float64Array;
  unit?: NativeIds;
  denominator?: Float64Array;
  covariate?: Float64Array;
}

/** Rewards: a column of arms, or one a factor. */
export interface NativeRewards {
  arms: NativeIds[];
  factors?: string[];
  reward: Float64Array;
  time?: Float64Array;
  timeBigint?: BigInt64Array;
  context?: Float64Array;
  armFeatures?: Float64Array;
}

/** The values of a matrix, row by row, and how many a row has. */
export interface NativeMatrix {
  values: Float64Array;
  columns: number;
}

/** A log of actions. */
export interface NativeLog {
  reward: Float64Array;
  propensity: Float64Array;
  action?: Float64Array;
  cell?: Float64Array;
  unit?: NativeIds;
  predicted?: Float64Array;
  logging?: NativeMatrix;
  predictions?: NativeMatrix;
  features?: NativeMatrix;
}

/** A policy. */
export interface NativePolicy {
  probability?: Float64Array;
  actions?: NativeMatrix;
  predicted?: Float64Array;
}

/** A log of slates. */
export interface NativeSlates {
  slate: NativeIds;
  slot: Float64Array;
  reward: Float64Array;
  propensity: Float64Array;
  probability: Float64Array;
  unit?: NativeIds;
}

/** A column of a table: codes into texts, times or numbers, or small whole numbers. */
export interface NativeColumn {
  name: string;
  codes?: Uint32Array;
  texts?: string[];
  numbers?: Float64Array;
  whole?: Uint32Array;
}

/** The columns of a batch, each in JavaScript's memory. */
export interface NativeBatch {
  userRow: Uint32Array;
  item: Uint32Array;
  score: Float64Array;
  rank: Uint32Array;
  source: Uint8Array;
}

type Report = (stage: string, done: number, total: number) => void;

/** A bandit of a model. */
export function modelBandit(model: raw.NativeModel, key: string): raw.NativeBandit | null {
  return raw.modelBandit(model, key) ?? null;
}

/** Adds an event to a profile; the new bytes, or null if it did not change. */
export function profileRecord(...given: Parameters<typeof raw.profileRecord>): Uint8Array | null {
  return raw.profileRecord(...given) ?? null;
}

/** Takes over the events of another profile; the new bytes, or null if it did not change. */
export function profileMerge(profile: Uint8Array, other: Uint8Array): Uint8Array | null {
  return raw.profileMerge(profile, other) ?? null;
}

/** Removes every event on an item; the new bytes, or null if there were none. */
export function profileForgetItem(profile: Uint8Array, itemId: string): Uint8Array | null {
  return raw.profileForgetItem(profile, itemId) ?? null;
}

/** Trains on the calling thread. */
export async function train(
  events: NativeEvents,
  catalog: raw.NativeCatalog | undefined,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<raw.NativeModel> {
  return catalog === undefined
    ? raw.train(events, options, cancel, report)
    : raw.trainWithCatalog(events, catalog, options, cancel, report);
}

/** Updates on the calling thread. */
export async function update(
  model: raw.NativeModel,
  events: NativeEvents,
  catalog: raw.NativeCatalog | undefined,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<raw.NativeModel> {
  return catalog === undefined
    ? raw.update(model, events, options, cancel, report)
    : raw.updateWithCatalog(model, events, catalog, options, cancel, report);
}

/** Chooses trainers on the calling thread. */
export async function tune(
  events: NativeEvents,
  validation: NativePairs | undefined,
  catalog: raw.NativeCatalog | undefined,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<string> {
  return catalog === undefined
    ? raw.tune(events, validation, options, cancel, report)
    : raw.tuneWithCatalog(events, validation, catalog, options, cancel, report);
}

/** Evaluates on the calling thread. */
export async function evaluate(
  model: raw.NativeModel,
  test: NativeTest,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<string> {
  return raw.evaluate(model, test, options, cancel, report);
}

/** Compares on the calling thread. */
export async function compare(
  modelA: raw.NativeModel,
  modelB: raw.NativeModel,
  test: NativeTest,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<string> {
  return raw.compare(modelA, modelB, test, options, cancel, report);
}

/** Adds rows up to arms on the calling thread. */
export async function summarize(
  rows: NativeRows,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<string> {
  return raw.summarize(rows, options, cancel, report);
}

/** The value of a policy, or the difference of two, on the calling thread. */
export async function evaluatePolicy(
  log: NativeLog,
  a: NativePolicy,
  b: NativePolicy | undefined,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<string> {
  return raw.evaluatePolicy(log, a, b, options, cancel, report);
}

/** The value of a policy that fills slots, on the calling thread. */
export async function evaluateSlates(
  log: NativeSlates,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<string> {
  return raw.evaluateSlates(log, options, cancel, report);
}

/** Builds an index on the calling thread. */
export async function indexBuild(
  ids: NativeIds,
  values: Float32Array,
  dimension: number,
  catalog: raw.NativeCatalog | undefined,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<raw.NativeVectorIndex> {
  return catalog === undefined
    ? raw.indexBuild(ids, values, dimension, options, cancel, report)
    : raw.indexBuildWithCatalog(ids, values, dimension, catalog, options, cancel, report);
}

/** Changes an index on the calling thread. */
export async function indexUpdate(
  index: raw.NativeVectorIndex,
  ids: NativeIds,
  values: Float32Array,
  dimension: number,
  remove: string[],
  catalog: raw.NativeCatalog | undefined,
  options: string,
  cancel: raw.CancelFlag,
  report: Report | undefined,
): Promise<raw.NativeUpdated> {
  return catalog === undefined
    ? raw.indexUpdate(index, ids, values, dimension, remove, options, cancel, report)
    : raw.indexUpdateWithCatalog(index, ids, values, dimension, remove, catalog, options, cancel, report);
}

/** Many searches on the calling thread. */
export async function indexSearchBatch(...given: Parameters<typeof raw.indexSearchBatch>): Promise<raw.NativeLists> {
  return raw.indexSearchBatch(...given);
}

/** The neighbours of every item, on the calling thread. */
export async function indexKnnGraph(...given: Parameters<typeof raw.indexKnnGraph>): Promise<raw.NativeLists> {
  return raw.indexKnnGraph(...given);
}

/** Groups of items that are nearly the same, on the calling thread. */
export async function indexDuplicates(...given: Parameters<typeof raw.indexDuplicates>): Promise<raw.NativeLists> {
  return raw.indexDuplicates(...given);
}

/** Clusters on the calling thread. */
export async function indexCluster(...given: Parameters<typeof raw.indexCluster>): Promise<raw.NativeClusters> {
  return raw.indexCluster(...given);
}
