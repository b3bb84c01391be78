// The generic conformance runner: it walks core/conformance/manifest.json, in Node and in a page.
//
// `tm` is the package; `read(name)` gives the bytes of a file of core/conformance. An operation
// that is not known, or a count that is not the manifest's, is a failure.

import { askIndex, index, indexOf } from './vectors.mjs';

// The questions to an engine: what they are called is what the method is called.
const QUESTIONS = ['recommend', 'similar_items', 'score_items', 'recommend_group', 'similar_users'];
const OPERATIONS = { condition, ...questions(question), profile, open, catalog, train, tune, model, batch, evaluate, compare, split, stats, summarize, experiment, bandit, split_exact, off_policy, slates, decision_log, context_hash, engine, index: (context, input) => index(context, input, TOOLS), both };

/** Runs every suite; returns the number of cases and a line for each failure. */
export async function runAll(tm, read) {
  const json = async (name) => JSON.parse(new TextDecoder().decode(await read(name)));
  const manifest = await json('manifest.json');
  const result = { suites: [], count: 0, failures: [] };
  if (manifest.format !== 1) result.failures.push(`manifest.json: format ${manifest.format} is not known`);
  for (const { file, cases } of manifest.suites) {
    const suite = await json(file);
    if (suite.cases.length !== cases) {
      result.failures.push(`${file}: ${suite.cases.length} cases, and ${cases} in the manifest`);
    }
    for (const test of suite.cases) {
      const failure = await runCase({ tm, read, suite }, test);
      if (failure !== undefined) result.failures.push(`${file}: ${test.name}: ${failure}`);
    }
    result.count += suite.cases.length;
    result.suites.push({ file, cases: suite.cases.length });
  }
  return result;
}

async function runCase(context, { op, input, expect }) {
  const operation = Object.hasOwn(OPERATIONS, op) ? OPERATIONS[op] : undefined;
  if (operation === undefined) return `the operation ${op} is not known`;
  let actual;
  try {
    actual = await operation(context, input, expect);
  } catch (error) {
    if (!(error instanceof context.tm.TastemakerError)) return `threw ${error?.stack ?? error}`;
    actual = { error: error.code };
    if (expect.error === undefined) return `failed with ${error.code}: ${error.message}`;
  }
  const { close, ...exact } = expect;
  const differs = difference(exact, actual, '', undefined);
  if (differs !== undefined || close === undefined) return differs;
  const { tol, rel, ...rest } = close;
  return difference(rest, actual, '', { tol, rel });
}

function condition({ tm, suite }, input) {
  const lenient = input.lenient ?? suite.lenient ?? false;
  const { condition, attributes, groups } = input;
  return { result: tm.matchesCondition(condition, attributes, groups, { lenient }) };
}

/** One function a question, by its name. */
function questions(make) {
  return Object.fromEntries(QUESTIONS.map((name) => [name, make(name)]));
}

function question(name) {
  return async (context, input) => {
    const { tm } = context;
    const engine = new tm.Engine(await modelOf(context, input));
    for (const { user_id: user, ...event } of input.record ?? []) {
      engine.record(user, event.item_id, event.kind, details(event));
    }
    return ask(engine, name, input.request);
  };
}

function profile({ tm }, input) {
  const record = (value, events) => {
    for (const event of events) value.record(event.item_id, event.kind, details(event));
    return value;
  };
  const start = input.bytes === undefined ? new tm.Profile() : tm.Profile.fromBytes(fromHex(input.bytes));
  const value = record(start, input.events ?? []);
  const merged = (input.merge ?? []).map((other) => value.merge(record(new tm.Profile(), other)));
  const forgotten = (input.forget ?? []).map((item) => value.forgetItem(item));
  return { merged, forgotten, events: snake(value.events), bytes: toHex(value.toBytes()), len: value.length };
}

async function open(context, input) {
  const bytes = mutated(await bytesOf(context, input.snapshot), input.mutate);
  return summary(context.tm.Model.fromBytes(bytes));
}

function catalog({ tm }, input) {
  const value = new tm.Catalog(input.schema ?? undefined);
  for (const [name, ...given] of input.ops ?? []) value[name](...given);
  return { items: Object.fromEntries(value.ids().map((id) => [id, value.get(id)])), schema: value.schema };
}

