/**
 * The operations of the conformance suites, in terms of the public interface. Here, and only
 * here, the suites' snake_case meets the package's camelCase.
 */
import { readFileSync } from 'node:fs';

import {
  Bandit,
  Catalog,
  DecisionLog,
  Engine,
  Experiments,
  Model,
  Profile,
  TastemakerError,
  banditOf,
  banditsOf,
  VectorIndex,
  compare,
  contextHash,
  evaluate,
  matchesCondition,
  offpolicy,
  split,
  stats,
  splitExact,
  train,
  tune,
  update,
  withBandits,
} from 'tastemaker';

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

/** A number, or the text of one that JSON cannot write. */
const number = (value) => (typeof value === 'string' ? Number(value) : value);

/** Columns and matrices with numbers that JSON cannot write. */
function columnsOf(given) {
  const numbers = (value) => (Array.isArray(value) ? value.map(numbers) : number(value));
  const ids = ['unit', 'slate'];
  return Object.fromEntries(Object.entries(given).map(([name, list]) => [name, ids.includes(name) ? list : numbers(list)]));
}

const lists = (table) => Object.fromEntries(Object.entries(table).map(([name, column]) => [name, Array.from(column)]));

/** The steps of a decision log. */
const logSteps = {
  record: (log, decision) => log.record(decision),
  record_outcome: (log, outcome) => log.recordOutcome(outcome),
  merge(log, steps, options) {
    const other = new DecisionLog(options);
    for (const [name, ...args] of steps) logSteps[name](other, ...args);
    return log.merge(other);
  },
  pseudonym: (log, user) => log.pseudonym(user),
  erase: (log, user) => log.erase(user),
  expire: (log, before) => log.expire(before),
  decision: (log, id) => log.decision(id),
  orphans: (log) => log.orphans(),
  counts: (log) => [log.length, log.outcomeCount],
  table: (log, name) => lists(log.table(name)),
  join(log, options) {
    const { columns, counts } = log.join(options);
    return { columns: lists(columns), counts };
  },
};

/** The bytes that a case calls a snapshot: a file of the folder, or hexadecimal digits. */
function snapshotBytes(snapshot, folder) {
  if (!snapshot.includes('/')) return fromHex(snapshot);
  return new Uint8Array(readFileSync(new URL(snapshot, folder)));
}

const mutations = {
  append: (bytes, digits) => Uint8Array.from([...bytes, ...fromHex(digits)]),
  flip: (bytes, [at, bit]) => bytes.with(at, bytes[at] ^ (1 << bit)),
  set: (bytes, [at, value]) => bytes.with(at, value),
  truncate: (bytes, length) => bytes.slice(0, length),
};

/** The bytes after the changes, which are made in the order of their names. */
function mutated(bytes, changes = {}) {
  return Object.keys(changes).sort().reduce((result, name) => mutations[name](result, changes[name]), bytes);
}

function catalogOf(description) {
  if (description === undefined || description === null) return undefined;
  const catalog = new Catalog(description.schema ?? undefined);
  for (const { id, attributes } of description.items) catalog.add(id, attributes);
  return catalog;
}

function tableOf(events) {
  const table = renamed(events, camel);
  if (table.weight !== undefined) table.weight = table.weight.map(number);
  return table;
}

function trained({ events, catalog, options }) {
  return train(tableOf(events), settingsOf(catalog, options));
}

/** The settings of training and of tuning. */
function settingsOf(catalog, options) {
  return {
    catalog: catalogOf(catalog),
    // The suites say the types of ids where they matter.
    options: {
      itemIdType: 'string',
      userIdType: 'string',
      ...renamed(options ?? {}, camel),
      trainer: renamedDeep(options?.trainer, camel),
      tune: renamedDeep(options?.tune, camel),
    },
  };
}

const models = new Map();

