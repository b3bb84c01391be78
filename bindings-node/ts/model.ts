/**
 * The model: a read-only snapshot that answers for users whose histories it holds.
 */
import { fileURLToPath } from 'node:url';

import { type StoredAttributes } from './catalog.js';
import { invalid, native } from './errors.js';
import { type Id, describe, idText, integerId } from './ids.js';
import { snakeKeys, toJson } from './json.js';
import { NativeModel } from './native.js';
import { asBytes } from './profile.js';
import { type BatchOptions, Recommendations, batchRequest } from './recommendations.js';
import { VectorIndex, nativeIndex } from './vector-index.js';

/** What a smaller snapshot keeps. */
export interface EdgeOptions {
  /** The most neighbours of an item. */
  neighbors?: number | undefined;
  /** The attributes to keep; all of them if it is not given. */
  attributes?: readonly string[] | null | undefined;
}

/** An edge of the item graph. */
export interface Neighbor {
  /** The other item. */
  itemId: Id;
  /** How strongly it is recommended after this one. */
  weight: number;
}

/**
 * The native half of a model.
 * @internal
 */
export let nativeModel: (model: Model) => NativeModel;

/**
 * A trained model.
 *
 * It never changes, and a copy shares its memory. A worker thread opens the same file, or takes
 * {@link Model.toBytes}.
 */
export class Model {
  readonly #native: NativeModel;
  readonly #itemIds: (Id | undefined)[] = [];
  #hash: string | undefined;
  #index: VectorIndex | null | undefined;
  #integerItems: boolean | undefined;
  #manifest: Readonly<Record<string, unknown>> | undefined;

  private constructor(inner: NativeModel) {
    this.#native = inner;
  }

  /** @internal */
  static wrap(inner: NativeModel): Model {
    return new Model(inner);
  }

  /**
   * Opens a snapshot file, or its bytes. The file is memory-mapped, and must not be changed in
   * place; bytes are copied once.
   */
  static open(source: string | URL | Uint8Array | ArrayBuffer): Model {
    if (typeof source !== 'string' && !(source instanceof URL)) return Model.fromBytes(source);
    const file = pathOf(source);
    return new Model(native(() => NativeModel.open(file)));
  }

  /** Opens a snapshot in memory; the bytes are copied once. */
  static fromBytes(bytes: Uint8Array | ArrayBuffer): Model {
    return new Model(native(() => NativeModel.fromBytes(asBytes(bytes))));
  }