async function train(context, input) {
  return summary(await trained(context, input));
}

async function tune({ tm }, { events, validation, ...input }) {
  const settings = settingsOf(tm, input);
  if (validation !== undefined) settings.validation = columns(validation);
  return snake(await tm.tune(columns(events), settings));
}

async function model(context, input) {
  const value = await modelOf(context, input);
  const each = (ids, get) => Object.fromEntries((ids ?? []).map((id) => [id, get(id) ?? null]));
  const bytes = (user) => {
    const profile = value.profile(user);
    return profile && toHex(profile);
  };
  const neighbors = (id) =>
    value.neighbors(id)?.map(({ itemId, weight }) => ({ item_id: String(itemId), weight }));
  return {
    ...summary(value),
    neighbors: each(input.neighbors, neighbors),
    attributes: each(input.attributes, (id) => value.attributes(id)),
    profiles: each(input.profiles, bytes),
  };
}

async function batch(context, { users, options, ...input }) {
  const value = await modelOf(context, input);
  const columns = value.recommend(users, camel(options));
  return {
    user_id: columns.userId.map(String),
    item_id: columns.itemId.map(String),
    score: [...columns.score],
    rank: [...columns.rank],
    source: columns.source,
  };
}

async function evaluate(context, input) {
  const value = await modelOf(context, input);
  return snake(await context.tm.evaluate(value, columns(input.test), measured(input)));
}

async function compare(context, input) {
  const models = [await modelOf(context, input.a), await modelOf(context, input.b)];
  return snake(await context.tm.compare(...models, columns(input.test), measured(input)));
}

function split({ tm }, { events, options }) {
  const { method, ...more } = camel(options);
  const name = method?.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  const found = tm.split(columns(events), { method: name, ...more });
  return snake(Object.fromEntries(Object.entries(found).map(([part, rows]) => [part, [...rows]])));
}

function stats({ tm }, { question, request }) {
  const given = camelDeep(request);
  if (question === 'adjust') return { p_values: tm.stats.adjust(given.pValues, given.method) };
  return snake(tm.stats[Object.keys(camel({ [question]: 0 }))[0]](given));
}

async function summarize({ tm }, { rows, options }) {
  const given = { ...rows };
  for (const name of ['value', 'denominator', 'covariate']) {
    if (given[name] !== undefined) given[name] = given[name].map(number);
  }
  return snake(await tm.stats.summarize(given, options));
}

/** Columns and matrices with numbers that JSON cannot write. */
function columnsOf(given) {
  const numbers = (value) => (Array.isArray(value) ? value.map(numbers) : number(value));
  const ids = ['unit', 'slate'];
  return Object.fromEntries(Object.entries(given).map(([name, list]) => [name, ids.includes(name) ? list : numbers(list)]));
}

async function off_policy({ tm }, { log, policy, b, options }) {
  const [given, settings] = [columnsOf(log), camel(options)];
  return snake(
    b === undefined
      ? await tm.offpolicy.evaluate(given, columnsOf(policy), settings)
      : await tm.offpolicy.compare(given, columnsOf(policy), columnsOf(b), settings),
  );
}

async function slates({ tm }, { log, options }) {
  return snake(await tm.offpolicy.evaluateSlates(columnsOf(log), camel(options)));
}

function decision_log({ tm }, { bytes, options, steps }) {
  const open = (digits) => tm.DecisionLog.fromBytes(fromHex(digits), options);
  const log = bytes === undefined ? new tm.DecisionLog(options) : open(bytes);
  const results = [];
  for (const step of steps) {
    try {
      results.push(logStep(tm, log, ...step));
    } catch (error) {
      if (!(error instanceof tm.TastemakerError)) throw error;
      results.push({ error: error.code });
    }
  }
  const written = toHex(log.toBytes());
  if (toHex(open(written).toBytes()) !== written) throw new Error('the bytes differ');
  return { results, bytes: written };
}