/** The model of `snapshot` or `train`, its edge export where `edge` is given, updated by `update`. */
async function modelOf({ snapshot, train: training, edge, update: changes }, folder) {
  const key = JSON.stringify([snapshot, training, edge, changes]);
  let model = models.get(key);
  if (model === undefined) {
    model = snapshot === undefined
      ? await trained(training)
      : Model.fromBytes(snapshotBytes(snapshot, folder));
    if (edge) model = model.exportEdge(renamed(edge, camel));
    if (changes) {
      model = await updated(model, changes);
    }
    models.set(key, model);
  }
  return model;
}

function updated(model, { events, catalog, options }) {
  const settings = { catalog: catalogOf(catalog), options: options && renamed(options, camel) };
  return update(model, tableOf(events), settings);
}

/** An event's kind, and what else it says, as `record` takes them. */
function detailsOf({ kind, weight, timestamp }) {
  return [kind, { weight: number(weight), timestamp }];
}

function recordAll(profile, events) {
  for (const event of events) profile.record(event.item_id, ...detailsOf(event));
  return profile;
}

function requestOf(request) {
  const result = renamed(request, camel);
  if (Array.isArray(result?.history)) result.history = result.history.map((event) => renamed(event, camel));
  if (Array.isArray(result?.members)) result.members = result.members.map(requestOf);
  return result;
}

/** The questions to an engine: what they are called is what the method is called. */
const QUESTIONS = ['recommend', 'similar_items', 'score_items', 'recommend_group', 'similar_users'];

function ask(engine, question, request) {
  return renamedDeep(engine[camel(question)](requestOf(request)), snake);
}

/** One function a question, by its name. */
const questions = (make) => Object.fromEntries(QUESTIONS.map((question) => [question, make(question)]));

function shape(model) {
  return { item_count: model.itemCount, user_count: model.userCount, hash: model.hash };
}

/** What `read` gives for each id of a list that a case may leave out. */
function each(ids = [], read) {
  return Object.fromEntries(ids.map((id) => [id, read(id) ?? null]));
}

const steps = {
  record(engine, userId, event) {
    return renamed(engine.record(userId, event.item_id, ...detailsOf(event)), snake);
  },
  record_batch(engine, events, skipInvalid) {
    return engine.recordBatch(tableOf(events), { skipInvalid: skipInvalid === true });
  },
  merge_profile: (engine, userId, digits) => engine.mergeProfile(userId, fromHex(digits)),
  erase: (engine, userId) => engine.erase(userId),
  profile: (engine, userId) => toHex(engine.profile(userId)),
  user_count: (engine) => engine.userCount,
  ...questions((question) => (engine, request) => ask(engine, question, request)),
};

/** The settings of an evaluation or a comparison. */
function measureOf({ options, history, segments }) {
  return {
    ...renamed(options ?? {}, camel),
    history: history && tableOf(history),
    segments: segments && renamed(segments, camel),
  };
}

/** The questions to experiments. */
const questionsToExperiments = {
  assign: (experiments, key, context) => assignmentOf(experiments.assign(key, renamed(context, camel))),
  assign_id: (experiments, key, id) => assignmentOf(experiments.assignId(key, id)),
  assign_all(experiments, context) {
    const found = experiments.assignAll(renamed(context, camel));
    return { assignments: found.assignments.map(assignmentOf), sticky_updates: found.stickyUpdates };
  },
  feature(experiments, key, context) {
    const found = experiments.feature(key, renamed(context, camel));
    return { ...renamed(found, snake), assignment: assignmentOf(found.assignment) };
  },
  describe: (experiments, key) => renamed(experiments.describe(key), snake),
  keys: ({ experiments, features }) => ({ experiments, features }),
};

/** An assignment under the core's names; the values of the user's own stay. */
function assignmentOf(given) {
  return given && { ...renamed(given, snake), bandit: renamed(given.bandit, snake) };
}

const FORMS = { growthbook: 'fromGrowthbook', unleash: 'fromUnleash' };

