/**
 * Vector indexes: nearest neighbours by embedding.
 */
import { type Catalog, type StoredAttributes, nativeCatalog } from './catalog.js';
import { type Condition } from './condition.js';
import { type Control, controlled } from './control.js';
import { invalid, native } from './errors.js';
import { type IdColumn, nativeIds } from './events.js';
import { type Id, describe, idText, integerId } from './ids.js';
import { camelKeys, settingsOf, snakeKeys, toJson } from './json.js';
import { type Model, nativeModel, pathOf } from './model.js';
import {
  NativeItemSet,
  NativeVectorIndex,
  indexBuild,
  indexCluster,
  indexDuplicates,
  indexKnnGraph,
  indexSearchBatch,
  indexUpdate,
} from './native.js';
import { asBytes } from './profile.js';
import { Examples, type Vector, type VectorRows, isVector, rowsOf } from './vectors.js';

/** How to build an index. Ranges and defaults are the core's. */
export interface IndexOptions {
  /** What makes vectors near: `'cosine'`. */
  metric?: 'cosine' | 'inner_product' | 'l2' | undefined;
  /** How neighbours are found: by the number of vectors. */
  kind?: 'auto' | 'exact' | 'hnsw' | 'binary' | undefined;
  /** In which form the vectors are kept: `'f32'`. */
  storage?: 'f32' | 'f16' | 'int8' | undefined;
  /** Neighbours of a vector in the graph: 16. */
  m?: number | undefined;
  /** Candidates that are looked at to find the neighbours of a new vector: 128. */
  efConstruction?: number | undefined;
  /** Candidates of a search that does not say how many: 64; of the kind `'binary'`, one in eight of those it looks at closely. */
  ef?: number | undefined;
  /** Seed of the levels: 0. */
  seed?: number | undefined;
  /** What the index may take of memory, in millions of bytes: no limit. */
  memoryMb?: number | null | undefined;
}

/** What to build an index with besides ids and vectors. */
export interface IndexSettings extends Control {
  /** How many values a vector has; needed for a flat array. */
  dimension?: number | undefined;
  /** Attributes of the items, for filters. */
  catalog?: Catalog | undefined;
  /** How to build. */
  options?: IndexOptions | undefined;
  /** The number of threads: 1. The index is the same at any number. */
  threads?: number | undefined;
}

/** The id of an item of the index, or a vector. */
export type Example = Id | Vector;

/** What a search looks for. Items that it names do not come back. */
export type SearchTarget =
  | Vector
  | { /** Near a vector. */ vector: Vector }
  | { /** More like an item. */ itemId: Id }
  | {
      /** Near these. */
      positive: readonly Example[];
      /** And not near these. */
      negative?: readonly Example[] | undefined;
      /**
       * `'average_vector'` makes one vector of all examples; `'best_score'` takes the best score
       * with any of them, and looks at every vector.
       */
      strategy?: 'average_vector' | 'best_score' | undefined;
    }
  | {
      /** Pairs of a positive and a negative example; an item is better on more positive sides. */
      context: readonly (readonly [Example, Example])[];
      /** And among those near this. */
      target?: Example | undefined;
    };

/** How to search. Ranges and defaults are the core's. */
export interface SearchOptions {
  /** Items wanted: 10. Fewer come only where fewer match. */
  k?: number | undefined;
  /** Candidates that a search in a graph keeps: the index's. */
  ef?: number | undefined;
  /** Looks at every vector: false. */
  exact?: boolean | undefined;
  /** Which items, by the attributes that the index was built with. */
  filter?: Condition | null | undefined;
  /** Which items, by a set that was made before. */
  items?: ItemSet | undefined;
  /** Only these. Unknown ids match nothing. */
  allow?: readonly Id[] | undefined;
  /** Never these. */
  deny?: readonly Id[] | undefined;
  /**
   * The least score: search by range. For `'l2'` a score is minus the squared distance: a radius
   * `r` is `-r * r`.
   */
  minScore?: number | undefined;
  /** How much nearness to items chosen before counts against an item, 0 to 1: 0. */
  diversity?: number | undefined;
  /** How many of the nearest `diversity` chooses from: four times `k`. */
  candidates?: number | undefined;
  /** Adds how the search went: false. */
  trace?: boolean | undefined;
}