function logStep(tm, log, name, ...args) {
  const lists = (table) => Object.fromEntries(Object.entries(table).map(([name, column]) => [name, Array.from(column)]));
  switch (name) {
    case 'merge': {
      const other = new tm.DecisionLog(args[1]);
      for (const step of args[0]) logStep(tm, other, ...step);
      return log.merge(other);
    }
    case 'record_outcome':
      return log.recordOutcome(...args);
    case 'counts':
      return [log.length, log.outcomeCount];
    case 'table':
      return lists(log.table(...args));
    case 'join': {
      const { columns, counts } = log.join(...args);
      return { columns: lists(columns), counts };
    }
    case 'record':
    case 'pseudonym':
    case 'erase':
    case 'expire':
    case 'decision':
    case 'orphans':
      return log[name](...args);
    default:
      throw new Error(`the step ${name} is not known`);
  }
}

function context_hash({ tm }, { context }) {
  return { hash: tm.contextHash(context) };
}

/** The names of JavaScript at every depth. */
function camelDeep(value) {
  if (Array.isArray(value)) return value.map(camelDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(camel(value)).map(([name, inner]) => [name, camelDeep(inner)]));
}

/** The settings of an evaluation or a comparison. */
function measured({ options, history, segments }) {
  return { ...camel(options), history: history && columns(history), segments: segments && camel(segments) };
}

async function engine(context, { steps, ...input }) {
  const { tm } = context;
  const value = new tm.Engine(await modelOf(context, input));
  const take = {
    record: (user, event) => snake(value.record(user, event.item_id, event.kind, details(event))),
    record_batch: (table, skipInvalid) => value.recordBatch(columns(table), { skipInvalid }),
    merge_profile: (user, bytes) => value.mergeProfile(user, fromHex(bytes)),
    erase: (user) => value.erase(user),
    profile: (user) => toHex(value.profile(user)),
    user_count: () => value.userCount,
    swap: async (other) => {
      value.swap(await modelOf(context, other));
      return null;
    },
    ...questions((question) => (request) => ask(value, question, request)),
  };
  const results = [];
  for (const [name, ...given] of steps) {
    if (!Object.hasOwn(take, name)) throw new Error(`the step ${name} is not known`);
    try {
      results.push(await take[name](...given));
    } catch (error) {
      if (!(error instanceof tm.TastemakerError)) throw error;
      results.push({ error: error.code });
    }
  }
  return { results };
}

function ask(value, question, given) {
  const request = asked(given);
  const method = question.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  const result = snake(value[method](request));
  // Results of a model with integer ids are numbers; the suites have texts.
  for (const item of result.items ?? []) {
    item.item_id = String(item.item_id);
    for (const reason of item.reasons) reason.item_id = String(reason.item_id);
  }
  for (const user of result.users ?? []) user.user_id = String(user.user_id);
  result.ignored = result.ignored.map(String);
  return result;
}

function asked(given) {
  const request = camel(given);
  if (Array.isArray(request?.history)) request.history = request.history.map(camel);
  if (Array.isArray(request?.members)) request.members = request.members.map(asked);
  return request;
}

function summary(value) {
  const { itemCount, userCount, hash, manifest } = value;
  return { item_count: itemCount, user_count: userCount, hash, manifest };
}

async function modelOf(context, { snapshot, train: training, edge, update }) {
  let value =
    training === undefined
      ? context.tm.Model.fromBytes(await bytesOf(context, snapshot))
      : await trained(context, training);
  if (edge !== undefined) value = value.exportEdge(camel(edge));
  return update === undefined ? value : updated(context, value, update);
}

function updated({ tm }, model, { events, catalog, options }) {
  return tm.update(model, columns(events), { ...settingsOf(tm, { catalog }), options: camel(options ?? {}) });
}

/** The changes of a model that holds an index. */
const CHANGES = {
  with_index: async (context, model, source) => model.withIndex(await indexOf(context, source, TOOLS)),
  without_index: (context, model) => model.withoutIndex(),
  with_bandits: ({ tm }, model, list) => tm.withBandits(model, list.map((one) => tm.Bandit.fromJson(one))),
  export_edge: (context, model, options) => model.exportEdge(camel(options)),
  update: (context, model, changes) => updated(context, model, changes),
};