/** A bandit from its definition or its bytes, after its steps, and what they gave. */
async function played({ definition, bytes, steps }, folder) {
  const bandit = bytes === undefined ? Bandit.fromJson(definition) : Bandit.fromBytes(fromHex(bytes));
  const results = [];
  for (const [name, ...args] of steps) {
    try {
      results.push((await banditSteps[name](bandit, ...args, folder)) ?? null);
    } catch (error) {
      if (!(error instanceof TastemakerError)) throw error;
      results.push({ error: error.code });
    }
  }
  return { bandit, results };
}

/** An answer of a bandit under the core's names; the arms' values stay. */
function banditAnswer({ choices, ...rest }) {
  const choice = ({ value, ...more }) => ({ ...renamed(more, snake), value });
  return { ...renamed(rest, snake), choices: choices.map(choice) };
}

const rowsOfNumbers = (rows) => rows?.map((row) => row.map(number));

const banditSteps = {
  choose: (bandit, request) => banditAnswer(bandit.choose(renamed(request, camel))),
  propensities: (bandit, request) => banditAnswer(bandit.propensities(renamed(request, camel))),
  update_one: (bandit, given) => bandit.updateOne(renamed(given, camel)),
  update(bandit, { arm, reward, time, context, arm_features: features }, options) {
    const given = { arm, reward: reward.map(number), time, context: rowsOfNumbers(context), armFeatures: rowsOfNumbers(features) };
    return bandit.update(given, options);
  },
  await_rewards: (bandit, factor, arm, count) => bandit.awaitRewards(arm, count, factor ?? undefined),
  merge: async (bandit, other, folder) => bandit.merge((await played(other, folder)).bandit),
  async in_model(bandit, source, others, folder) {
    const all = [bandit];
    for (const other of others) all.push((await played(other, folder)).bandit);
    const model = Model.fromBytes(withBandits(await modelOf(source, folder), all).toBytes());
    return { hash: model.hash, bandits: banditsOf(model), bytes: toHex(banditOf(model, bandit.key).toBytes()) };
  },
  redefine: (bandit, definition) => bandit.redefine(definition),
  report: (bandit, now) => renamedDeep(bandit.report(now ?? undefined), snake),
  bytes: (bandit) => toHex(bandit.toBytes()),
  definition: (bandit) => bandit.definition,
  state_version: (bandit) => bandit.stateVersion,
};

const row = (values) => values.map(number);

const indexes = new Map();

/** Ids and rows by the formula of the suites. */
function madeOf({ rows, width, groups, seed }) {
  const mix = (s, a, b) => {
    let h = s ^ Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77);
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
    return (h ^ (h >>> 15)) & 255;
  };
  const value = (row, at) => (4 * mix(seed, row % groups, at) + mix(seed + 1, row, at) - 637) / 64;
  const line = (row) => Float32Array.from({ length: width }, (_, at) => value(row, at));
  return {
    ids: Array.from({ length: rows }, (_, row) => String(row)),
    vectors: Array.from({ length: rows }, (_, row) => line(row)),
  };
}

/** The index of `snapshot`, or of `index`: a name of the suite, or the index itself. */
async function indexOf({ index, snapshot, mutate }, { suite, folder }) {
  if (snapshot !== undefined) return VectorIndex.fromBytes(mutated(snapshotBytes(snapshot, folder), mutate));
  const given = typeof index === 'string' ? suite.indexes[index] : index;
  const key = JSON.stringify(given);
  if (!indexes.has(key)) {
    const { threads, ...options } = given.options ?? {};
    const settings = {
      catalog: catalogOf(given.catalog),
      // The suites say the type of ids where it matters.
      options: { itemIdType: 'string', ...renamed(options, camel) },
      threads,
    };
    const { ids, vectors } = given.made ? madeOf(given.made) : { ids: given.ids, vectors: given.vectors.map(row) };
    indexes.set(key, await VectorIndex.build(ids, vectors, settings));
  }
  return indexes.get(key);
}

