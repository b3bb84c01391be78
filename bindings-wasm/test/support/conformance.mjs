// The generic conformance runner: it walks core/conformance/manifest.json, in Node and in a page.
//
// `tm` is the package; `read(name)` gives the bytes of a file of core/conformance. An operation
// that is not known, or a count that is not the manifest's, is a failure.

const OPERATIONS = { condition, recommend, profile, open, catalog, train };

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
  return difference(expect, actual, '', undefined);
}

function condition({ tm, suite }, input) {
  const lenient = input.lenient ?? suite.lenient ?? false;
  const { condition, attributes, groups } = input;
  return { result: tm.matchesCondition(condition, attributes, groups, { lenient }) };
}

async function recommend(context, input) {
  const { tm } = context;
  const model = await modelOf(context, input);
  const engine = new tm.Engine(model);
  for (const event of input.record ?? []) {
    engine.record(event.user_id, event.item_id, event.kind, details(event));
  }
  const request = camel(input.request);
  if (Array.isArray(request.history)) request.history = request.history.map(camel);
  return textIds(snake(engine.recommend(request)));
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

function profile({ tm }, input) {
  const build = (events) => {
    const value = new tm.Profile();
    for (const event of events) value.record(event.item_id, event.kind, details(event));
    return value;
  };
  const value = input.bytes === undefined ? build(input.events ?? []) : tm.Profile.fromBytes(fromHex(input.bytes));
  for (const other of input.merge ?? []) value.merge(build(other));
  return { events: snake(value.events), bytes: toHex(value.toBytes()) };
}

async function open(context, input) {
  const { tm } = context;
  const bytes = mutated(await snapshotBytes(context, input.snapshot), input.mutate);
  const model = tm.Model.fromBytes(bytes);
  return { item_count: model.itemCount, user_count: model.userCount, hash: model.hash };
}

function catalog({ tm }, input) {
  const value = new tm.Catalog(input.schema);
  for (const [name, id, attributes] of input.ops ?? []) value[name](id, attributes);
  return { items: Object.fromEntries(value.ids().map((id) => [id, value.get(id)])), schema: value.schema };
}

async function train(context, input) {
  const model = await trained(context, input);
  return { hash: model.hash, manifest: model.manifest, item_count: model.itemCount };
}

async function modelOf(context, input) {
  if (input.train !== undefined) return trained(context, input.train);
  return context.tm.Model.fromBytes(await snapshotBytes(context, input.snapshot));
}

function trained({ tm }, { events, catalog: items, options }) {
  const settings = { options: camel(options ?? {}) };
  if (items !== undefined && items !== null) {
    settings.catalog = new tm.Catalog(items.schema);
    for (const { id, attributes } of items.items) settings.catalog.add(id, attributes);
  }
  const columns = camel(events.columns ?? events);
  for (const name of ['weight', 'timestamp']) {
    if (columns[name]) columns[name] = columns[name].map((value) => number(value));
  }
  return tm.train(columns, settings);
}

/** JSON has no NaN and no infinities: the cases write them as null or as text. */
function number(value) {
  if (value === null) return NaN;
  return typeof value === 'string' ? Number(value) : value;
}

function details(event) {
  const result = {};
  if (event.weight !== undefined) result.weight = number(event.weight);
  if (event.timestamp !== undefined) result.timestamp = number(event.timestamp);
  return result;
}

async function snapshotBytes({ read }, snapshot) {
  return /^(?:[0-9a-f]{2})*$/.test(snapshot) ? fromHex(snapshot) : new Uint8Array(await read(snapshot));
}

function mutated(bytes, mutate) {
  if (mutate === undefined) return bytes;
  if (mutate.truncate !== undefined) return bytes.slice(0, mutate.truncate);
  const copy = bytes.slice();
  const at = ([position]) => (position < 0 ? copy.length + position : position);
  if (mutate.flip !== undefined) copy[at(mutate.flip)] ^= 1 << mutate.flip[1];
  else if (mutate.set !== undefined) copy[at(mutate.set)] = mutate.set[1];
  else throw new Error(`the mutation ${JSON.stringify(mutate)} is not known`);
  return copy;
}

/** What differs; keys that the expectation does not name are not looked at. */
function difference(expected, actual, path, tolerance) {
  if (typeof expected === 'number' && typeof actual === 'number') {
    const same = tolerance === undefined ? Object.is(expected + 0, actual + 0) : Math.abs(expected - actual) <= tolerance;
    return same ? undefined : `${path} is ${actual}, not ${expected}`;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return `${path} is ${JSON.stringify(actual)}, not a list`;
    if (expected.length !== actual.length) {
      return `${path} has ${actual.length} entries, not ${expected.length}: ${JSON.stringify(actual)}`;
    }
    return first(expected.map((value, i) => difference(value, actual[i], `${path}[${i}]`, tolerance)));
  }
  if (typeof expected === 'object' && expected !== null) {
    if (typeof actual !== 'object' || actual === null) {
      return `${path} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`;
    }
    const { close, ...exact } = expected;
    const keys = Object.keys(exact);
    if (path.endsWith('.items') && Object.keys(actual).length !== keys.length) {
      return `${path} has ${Object.keys(actual)}, not ${keys}`;
    }
    const differences = keys.map((key) => difference(exact[key], actual[key], `${path}.${key}`, tolerance));
    if (close !== undefined) {
      const { tol, ...rest } = close;
      differences.push(difference(rest, actual, `${path} (close)`, tol));
    }
    return first(differences);
  }
  return expected === actual ? undefined : `${path} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`;
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