/** How to search many times. */
export interface BatchSearchOptions extends Omit<SearchOptions, 'trace'>, Control {
  /** The number of threads: 1. The answers are the same at any number. */
  threads?: number | undefined;
  /** How many values a query has, for a flat array: those of the index. */
  dimension?: number | undefined;
}

/** How a search went. */
export interface SearchTrace {
  /** The way that was chosen. */
  plan: 'nothing' | 'exact' | 'hnsw' | 'filtered_hnsw' | 'hnsw_then_exact' | 'binary';
  /** Vectors that may match. */
  matching: number;
  /** Candidates that the search in the graph kept. */
  ef: number;
  /** Vectors whose neighbours were looked at. */
  expanded: number;
  /** Vectors that were compared by their codes, or by bits. */
  compared: number;
  /** Vectors that were scored as they are stored. */
  rescored: number;
}

/** One item that was found. */
export interface FoundItem {
  /** The item. */
  itemId: Id;
  /** How near; larger is nearer. */
  score: number;
  /** The place, from 1. */
  rank: number;
  /** Which of the item's vectors was nearest, from 0. */
  vector: number;
}

/** What a search found, the nearest first, as columns. */
export interface Neighbors extends Iterable<FoundItem> {
  /** The items. */
  itemId: Id[];
  /** How near each is; larger is nearer, in every metric. */
  score: Float32Array;
  /** Which of the item's vectors was nearest, from 0. */
  vector: Uint32Array;
  /** The number of items. */
  length: number;
  /** How the search went, where that was asked for. */
  trace?: SearchTrace;
  /** The rows as objects. */
  rows(): FoundItem[];
}

/** Clusters of vectors by their direction. */
export interface Clusters {
  /** The items of the index. */
  itemId: Id[];
  /** The cluster of each item; of several vectors, that of the first. */
  cluster: Uint32Array;
  /** The cluster of each vector, item by item. */
  assignment: Uint32Array;
  /** How many vectors each cluster has. */
  sizes: Uint32Array;
  /** The centres, one after the other, each of length 1. */
  centroids: Float32Array;
  /** The mean cosine of a vector and its centre. */
  cohesion: number;
  /** Rounds that were run. */
  iterations: number;
  /** Whether the last round changed nothing. */
  converged: boolean;
}

/** How to cluster. Ranges and defaults are the core's. */
export interface ClusterSettings extends Control {
  /** How many clusters: 8. */
  clusters?: number | undefined;
  /** The most rounds: 25. */
  iterations?: number | undefined;
  /** Seed of the start: 0. */
  seed?: number | undefined;
  /** The number of threads: 1. */
  threads?: number | undefined;
}

/** From which score on items are alike. */
export interface DuplicateSettings extends Control {
  /** The least score of two items that are nearly the same. */
  minScore: number;
  /** The number of threads: 1. */
  threads?: number | undefined;
}

/** What changes in an index. */
export interface IndexChanges extends Control {
  /** The ids of `vectors`: new items, or items that get these vectors in place of theirs. */
  ids?: IdColumn | undefined;
  /** A vector for each id. */
  vectors?: VectorRows | undefined;
  /** How many values a vector has, for a flat array: those of the index. */
  dimension?: number | undefined;
  /** Items to take out. */
  remove?: readonly Id[] | undefined;
  /** Attributes of the items in `ids`, in place of those they had. */
  catalog?: Catalog | undefined;
  /** The number of threads: 1. */
  threads?: number | undefined;
}