function exampleOf(given) {
  return Array.isArray(given) ? row(given) : given;
}

/** A target with its vectors as numbers. */
function searchTarget(target) {
  const parts = {
    vector: exampleOf,
    target: exampleOf,
    positive: (list) => list.map(exampleOf),
    negative: (list) => list.map(exampleOf),
    context: (pairs) => pairs.map((pair) => pair.map(exampleOf)),
  };
  const entries = Object.entries(renamed(target, camel));
  return Object.fromEntries(entries.map(([name, value]) => [name, (parts[name] ?? ((same) => same))(value)]));
}

function itemsOf(index, items, folder) {
  if (items === undefined) return undefined;
  if (items.ids) return index.itemsOf(items.ids);
  const model = items.model && Model.fromBytes(snapshotBytes(items.model, folder));
  return index.matching(items.matching, model);
}

/** The owner of each row, from 0, and the rank of each among its owner's. */
function ranksOf(offsets) {
  const owner = [];
  const rank = [];
  for (let list = 0; list + 1 < offsets.length; list++) {
    for (let at = offsets[list]; at < offsets[list + 1]; at++) {
      owner.push(list);
      rank.push(at - offsets[list] + 1);
    }
  }
  return { owner, rank };
}

const texts = (ids) => ids.map(String);

/** The questions to a vector index. */
const questionsToIndexes = {
  describe: (index) => ({
    items: index.length,
    rows: index.vectorCount,
    dimension: index.dimension,
    metric: index.manifest.options.metric,
    kind: index.kind,
    storage: index.manifest.options.storage,
    item_ids: texts(index.itemIds()),
    hash: index.hash,
  }),
  vectors: (index, [id]) => ({ vectors: index.vectors(id)?.map((values) => [...values]) ?? null }),
  attributes: (index, [id]) => ({ attributes: index.attributes(id) ?? null }),
  matching: (index, [condition]) => ({ item_ids: texts(index.matching(condition).itemIds()) }),
  search(index, [target, options], items) {
    const found = index.search(searchTarget(target), { ...renamed(options, camel), items });
    return {
      item_id: texts(found.itemId),
      score: [...found.score],
      rank: found.rows().map(({ rank }) => rank),
      vector: [...found.vector],
      trace: found.trace,
    };
  },
  async search_batch(index, [rows, options]) {
    const found = await index.searchBatch(rows.map(row), renamed(options, camel));
    const { owner, rank } = ranksOf(found.offsets);
    return { query: owner, item_id: texts(found.itemId), score: [...found.score], rank, vector: [...found.vector] };
  },
  async knn_graph(index, [options]) {
    const graph = await index.knnGraph(renamed(options, camel));
    const { owner, rank } = ranksOf(graph.offsets);
    const ids = index.itemIds();
    return {
      item_id: texts(owner.map((item) => ids[item])),
      neighbor_id: texts(graph.neighborId),
      score: [...graph.score],
      rank,
    };
  },
  async duplicates(index, [options]) {
    const groups = await index.duplicates(renamed(options, camel));
    return { groups: groups.map(texts) };
  },
  async cluster(index, [options]) {
    const { itemId, cluster, ...found } = await index.cluster(options);
    const { assignment, sizes, centroids } = found;
    const width = index.dimension;
    const rows = [...sizes].map((_, at) => [...centroids.slice(at * width, (at + 1) * width)]);
    return { ...found, assignment: [...assignment], sizes: [...sizes], centroids: rows };
  },
};

/** The changes of a model that holds an index. */
const changesOfBoth = {
  with_index: async (model, [source], context) => model.withIndex(await indexOf(source, context)),
  without_index: (model) => model.withoutIndex(),
  with_bandits: (model, [definitions]) => withBandits(model, definitions.map((one) => Bandit.fromJson(one))),
  export_edge: (model, [options]) => model.exportEdge(renamed(options, camel)),
  update: (model, [changes]) => updated(model, changes),
};

