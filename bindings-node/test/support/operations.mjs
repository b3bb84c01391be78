/**
 * The operations of the conformance suites, in terms of the public interface. Here, and only
 * here, the suites' snake_case meets the package's camelCase.
 */
import { readFileSync } from 'node:fs';

import { Catalog, Engine, Model, Profile, matchesCondition, train } from 'tastemaker';

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** An object's own fields under other names; what they hold stays. */
function renamed(object, rename) {
  if (object === undefined || object === null) return object;
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [rename(name), value]));
}

/** Every field at every depth under other names. */
function renamedDeep(value, rename) {
  if (Array.isArray(value)) return value.map((inner) => renamedDeep(inner, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [rename(name), renamedDeep(inner, rename)]));
}

const fromHex = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
const toHex = (bytes) => Buffer.from(bytes).toString('hex');

/** The bytes that a case calls a snapshot: a file of the folder, or hexadecimal digits. */
function snapshotBytes(snapshot, folder) {
  if (/^([0-9a-f]{2})*$/i.test(snapshot)) return fromHex(snapshot);
  return new Uint8Array(readFileSync(new URL(snapshot, folder)));
}

function mutated(bytes, { truncate, flip, set } = {}) {
  let result = bytes.slice();
  if (truncate !== undefined) result = result.slice(0, truncate);
  if (flip !== undefined) result[flip[0]] ^= 1 << flip[1];
  if (set !== undefined) result[set[0]] = set[1];
  return result;
}

function catalogOf(description) {
  if (description === undefined || description === null) return undefined;
  const catalog = new Catalog(description.schema ?? undefined);
  for (const { id, attributes } of description.items ?? []) catalog.add(id, attributes);
  return catalog;
}

function trained({ events, catalog, options }) {
  return train(renamed(events, camel), {
    catalog: catalogOf(catalog),
    options: renamed(options ?? {}, camel),
  });
}

const openedModels = new Map();

async function modelOf(input, folder) {
  const key = JSON.stringify([input.snapshot, input.train]);
  if (!openedModels.has(key)) {
    const model = input.snapshot === undefined
      ? await trained(input.train)
      : Model.fromBytes(snapshotBytes(input.snapshot, folder));
    openedModels.set(key, model);
  }
  return openedModels.get(key);
}

function recordAll(profile, events) {
  for (const { item_id, kind, ...details } of events) profile.record(item_id, kind, details);
  return profile;
}

function requestOf(request) {
  const result = renamed(request, camel);
  if (Array.isArray(result?.history)) result.history = result.history.map((event) => renamed(event, camel));
  return result;
}

/** Ids as text, whatever the type of the training column. */
function textIds(answer) {
  for (const item of answer.items) {
    item.item_id = String(item.item_id);
    for (const reason of item.reasons) reason.item_id = String(reason.item_id);
  }
  answer.ignored = answer.ignored.map(String);
  return answer;
}

/** One function an operation: the input of a case to what its `expect` is compared with. */
export const operations = {
  condition({ condition, attributes, groups, lenient }, { suite }) {
    const options = { lenient: lenient ?? suite.lenient ?? false };
    return { result: matchesCondition(condition, attributes, groups, options) };
  },

  async recommend(input, { folder }) {
    const engine = new Engine(await modelOf(input, folder));
    for (const { user_id, item_id, kind, ...details } of input.record ?? []) {
      engine.record(user_id, item_id, kind, details);
    }
    return textIds(renamedDeep(engine.recommend(requestOf(input.request)), snake));
  },

  profile({ events = [], merge = [], bytes }) {
    const profile = recordAll(bytes === undefined ? new Profile() : Profile.fromBytes(fromHex(bytes)), events);
    for (const other of merge) profile.merge(recordAll(new Profile(), other));
    return { events: renamedDeep(profile.events, snake), bytes: toHex(profile.toBytes()) };
  },

  open({ snapshot, mutate }, { folder }) {
    const model = Model.fromBytes(mutated(snapshotBytes(snapshot, folder), mutate));
    return { item_count: model.itemCount, user_count: model.userCount, hash: model.hash };
  },

  catalog({ schema, ops = [] }) {
    const catalog = new Catalog(schema ?? undefined);
    for (const [op, ...args] of ops) catalog[op](...args);
    return { items: Object.fromEntries(catalog.ids().map((id) => [id, catalog.get(id)])) };
  },

  async train(input) {
    const model = await trained(input);
    return { hash: model.hash, manifest: model.manifest, item_count: model.itemCount };
  },
};