async function both(context, { steps, attributes = [], ask: asked, request, ...source }) {
  const { tm } = context;
  let model = await modelOf(context, source);
  for (const [name, ...given] of steps) model = await CHANGES[name](context, model, ...given);
  const value = tm.Model.fromBytes(model.toBytes());
  const own = value.index;
  if ((model.index === undefined) !== (own === undefined)) throw new Error('the index is not in the bytes');
  if (own !== undefined) {
    const bytes = own.toBytes();
    if (toHex(tm.VectorIndex.fromBytes(value.toBytes()).toBytes()) !== toHex(bytes)) throw new Error('the bytes differ');
    if (tm.VectorIndex.fromBytes(bytes).hash !== own.hash) throw new Error('the hashes differ');
  }
  return {
    item_count: value.itemCount,
    hash: value.hash,
    index: own === undefined ? null : own.hash,
    bandits: tm.banditsOf(value),
    attributes: Object.fromEntries(attributes.map((id) => [id, value.attributes(id)])),
    asked: asked && (await askIndex(context, own, { ask: asked, items: source.items }, TOOLS)),
    answer: request && ask(new tm.Engine(value), 'recommend', request),
  };
}

function trained({ tm }, { events, ...input }) {
  return tm.train(columns(events), settingsOf(tm, input));
}

/** The settings of training and of tuning. */
function settingsOf(tm, { catalog: items, options }) {
  const trainer = options?.trainer;
  const settings = {
    options: { ...camel(options ?? {}), trainer: Array.isArray(trainer) ? trainer.map(camel) : camel(trainer), tune: camel(options?.tune) },
  };
  const catalog = catalogOf(tm, items);
  if (catalog !== undefined) settings.catalog = catalog;
  return settings;
}

function catalogOf(tm, items) {
  if (items === undefined || items === null) return undefined;
  const catalog = new tm.Catalog(items.schema ?? undefined);
  for (const { id, attributes } of items.items) catalog.add(id, attributes);
  return catalog;
}

function columns(table) {
  const result = camel(table);
  for (const name of ['weight', 'timestamp']) {
    if (Array.isArray(result[name])) result[name] = result[name].map(number);
  }
  return result;
}

/** The names of the core on the outside only; what is inside belongs to the user. */
function renamed(object) {
  if (object === null) return null;
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}

const assignmentOf = (given) => given && { ...renamed(given), bandit: renamed(given.bandit) };

/** A bandit from its definition or its bytes, after its steps, and what they gave. */
async function played(context, { definition, bytes, steps }) {
  const { tm } = context;
  const value = bytes === undefined ? tm.Bandit.fromJson(definition) : tm.Bandit.fromBytes(fromHex(bytes));
  const results = [];
  for (const [name, ...args] of steps) {
    try {
      results.push((await BANDIT_STEPS[name]({ ...context, bandit: value }, ...args)) ?? null);
    } catch (error) {
      if (!(error instanceof tm.TastemakerError)) throw error;
      results.push({ error: error.code });
    }
  }
  return { value, results };
}

async function bandit(context, input) {
  return { results: (await played(context, input)).results };
}

/** An answer of a bandit under the core's names; the arms' values stay. */
function banditAnswer({ choices, ...rest }) {
  const choice = ({ value, ...more }) => ({ ...renamed(more), value });
  return { ...renamed(rest), choices: choices.map(choice) };
}

const rowsOfNumbers = (rows) => rows?.map((row) => row.map(number));

const BANDIT_STEPS = {
  choose: ({ bandit }, request) => banditAnswer(bandit.choose(camel(request))),
  propensities: ({ bandit }, request) => banditAnswer(bandit.propensities(camel(request))),
  update_one: ({ bandit }, given) => bandit.updateOne(camel(given)),
  update({ bandit }, { arm, reward, time, context, arm_features: features }, options) {
    const given = { arm, reward: reward.map(number), time, context: rowsOfNumbers(context), armFeatures: rowsOfNumbers(features) };
    return bandit.update(given, options);
  },
  await_rewards: ({ bandit }, factor, arm, count) => bandit.awaitRewards(arm, count, factor ?? undefined),
  async merge(context, other) {
    context.bandit.merge((await played(context, other)).value);
  },
  async in_model(context, source, others) {
    const { tm, bandit } = context;
    const all = [bandit];
    for (const other of others) all.push((await played(context, other)).value);
    const model = tm.Model.fromBytes(tm.withBandits(await modelOf(context, source), all).toBytes());
    return { hash: model.hash, bandits: tm.banditsOf(model), bytes: toHex(tm.banditOf(model, bandit.key).toBytes()) };
  },
  redefine: ({ bandit }, definition) => bandit.redefine(definition),
  report: ({ bandit }, now) => snake(bandit.report(now ?? undefined)),
  bytes: ({ bandit }) => toHex(bandit.toBytes()),
  definition: ({ bandit }) => bandit.definition,
  state_version: ({ bandit }) => bandit.stateVersion,
};