/** A changed index, and what became of the changes. */
export interface UpdatedIndex {
  /** The new index. */
  index: VectorIndex;
  /** Items that were new. */
  inserted: number;
  /** Items whose vectors were replaced. */
  replaced: number;
  /** Items that were taken out. */
  removed: number;
  /** Ids to remove that the index did not have. */
  unknown: string[];
}

class FoundItems implements Neighbors {
  readonly itemId: Id[];
  readonly score: Float32Array;
  readonly vector: Uint32Array;
  readonly trace?: SearchTrace;

  constructor(itemId: Id[], score: Float32Array, vector: Uint32Array, trace?: SearchTrace) {
    this.itemId = itemId;
    this.score = score;
    this.vector = vector;
    if (trace !== undefined) this.trace = trace;
  }

  get length(): number {
    return this.score.length;
  }

  rows(): FoundItem[] {
    return this.itemId.map((itemId, row) => ({
      itemId,
      score: this.score[row]!,
      rank: row + 1,
      vector: this.vector[row]!,
    }));
  }

  [Symbol.iterator](): IterableIterator<FoundItem> {
    return this.rows()[Symbol.iterator]();
  }
}

/** What many searches found, query by query. */
export class BatchNeighbors {
  readonly #index: VectorIndex;
  readonly #item: Uint32Array;
  #itemId: Id[] | undefined;

  /** Where each query's rows begin, and the number of rows. */
  readonly offsets: Uint32Array;
  /** How near each item is. */
  readonly score: Float32Array;
  /** Which of the item's vectors was nearest. */
  readonly vector: Uint32Array;

  /** @internal */
  constructor(index: VectorIndex, offsets: Uint32Array, item: Uint32Array, score: Float32Array, vector: Uint32Array) {
    this.#index = index;
    this.#item = item;
    this.offsets = offsets;
    this.score = score;
    this.vector = vector;
  }

  /** The number of queries. */
  get queries(): number {
    return this.offsets.length - 1;
  }

  /** The number of rows. */
  get length(): number {
    return this.score.length;
  }

  /** Each row's item. */
  get itemId(): Id[] {
    this.#itemId ??= this.#index.idsOf(this.#item);
    return this.#itemId;
  }

  /** What the search for one row of the queries found. */
  of(query: number): Neighbors {
    const [start, end] = [this.offsets[query], this.offsets[query + 1]];
    if (start === undefined || end === undefined) {
      throw invalid(`there is no query ${query}; there are ${this.queries}`);
    }
    return new FoundItems(
      this.#index.idsOf(this.#item.subarray(start, end)),
      this.score.slice(start, end),
      this.vector.slice(start, end),
    );
  }
}

/** The nearest items of every item. */
export class KnnGraph {
  readonly #index: VectorIndex;

  /** Where each item's neighbours begin, in the order of {@link VectorIndex.itemIds}. */
  readonly offsets: Uint32Array;
  /** The neighbours, as positions in {@link VectorIndex.itemIds}. */
  readonly neighbors: Uint32Array;
  /** Their scores. */
  readonly score: Float32Array;

  /** @internal */
  constructor(index: VectorIndex, offsets: Uint32Array, neighbors: Uint32Array, score: Float32Array) {
    this.#index = index;
    this.offsets = offsets;
    this.neighbors = neighbors;
    this.score = score;
  }

  /** The ids of the neighbours, row by row. */
  get neighborId(): Id[] {
    return this.#index.idsOf(this.neighbors);
  }

  /** The number of rows. */
  get length(): number {
    return this.score.length;
  }
}

/**
 * The native half of a set of items.
 * @internal
 */
let nativeItems: (items: ItemSet) => NativeItemSet;

/** Items of an index that searches may find: made once, used by many searches. */
export class ItemSet {
  readonly #native: NativeItemSet;
  readonly #index: VectorIndex;

  /** @internal */
  constructor(inner: NativeItemSet, index: VectorIndex) {
    this.#native = inner;
    this.#index = index;
  }

