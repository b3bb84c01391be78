/**
 * The catalog: items and their typed attributes.
 */
import { invalid, native } from './errors.js';
import { type Id, describe, idText } from './ids.js';
import { toJson } from './json.js';
import { NativeCatalog } from './native.js';

/** A place on earth, in degrees. */
export interface Place {
  /** Degrees north. */
  lat: number;
  /** Degrees east. */
  lon: number;
}

/** The value of an attribute. A date becomes Unix milliseconds: declare its attribute as `time`. */
export type AttributeValue = string | number | boolean | readonly string[] | Date | Place | null;

/** The attributes of an item, by name. */
export type Attributes = { readonly [name: string]: AttributeValue };

/** The attributes of an item as a catalog or a model gives them back. */
export type StoredAttributes = { [name: string]: string | number | boolean | string[] | Place };

/** What kind of values an attribute has. */
export type AttributeType = 'text' | 'tags' | 'number' | 'bool' | 'time' | 'place';

/** The types of attributes, by name. */
export type Schema = { [name: string]: AttributeType };

/**
 * The native half of a catalog.
 * @internal
 */
export let nativeCatalog: (catalog: Catalog) => NativeCatalog;

/**
 * Items with typed attributes, to be trained with and filtered by.
 *
 * An attribute that the schema does not name takes its type from its first value.
 */
export class Catalog {
  readonly #native: NativeCatalog;

  /** An empty catalog. */
  constructor(schema?: Schema) {
    this.#native = native(() =>
      NativeCatalog.create(schema === undefined ? undefined : toJson(schema, 'schema')),
    );
  }

  /** Adds an item; fails with `duplicate_item` if it is there. */
  add(id: Id, attributes: Attributes = {}): void {
    const text = idText(id, 'id');
    const json = attributesJson(attributes);
    native(() => this.#native.add(text, json));
  }

  /** Replaces all attributes of an item; fails with `unknown_item` if it is not there. */
  replace(id: Id, attributes: Attributes): void {
    const text = idText(id, 'id');
    const json = attributesJson(attributes);
    native(() => this.#native.replace(text, json));
  }

  /** Removes an item; fails with `unknown_item` if it is not there. */
  remove(id: Id): void {
    const text = idText(id, 'id');
    native(() => this.#native.remove(text));
  }

  /** The attributes of an item, or `undefined` if it is not there. */
  get(id: Id): StoredAttributes | undefined {
    const text = idText(id, 'id');
    const json = native(() => this.#native.get(text));
    return json == null ? undefined : (JSON.parse(json) as StoredAttributes);
  }

  /** Whether the item is there. */
  has(id: Id): boolean {
    const text = idText(id, 'id');
    return native(() => this.#native.contains(text));
  }

  /** The ids of all items. */
  ids(): string[] {
    return native(() => this.#native.ids());
  }

  /** The number of items. */
  get length(): number {
    return native(() => this.#native.length());
  }

  /** The type of every attribute seen so far. */
  get schema(): Schema {
    return JSON.parse(native(() => this.#native.schema())) as Schema;
  }

  static {
    nativeCatalog = (catalog) => {
      if (typeof catalog === 'object' && catalog !== null && #native in catalog) {
        return catalog.#native;
      }
      throw invalid(`catalog must be a Catalog of this package, not ${describe(catalog)}`);
    };
  }
}

function attributesJson(attributes: Attributes): string {
  return toJson(attributes, 'attributes', 'invalid_attribute', 'finite');
}