  /** Writes the snapshot to a temporary file, which then takes the place of `path`. */
  save(path: string | URL): void {
    const file = pathOf(path);
    native(() => this.#native.save(file));
  }

  /** A copy of the snapshot's bytes. */
  toBytes(): Uint8Array {
    return native(() => this.#native.toBytes());
  }

  /**
   * The same model with a vector index in its snapshot, in the place of the one that it has: one
   * file then holds both. The items of the two need not be the same, and each keeps its
   * attributes. An update keeps the index, {@link Model.exportEdge} leaves it out.
   */
  withIndex(index: VectorIndex): Model {
    const inner = nativeIndex(index);
    return new Model(native(() => this.#native.withIndex(inner)));
  }

  /** The same model without the vector index in its snapshot. */
  withoutIndex(): Model {
    return new Model(native(() => this.#native.withoutIndex()));
  }

  /** The vector index in the snapshot, or `undefined`; it lies where the model lies. */
  get index(): VectorIndex | undefined {
    if (this.#index === undefined) {
      const inner = native(() => this.#native.index()) ?? null;
      this.#index = inner && VectorIndex.wrap(inner);
    }
    return this.#index ?? undefined;
  }

  /**
   * A smaller model for the browser: fewer neighbours, chosen attributes, no profiles. Bandits and
   * a vector index stay behind; {@link VectorIndex.exportEdge} makes a smaller index, which
   * {@link Model.withIndex} adds.
   */
  exportEdge(options: EdgeOptions = {}): Model {
    const json = toJson(snakeKeys(options, 'options'), 'options');
    return new Model(native(() => this.#native.exportEdge(json)));
  }

  /** The hash of the snapshot's contents, in 32 hexadecimal digits. */
  get hash(): string {
    this.#hash ??= native(() => this.#native.hash());
    return this.#hash;
  }

  /** The manifest as the snapshot holds it: options, counts and versions, in snake_case. */
  get manifest(): Readonly<Record<string, unknown>> {
    this.#manifest ??= JSON.parse(native(() => this.#native.manifest())) as Record<string, unknown>;
    return this.#manifest;
  }

  /** The number of items. */
  get itemCount(): number {
    return native(() => this.#native.itemCount());
  }

  /** The number of users whose profiles the snapshot holds. */
  get userCount(): number {
    return native(() => this.#native.userCount());
  }

  /** The ids of those users. */
  userIds(): Id[] {
    const ids = native(() => this.#native.userIds());
    return ids.map((text) => this.typedUser(text));
  }

  /** The ids of all items, by their index. */
  itemIds(): Id[] {
    return this.idsOf(Uint32Array.from({ length: this.itemCount }, (_, index) => index));
  }

  /** The attributes of an item, or `undefined` for an item that the model does not have. */
  attributes(itemId: Id): StoredAttributes | undefined {
    const item = idText(itemId, 'itemId');
    const json = native(() => this.#native.attributes(item));
    return json == null ? undefined : (JSON.parse(json) as StoredAttributes);
  }

  /** The neighbours of an item, strongest first, or `undefined` for an item it does not have. */
  neighbors(itemId: Id): Neighbor[] | undefined {
    const item = idText(itemId, 'itemId');
    const json = native(() => this.#native.neighbors(item));
    if (json == null) return undefined;
    const row = JSON.parse(json) as { itemId: string; weight: number }[];
    return row.map(({ itemId: text, weight }) => ({ itemId: this.typed(text), weight }));
  }

  /** The bytes of a user's profile, or `undefined` if the snapshot does not hold it. */
  profile(userId: Id): Uint8Array | undefined {
    const user = idText(userId, 'userId');
    return native(() => this.#native.profile(user)) ?? undefined;
  }

  /**
   * Recommends for many users at once, as columns. A user without a stored profile gets the
   * popular items.
   */
  recommend(users: readonly Id[], options: BatchOptions = {}): Recommendations {
    const { texts, json } = batchRequest(users, options);
    const batch = native(() => this.#native.recommend(texts, json));
    return Recommendations.wrap(this, users, batch);
  }

  /** @internal */
  idsOf(items: Uint32Array): Id[] {
    const known = this.#itemIds;
    const missing = new Set<number>();
    for (const item of items) if (known[item] === undefined) missing.add(item);
    if (missing.size > 0) {
      const indices = Uint32Array.from(missing);
      native(() => this.#native.itemIds(indices)).forEach((text, position) => {
        known[indices[position]!] = this.typed(text);
      });
    }
    return Array.from(items, (item) => known[item]!);
  }

  /** @internal */
  id(item: number): Id {
    return this.#itemIds[item] ?? this.idsOf(Uint32Array.of(item))[0]!;
  }

  /** @internal */
  typed(itemId: string): Id {
    this.#integerItems ??= this.manifest['item_id_type'] === 'integer';
    return this.#integerItems ? integerId(itemId) : itemId;
  }

  /** @internal */
  typedUser(userId: string): Id {
    return this.manifest['user_id_type'] === 'integer' ? integerId(userId) : userId;
  }

  static {
    nativeModel = (model) => {
      if (typeof model === 'object' && model !== null && #native in model) return model.#native;
      throw invalid(`model must be a Model of this package, not ${describe(model)}`);
    };
  }
}

/**
 * The path of a file.
 * @internal
 */
export function pathOf(path: string | URL): string {
  if (!(path instanceof URL)) return path;
  try {
    return fileURLToPath(path);
  } catch (cause) {
    throw invalid((cause as Error).message);
  }
}