  /** The number of items. */
  get size(): number {
    return native(() => this.#native.count());
  }

  /** Their ids, in the order of the index. */
  itemIds(): Id[] {
    return this.#index.idsOf(native(() => this.#native.numbers()));
  }

  static {
    nativeItems = (items) => {
      if (typeof items === 'object' && items !== null && #native in items) return items.#native;
      throw invalid(`items must be an ItemSet of this package, not ${describe(items)}`);
    };
  }
}

let everything: NativeItemSet | undefined;

function itemsOf(items: ItemSet | null | undefined): NativeItemSet {
  if (items !== undefined && items !== null) return nativeItems(items);
  everything ??= native(() => NativeItemSet.all());
  return everything;
}

/**
 * The native half of an index.
 * @internal
 */
export let nativeIndex: (index: VectorIndex) => NativeVectorIndex;

/**
 * Items with vectors, ready to be searched.
 *
 * It never changes: {@link VectorIndex.update} makes a new one. A worker thread opens the same
 * file, or takes {@link VectorIndex.toBytes}.
 */
export class VectorIndex {
  readonly #native: NativeVectorIndex;
  readonly #ids: (Id | undefined)[] = [];
  #manifest: Readonly<Record<string, unknown>> | undefined;
  #integers: boolean | undefined;

  private constructor(inner: NativeVectorIndex) {
    this.#native = inner;
  }

  /** @internal */
  static wrap(inner: NativeVectorIndex): VectorIndex {
    return new VectorIndex(inner);
  }

  /**
   * Builds an index on another thread, and settles when it is done.
   *
   * `vectors` has a row for each id. Rows that share an id are one item with several vectors: the
   * nearest counts. The vectors are copied before the call returns.
   */
  static async build(ids: IdColumn, vectors: VectorRows, settings: IndexSettings = {}): Promise<VectorIndex> {
    const { dimension, catalog, options, threads, ...control } = settingsOf(settings, 'settings', SETTINGS);
    const column = nativeIds(ids, 'ids');
    const { values, dimension: width } = rowsOf(vectors, dimension, 'vectors', 1);
    const items = catalog === undefined ? undefined : nativeCatalog(catalog);
    const fields = snakeKeys(options, 'options');
    if (threads !== undefined) fields['threads'] = threads;
    // The index gives ids back in the type that they had in this column.
    fields['item_id_type'] ??= column.values ? 'string' : 'integer';
    const json = toJson(fields, 'options');
    const inner = await controlled(control, (cancel, report) =>
      indexBuild(column, values, width, items, json, cancel, report),
    );
    return new VectorIndex(inner);
  }

  /**
   * Opens an index file, or its bytes. The file is memory-mapped, and must not be changed in
   * place; bytes are copied once.
   *
   * Every byte is verified once. With `verify: false` a file is opened at once, whatever its size:
   * for files of your own, as damage then gives wrong answers. {@link VectorIndex.verify} finds it.
   */
  static open(
    source: string | URL | Uint8Array | ArrayBuffer,
    options: { verify?: boolean | undefined } = {},
  ): VectorIndex {
    const { verify } = settingsOf(options, 'options', ['verify']);
    if (typeof source !== 'string' && !(source instanceof URL)) return VectorIndex.fromBytes(source);
    const file = pathOf(source);
    return new VectorIndex(native(() => NativeVectorIndex.open(file, verify ?? true)));
  }

  /** Opens an index in memory; the bytes are copied once. */
  static fromBytes(bytes: Uint8Array | ArrayBuffer): VectorIndex {
    return new VectorIndex(native(() => NativeVectorIndex.fromBytes(asBytes(bytes))));
  }

  /** Writes the index to a temporary file, which then takes the place of `path`. */
  save(path: string | URL): void {
    const file = pathOf(path);
    native(() => this.#native.save(file));
  }

  /** A copy of the index's bytes. */
  toBytes(): Uint8Array {
    return native(() => this.#native.toBytes());
  }

  /** Verifies every byte of an index that was opened without that. */
  verify(): void {
    native(() => this.#native.verify());
  }

  /** The same index with 8-bit vectors: for browsers and edge runtimes. */
  exportEdge(): VectorIndex {
    return new VectorIndex(native(() => this.#native.exportEdge()));
  }

  /** The hash of the index's contents, in 32 hexadecimal digits. */
  get hash(): string {
    return native(() => this.#native.hash());
  }

  /** The manifest as the file holds it: options, counts and versions, in snake_case. */
  get manifest(): Readonly<Record<string, unknown>> {
    this.#manifest ??= JSON.parse(native(() => this.#native.manifest())) as Record<string, unknown>;
    return this.#manifest;
  }

  /** How it finds neighbours. */
  get kind(): 'exact' | 'hnsw' | 'binary' {
    return native(() => this.#native.kind()) as 'exact' | 'hnsw' | 'binary';
  }

  /** The values of a vector. */
  get dimension(): number {
    return native(() => this.#native.dimension());
  }

  /** The number of items. */
  get length(): number {
    return native(() => this.#native.itemCount());
  }

  /** The number of vectors; more than there are items where items have several. */
  get vectorCount(): number {
    return native(() => this.#native.rows());
  }

  /** The ids of all items, ascending by their text. */
  itemIds(): Id[] {
    return this.idsOf(Uint32Array.from({ length: this.length }, (_, item) => item));
  }

  /** Whether the index has an item. */
  has(itemId: Id): boolean {
    const item = idText(itemId, 'itemId');
    return native(() => this.#native.contains(item));
  }

  /**
   * The vectors of an item as the index has them, or `undefined` for the unknown: of length 1 for
   * the cosine, rounded where the storage rounds.
   */
  vectors(itemId: Id): Float32Array[] | undefined {
    const item = idText(itemId, 'itemId');
    const flat = native(() => this.#native.vectors(item));
    if (flat == null) return undefined;
    const width = this.dimension;
    return Array.from({ length: flat.length / width }, (_, row) => flat.slice(row * width, (row + 1) * width));
  }

  /** The attributes of an item, or `undefined` for the unknown. */
  attributes(itemId: Id): StoredAttributes | undefined {
    const item = idText(itemId, 'itemId');
    const json = native(() => this.#native.attributes(item));
    return json == null ? undefined : (JSON.parse(json) as StoredAttributes);
  }

  /**
   * The items whose attributes match, in the index's own catalog or in that of a model: for many
   * searches, where `filter` evaluates its condition each time.
   */
  matching(condition: Condition, model?: Model): ItemSet {
    const json = toJson(condition, 'condition', 'invalid_condition');
    const items = native(() =>
      model === undefined ? this.#native.matching(json) : this.#native.matchingIn(nativeModel(model), json),
    );
    return new ItemSet(items, this);
  }

  /** The items with these ids; unknown ones are left out. */
  itemsOf(ids: readonly Id[]): ItemSet {
    const texts = idTexts(ids, 'ids');
    return new ItemSet(native(() => this.#native.itemsOf(texts)), this);
  }

  /** What is nearest: exactly `k` items wherever so many match. */
  search(target: SearchTarget, options: SearchOptions = {}): Neighbors {
    const examples = new Examples();
    const question = toJson(questionOf(target, examples), 'target');
    const { values, ends } = examples.flat();
    const { json, items } = searchJson(options);
    const found = native(() => this.#native.search(values, ends, question, json, items));
    const trace = found.trace == null ? undefined : (camelKeys(JSON.parse(found.trace)) as SearchTrace);
    return new FoundItems(this.idsOf(found.item), found.score, found.vector, trace);
  }

  /** A search for each row, on another thread. The answers are those of {@link VectorIndex.search}. */
  async searchBatch(vectors: VectorRows, options: BatchSearchOptions = {}): Promise<BatchNeighbors> {
    const { dimension, ...more } = given(options);
    const { values, dimension: width } = rowsOf(vectors, dimension ?? this.dimensionOf(vectors), 'vectors', this.dimension);
    const { control, rest } = apart(more);
    const { json, items } = searchJson(rest);
    const lists = await controlled(control, (cancel, report) =>
      indexSearchBatch(this.#native, values, width, json, items, cancel, report),
    );
    return native(() => new BatchNeighbors(this, lists.offsets(), lists.item(), lists.score(), lists.vector()));
  }

  /** The nearest items of every item, itself left out, on another thread. */
  async knnGraph(options: Omit<BatchSearchOptions, 'dimension'> = {}): Promise<KnnGraph> {
    const { control, rest } = apart(given(options));
    const { json, items } = searchJson(rest);
    const lists = await controlled(control, (cancel, report) =>
      indexKnnGraph(this.#native, json, items, cancel, report),
    );
    return native(() => new KnnGraph(this, lists.offsets(), lists.item(), lists.score()));
  }

  /**
   * Groups of items that are nearly the same, on another thread: linked by scores of at least
   * `minScore`. Each item is compared with its 32 nearest.
   */
  async duplicates(settings: DuplicateSettings): Promise<Id[][]> {
    const { control, rest } = apart(given(settings));
    const json = toJson(snakeKeys(rest, 'settings'), 'settings');
    const lists = await controlled(control, (cancel, report) =>
      indexDuplicates(this.#native, json, cancel, report),
    );
    const [offsets, item] = native(() => [lists.offsets(), lists.item()]);
    return Array.from({ length: offsets.length - 1 }, (_, group) =>
      this.idsOf(item.subarray(offsets[group], offsets[group + 1])),
    );
  }

  /** Clusters by direction (spherical k-means), on another thread. */
  async cluster(settings: ClusterSettings = {}): Promise<Clusters> {
    const { control, rest } = apart(given(settings));
    const json = toJson(snakeKeys(rest, 'settings'), 'settings');
    const found = await controlled(control, (cancel, report) =>
      indexCluster(this.#native, json, cancel, report),
    );
    return native(() => {
      const assignment = found.assignment();
      const starts = this.#native.rowStarts();
      const told = JSON.parse(found.told()) as { cohesion: number; iterations: number; converged: boolean };
      return {
        itemId: this.itemIds(),
        cluster: Uint32Array.from({ length: this.length }, (_, item) => assignment[starts[item]!]!),
        assignment,
        sizes: found.sizes(),
        centroids: found.centroids(),
        ...told,
      };
    });
  }

  /**
   * A new index with items inserted, replaced and removed, on another thread; this one stays as it
   * is, and so do searches in it. It costs a copy of the index and the work for the changes: make
   * many changes at once.
   */
  async update(changes: IndexChanges): Promise<UpdatedIndex> {
    const { ids, vectors, dimension, remove, catalog, threads, ...control } = settingsOf(changes, 'changes', CHANGES);
    if ((ids === undefined) !== (vectors === undefined)) {
      throw invalid('changes.ids and changes.vectors go together: one is given without the other');
    }
    const column = nativeIds(ids ?? [], 'ids');
    const rows = vectors ?? [];
    const { values, dimension: width } = rowsOf(rows, dimension ?? this.dimensionOf(rows), 'vectors', this.dimension);
    const gone = remove === undefined ? [] : idTexts(remove, 'remove');
    const items = catalog === undefined ? undefined : nativeCatalog(catalog);
    const json = toJson(threads === undefined ? {} : { threads }, 'changes');
    const updated = await controlled(control, (cancel, report) =>
      indexUpdate(this.#native, column, values, width, gone, items, json, cancel, report),
    );
    return native(() => {
      const told = JSON.parse(updated.told()) as Omit<UpdatedIndex, 'index'>;
      return { index: new VectorIndex(updated.index()), ...told };
    });
  }

  /** What a flat array is cut into; a list of rows says it itself. */
  private dimensionOf(rows: unknown): number | undefined {
    return Array.isArray(rows) ? undefined : this.dimension;
  }

  /** @internal */
  idsOf(items: Uint32Array): Id[] {
    const known = this.#ids;
    const missing: number[] = [];
    for (const item of items) if (known[item] === undefined) missing.push(item);
    if (missing.length > 0) {
      const numbers = Uint32Array.from(missing);
      this.#integers ??= (this.manifest['options'] as Record<string, unknown>)['item_id_type'] === 'integer';
      native(() => this.#native.itemIds(numbers)).forEach((text, at) => {
        known[numbers[at]!] = this.#integers ? integerId(text) : text;
      });
    }
    return Array.from(items, (item) => known[item]!);
  }

  static {
    nativeIndex = (index) => {
      if (typeof index === 'object' && index !== null && #native in index) return index.#native;
      throw invalid(`index must be a VectorIndex of this package, not ${describe(index)}`);
    };
  }
}

const SETTINGS: readonly (keyof IndexSettings)[] = ['dimension', 'catalog', 'options', 'threads', 'progress', 'signal'];

const CHANGES: readonly (keyof IndexChanges)[] = [
  'ids',
  'vectors',
  'dimension',
  'remove',
  'catalog',
  'threads',
  'progress',
  'signal',
];

/** Options as an object, of which the core checks the names. */
function given<T extends object>(options: T | null | undefined): Partial<T> {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object') throw invalid(`options must be an object, not ${describe(options)}`);
  return options;
}

function apart<T extends Control>({ progress, signal, ...rest }: T): { control: Control; rest: Omit<T, keyof Control> } {
  return { control: { progress, signal }, rest };
}

function searchJson(options: SearchOptions | object): { json: string; items: NativeItemSet } {
  const fields = snakeKeys(options, 'options');
  const items = itemsOf(fields['items'] as ItemSet | undefined);
  delete fields['items'];
  for (const name of ['allow', 'deny']) {
    const list = fields[name];
    if (list !== undefined && list !== null) fields[name] = idTexts(list, `options.${name}`);
  }
  const code = fields['filter'] === undefined ? 'invalid_argument' : 'invalid_condition';
  return { json: toJson(fields, 'options', code), items };
}

function idTexts(ids: unknown, name: string): string[] {
  if (!Array.isArray(ids)) throw invalid(`${name} must be an array of ids, not ${describe(ids)}`);
  return ids.map((id, at) => idText(id, `${name}[${at}]`));
}

/** The question for the core, whose vectors go into `examples`. */
function questionOf(target: unknown, examples: Examples): Record<string, unknown> {
  if (isVector(target)) return { vector: examples.add(target, 'target') };
  const question = snakeKeys(target, 'target');
  const list = (value: unknown, name: string): (string | number)[] => {
    if (!Array.isArray(value)) throw invalid(`${name} must be an array, not ${describe(value)}`);
    return value.map((one, at) => examples.add(one, `${name}[${at}]`));
  };
  for (const [name, value] of Object.entries(question)) {
    if (value === null) continue;
    const path = `target.${name}`;
    if (name === 'item_id') question[name] = idText(value, 'target.itemId');
    else if (name === 'vector' && !isVector(value)) throw invalid(`${path} must be an array of numbers, not ${describe(value)}`);
    else if (name === 'vector' || name === 'target') question[name] = examples.add(value, path);
    else if (name === 'positive' || name === 'negative') question[name] = list(value, path);
    else if (name === 'context') {
      if (!Array.isArray(value)) throw invalid(`${path} must be an array, not ${describe(value)}`);
      question[name] = value.map((pair, at) => list(pair, `${path}[${at}]`));
    }
  }
  return question;
}