/** The questions to experiments. */
const ASKED = {
  assign: (experiments, key, context) => assignmentOf(experiments.assign(key, camel(context))),
  assign_id: (experiments, key, id) => assignmentOf(experiments.assignId(key, id)),
  assign_all(experiments, context) {
    const found = experiments.assignAll(camel(context));
    return { assignments: found.assignments.map(assignmentOf), sticky_updates: found.stickyUpdates };
  },
  feature(experiments, key, context) {
    const found = experiments.feature(key, camel(context));
    return { ...renamed(found), assignment: assignmentOf(found.assignment) };
  },
  describe: (experiments, key) => renamed(experiments.describe(key)),
  keys: ({ experiments, features }) => ({ experiments, features }),
};

function experiment({ tm }, { payload, format, ask: [name, ...args] }) {
  const form = { growthbook: 'fromGrowthbook', unleash: 'fromUnleash' }[format] ?? 'fromJson';
  return ASKED[name](tm.Experiments[form](payload), ...args);
}

function split_exact({ tm }, { ids, weights, salt }) {
  return { arms: [...tm.splitExact(ids, weights.map(number), salt)] };
}

/** What the operation `index` needs of these. */
const TOOLS = { number, camel, catalogOf, bytesOf, mutated };

/** JSON has no NaN and no infinities: the cases write them as text. */
function number(value) {
  return typeof value === 'string' ? Number(value) : value;
}

function details(event) {
  const result = {};
  if (event.weight !== undefined) result.weight = number(event.weight);
  if (event.timestamp !== undefined) result.timestamp = number(event.timestamp);
  return result;
}

async function bytesOf({ read }, snapshot) {
  return /^(?:[0-9a-f]{2})*$/.test(snapshot) ? fromHex(snapshot) : new Uint8Array(await read(snapshot));
}

function mutated(bytes, mutate) {
  if (mutate === undefined) return bytes;
  if (mutate.truncate !== undefined) return bytes.slice(0, mutate.truncate);
  if (mutate.append !== undefined) return Uint8Array.of(...bytes, ...fromHex(mutate.append));
  const copy = bytes.slice();
  if (mutate.flip !== undefined) copy[mutate.flip[0]] ^= 1 << mutate.flip[1];
  else if (mutate.set !== undefined) copy[mutate.set[0]] = mutate.set[1];
  else throw new Error(`the mutation ${JSON.stringify(mutate)} is not known`);
  return copy;
}

/** What differs; keys that the expectation does not name are not looked at. */
function difference(expected, actual, path, tolerance) {
  const differs = () => `${path} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`;
  if (typeof expected === 'number' && typeof actual === 'number') {
    const { tol = 0, rel = 0 } = tolerance ?? {};
    const most = Math.max(tol, rel * Math.max(Math.abs(actual), Math.abs(expected)));
    const same = tolerance === undefined ? Object.is(expected, actual) : Math.abs(expected - actual) <= most;
    return same ? undefined : differs();
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || expected.length !== actual.length) return differs();
    return first(expected.map((value, i) => difference(value, actual[i], `${path}[${i}]`, tolerance)));
  }
  if (typeof expected === 'object' && expected !== null) {
    if (typeof actual !== 'object' || actual === null) return differs();
    const keys = Object.keys(expected);
    // A catalog's items are compared as a whole.
    if (path === '.items' && Object.keys(actual).length !== keys.length) return differs();
    return first(keys.map((key) => difference(expected[key], actual[key], `${path}.${key}`, tolerance)));
  }
  return expected === actual ? undefined : differs();
}

function first(differences) {
  return differences.find((text) => text !== undefined);
}

/** The names of JavaScript, at the top only: kinds, filters and attributes pass untouched. */
function camel(object) {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return object;
  const name = (key) => key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [name(key), value]));
}

/** The names of the core, at every depth. */
function snake(value) {
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== 'object' || value === null) return value;
  const name = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [name(key), snake(inner)]));
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