/** One function an operation: the input of a case to what its `expect` is compared with. */
export const operations = {
  condition({ condition, attributes, groups, lenient }, { suite }) {
    const options = { lenient: lenient ?? suite.lenient ?? false };
    return { result: matchesCondition(condition, attributes, groups, options) };
  },

  ...questions((question) => async (input, { folder }) => {
    const engine = new Engine(await modelOf(input, folder));
    for (const event of input.record ?? []) {
      engine.record(event.user_id, event.item_id, ...detailsOf(event));
    }
    return ask(engine, question, input.request);
  }),

  profile({ events = [], merge = [], forget = [], bytes }) {
    const profile = recordAll(bytes === undefined ? new Profile() : Profile.fromBytes(fromHex(bytes)), events);
    const merged = merge.map((other) => profile.merge(recordAll(new Profile(), other)));
    const forgotten = forget.map((item) => profile.forgetItem(item));
    return {
      merged,
      forgotten,
      events: renamedDeep(profile.events, snake),
      bytes: toHex(profile.toBytes()),
      len: profile.length,
    };
  },

  open({ snapshot, mutate }, { folder }) {
    return shape(Model.fromBytes(mutated(snapshotBytes(snapshot, folder), mutate)));
  },

  catalog({ schema, ops = [] }) {
    const catalog = new Catalog(schema ?? undefined);
    for (const [op, ...args] of ops) catalog[op](...args);
    return { items: each(catalog.ids(), (id) => catalog.get(id)), schema: catalog.schema };
  },

  async train(input) {
    const model = await trained(input);
    return { ...shape(model), manifest: model.manifest };
  },

  async tune({ events, catalog, options, validation }) {
    const settings = { ...settingsOf(catalog, options), validation: validation && tableOf(validation) };
    return renamedDeep(await tune(tableOf(events), settings), snake);
  },

  async model(input, { folder }) {
    const model = await modelOf(input, folder);
    return {
      ...shape(model),
      manifest: model.manifest,
      neighbors: each(input.neighbors, (id) => renamedDeep(model.neighbors(id), snake)),
      attributes: each(input.attributes, (id) => model.attributes(id)),
      profiles: each(input.profiles, (id) => {
        const bytes = model.profile(id);
        return bytes && toHex(bytes);
      }),
    };
  },

  async batch({ users, options, ...source }, { folder }) {
    const result = (await modelOf(source, folder)).recommend(users, renamed(options, camel));
    return {
      user_id: result.userId,
      item_id: result.itemId,
      score: [...result.score],
      rank: [...result.rank],
      source: result.source,
    };
  },

  async evaluate(input, { folder }) {
    const result = await evaluate(await modelOf(input, folder), tableOf(input.test), measureOf(input));
    return renamedDeep(result, snake);
  },

  async compare(input, { folder }) {
    const models = [await modelOf(input.a, folder), await modelOf(input.b, folder)];
    return renamedDeep(await compare(...models, tableOf(input.test), measureOf(input)), snake);
  },

  split({ events, options }) {
    const { method, ...more } = renamed(options, camel);
    const found = split(tableOf(events), { method: method && camel(method), ...more });
    return Object.fromEntries(Object.entries(found).map(([name, rows]) => [snake(name), [...rows]]));
  },

  stats({ question, request }) {
    const given = renamedDeep(request, camel);
    if (question === 'adjust') return { p_values: stats.adjust(given.pValues, given.method) };
    return renamedDeep(stats[camel(question)](given), snake);
  },

  async summarize({ rows, options }) {
    const columns = { ...rows };
    for (const name of ['value', 'denominator', 'covariate']) {
      if (columns[name] !== undefined) columns[name] = columns[name].map(number);
    }
    return renamedDeep(await stats.summarize(columns, options), snake);
  },

  experiment({ payload, format, ask: [question, ...args] }) {
    const experiments = Experiments[format === undefined ? 'fromJson' : FORMS[format]](payload);
    return questionsToExperiments[question](experiments, ...args);
  },

  bandit: async (input, { folder }) => ({ results: (await played(input, folder)).results }),

  split_exact({ ids, weights, salt }) {
    return { arms: [...splitExact(ids, weights.map(number), salt)] };
  },

  off_policy({ log, policy, b, options }) {
    const [given, settings] = [columnsOf(log), renamed(options, camel)];
    const found = b === undefined
      ? offpolicy.evaluate(given, columnsOf(policy), settings)
      : offpolicy.compare(given, columnsOf(policy), columnsOf(b), settings);
    return found.then((report) => renamedDeep(report, snake));
  },

  async slates({ log, options }) {
    return renamedDeep(await offpolicy.evaluateSlates(columnsOf(log), renamed(options, camel)), snake);
  },

  decision_log({ bytes, options, steps: list }) {
    const log = bytes === undefined ? new DecisionLog(options) : DecisionLog.fromBytes(fromHex(bytes), options);
    const results = [];
    for (const [name, ...args] of list) {
      try {
        results.push(logSteps[name](log, ...args));
      } catch (error) {
        if (!(error instanceof TastemakerError)) throw error;
        results.push({ error: error.code });
      }
    }
    const written = toHex(log.toBytes());
    if (toHex(DecisionLog.fromBytes(log.toBytes(), options).toBytes()) !== written) throw new Error('the bytes differ');
    return { results, bytes: written };
  },

  context_hash({ context }) {
    return { hash: contextHash(context) };
  },

  async index(input, context) {
    let index = await indexOf(input, context);
    let told = {};
    if (input.edge === true) index = index.exportEdge();
    for (const { ids, vectors, remove, catalog, options } of input.update ?? []) {
      const changes = { ids, vectors: vectors?.map(row), remove, catalog: catalogOf(catalog), ...options };
      ({ index, ...told } = await index.update(changes));
    }
    const [question, ...args] = input.ask;
    const items = itemsOf(index, input.items, context.folder);
    return { ...told, ...(await questionsToIndexes[question](index, args, items)) };
  },

  async both({ steps: list, attributes = [], ask: question, request, items, ...source }, context) {
    let model = await modelOf(source, context.folder);
    for (const [name, ...args] of list) model = await changesOfBoth[name](model, args, context);
    const there = model.index !== undefined;
    model = Model.fromBytes(model.toBytes());
    const { index } = model;
    if (there !== (index !== undefined)) throw new Error('the index is not in the bytes');
    if (index !== undefined) {
      const digits = toHex(index.toBytes());
      if (toHex(VectorIndex.fromBytes(model.toBytes()).toBytes()) !== digits) throw new Error('the bytes differ');
      if (VectorIndex.fromBytes(index.toBytes()).hash !== index.hash) throw new Error('the hashes differ');
    }
    const [name, ...args] = question ?? [];
    return {
      item_count: model.itemCount,
      hash: model.hash,
      index: index?.hash ?? null,
      bandits: banditsOf(model),
      attributes: each(attributes, (id) => model.attributes(id)),
      asked: name && (await questionsToIndexes[name](index, args, itemsOf(index, items, context.folder))),
      answer: request && ask(new Engine(model), 'recommend', request),
    };
  },

  async engine({ steps: list, ...source }, { folder }) {
    const engine = new Engine(await modelOf(source, folder));
    const results = [];
    for (const [name, ...args] of list) {
      try {
        if (name === 'swap') results.push(engine.swap(await modelOf(args[0], folder)) ?? null);
        else results.push(steps[name](engine, ...args));
      } catch (error) {
        if (!(error instanceof TastemakerError)) throw error;
        results.push({ error: error.code });
      }
    }
    return { results };
  },
};
