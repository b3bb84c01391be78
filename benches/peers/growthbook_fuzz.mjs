/**
 * Asks GrowthBook's JavaScript SDK and this library the same random questions, and stops at the
 * first answer that differs:
 * growthbook_fuzz.mjs OUR_MODULE FOLDER_WITH_NODE_MODULES [SEED] [ROUNDS]
 *
 *     node benches/peers/growthbook_fuzz.mjs bindings-node/dist/index.js .cache/npm-peers
 *
 * A round is a payload of one experiment and three features, a user, perhaps sticky documents;
 * compared are one assignment, three features and the sticky documents to be stored.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

process.env.NODE_ENV = 'production';
const [module, folder, first = '1', rounds = '20000'] = process.argv.slice(2);
const { Experiments } = await import(pathToFileURL(resolve(module)));
const require = createRequire(pathToFileURL(join(resolve(folder), 'package.json')));
const { GrowthBookClient } = require('@growthbook/growthbook');

let state = Number(first);
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
const pick = (list) => list[Math.floor(random() * list.length)];
const maybe = (share, make) => (random() < share ? make() : undefined);
const list = (length, make) => Array.from({ length }, (_, i) => make(i));
/** Without what is undefined, as JSON has it. */
const plain = (value) => JSON.parse(JSON.stringify(value));

const rounded = (places) => Math.round(random() * places) / places;
const share = () => pick([0, 1, 0.5, 0.1, 0.25, 0.333, 0.57, 0.29, 0.0001, random(), rounded(1e3), rounded(1e4)]);
const text = () => pick(['a', 'user-1', 'é', '😀x', '', '123', 'größe', `key${Math.floor(random() * 1000)}`]);
const value = () => pick([text(), text(), text(), Math.floor(random() * 1000), random() * 10, true, false, null, 0, undefined, ['a', 1], 1e21, 1e-7]);
const range = () => pick([[0, 0.5], [0.5, 1], [share(), share()], [0, 1], [0, share()]]);
const condition = () => pick([{}, { country: 'NZ' }, { country: { $in: ['NZ', 'AU'] } }, { id: { $exists: true } }, { n: { $gt: 3 } }, { id: { $inGroup: 'g' } }, { $not: { country: 'DE' } }]);
const filters = () => list(pick([1, 2]), () => ({ seed: text(), ranges: [range(), range()], attribute: maybe(0.3, () => 'device'), hashVersion: maybe(0.3, () => pick([1, 2, 3])) }));
const parents = () => list(pick([1, 2]), () => ({ id: pick(['f0', 'f1', 'f2', 'nope']), condition: pick([{ value: true }, { value: { $exists: true } }, { value: 1 }, {}]), gate: maybe(0.4, () => true) }));
const variations = () => list(pick([1, 2, 2, 2, 3, 4]), (i) => pick([i, `s${i}`, { a: i }, null, false]));

/** What experiments and rules have in common. */
function split(n) {
  return {
    weights: maybe(0.4, () => pick([list(n, () => 1 / n), list(n, share), [0.4, 0.6], [0.2, 0.3, 0.5], [0.4, 0.5999]])),
    coverage: maybe(0.4, () => pick([share(), 1, -0.2, 1.5])),
    ranges: maybe(0.2, () => list(n, range)),
    hashVersion: maybe(0.5, () => pick([1, 2, 2, 3, 0])),
    seed: maybe(0.3, text),
    hashAttribute: maybe(0.3, () => pick(['id', 'device', 'company'])),
    fallbackAttribute: maybe(0.3, () => pick(['device', 'anon'])),
    namespace: maybe(0.2, () => [text(), share(), share()]),
    filters: maybe(0.15, filters),
    condition: maybe(0.3, condition),
    meta: maybe(0.5, () => list(n, (i) => ({ key: maybe(0.8, () => `v${i}`), name: maybe(0.3, () => `N${i}`), passthrough: maybe(0.1, () => true) }))),
    bucketVersion: maybe(0.2, () => pick([0, 1, 3])),
    minBucketVersion: maybe(0.2, () => pick([0, 1, 2])),
    disableStickyBucketing: maybe(0.1, () => true),
  };
}

function experiment() {
  const given = variations();
  return { key: pick(['e1', 'e2', '']), variations: given, ...split(given.length), force: maybe(0.1, () => pick([0, 1, 5, -1])), active: maybe(0.1, () => pick([true, false])), status: maybe(0.1, () => pick(['draft', 'running', 'stopped'])), parentConditions: maybe(0.15, parents) };
}

function rule() {
  const given = variations();
  const kinds = [
    () => ({ force: pick([1, true, false, 'x', null]), coverage: maybe(0.4, share), range: maybe(0.2, range), condition: maybe(0.3, condition), hashVersion: maybe(0.3, () => pick([1, 2, 9])), seed: maybe(0.3, text), hashAttribute: maybe(0.2, () => 'device'), filters: maybe(0.1, filters) }),
    () => ({ variations: given, key: maybe(0.6, () => pick(['e1', 'e2'])), ...split(given.length), contextualVariations: maybe(0.1, () => given), contextualBanditRef: maybe(0.2, () => pick(['cb', 'none'])) }),
    () => ({}),
  ];
  return { id: maybe(0.3, text), ...pick(kinds)(), parentConditions: maybe(0.15, parents) };
}

/** The fields that both sides have. */
function common(result) {
  const { key, featureId, inExperiment, hashUsed, variationId, hashAttribute, stickyBucketUsed } = result;
  const hashValue = result.hashValue === '' ? null : result.hashValue;
  const bandit = result.bandit ?? (result.leafId === undefined ? null : result);
  return plain({
    key, featureId, inExperiment, hashUsed, variationId, hashAttribute, stickyBucketUsed, hashValue,
    value: result.value, name: result.name ?? null, bucket: result.bucket ?? null, passthrough: result.passthrough ?? false,
    bandit: bandit && [bandit.leafId, bandit.variationWeights, bandit.banditVersion ?? null],
  });
}

/** The last document of each value. */
function documents(docs) {
  const last = new Map(docs.map((doc) => [`${doc.attributeName}||${doc.attributeValue}`, doc.assignments]));
  return Object.fromEntries([...last].sort());
}

function kept(attributes) {
  const docs = {};
  for (const name of ['id', 'device', 'anon']) {
    const given = attributes[name];
    if (!given || random() < 0.4) continue;
    const attributeValue = typeof given === 'string' ? given : JSON.stringify(given);
    const assignments = { [`e1__${pick([0, 1, 2, 3])}`]: maybe(0.7, () => pick(['v0', 'v1', 'zz', '0'])), e2__0: maybe(0.4, () => 'v0') };
    docs[`${name}||${attributeValue}`] = plain({ attributeName: name, attributeValue, assignments });
  }
  return docs;
}

let inside = 0;
for (let round = 0; round < Number(rounds); round++) {
  const features = Object.fromEntries(list(3, (i) => [`f${i}`, { defaultValue: pick([true, false, 1, null, undefined, 'x']), rules: maybe(0.8, () => list(pick([1, 2, 3]), rule)) }]));
  const contextualBandits = { cb: { banditVersion: maybe(0.5, () => 7), contexts: maybe(0.8, () => list(2, (i) => ({ leafId: i, condition: condition(), weights: [share(), share()] }))) } };
  const payload = plain({ experiments: [experiment()], features, contextualBandits, savedGroups: { g: ['a', 'user-1', 5] } });
  const attributes = plain({ id: value(), device: value(), company: value(), anon: value(), country: pick(['NZ', 'DE']), n: Math.floor(random() * 6) });
  const docs = maybe(0.5, () => kept(attributes));
  const shared = plain({ attributes, url: maybe(0.1, () => `http://x.y/?e1=${pick(['0', '1', '9', 'x', '1abc', '-1'])}&e2=0`), enabled: maybe(0.05, () => false), qaMode: maybe(0.05, () => true) });
  const forced = maybe(0.1, () => ({ [pick(['e1', 'e2'])]: pick([0, 1, 7, -1]) }));
  const ask = (question) => {
    const saved = [];
    const user = { ...shared, forcedVariations: forced };
    if (docs) {
      user.stickyBucketAssignmentDocs = plain(docs);
      user.saveStickyBucketAssignmentDoc = (doc) => void saved.push(plain(doc));
    }
    return [question(user), documents(saved)];
  };
  const client = new GrowthBookClient({});
  client.initSync({ payload });
  const ours = Experiments.fromGrowthbook(payload);
  const context = { ...shared, forced, sticky: docs && Object.values(docs) };
  try {
    const [given] = payload.experiments;
    const [theirs, saved] = ask((user) => client.runInlineExperiment(given, user));
    const own = ours.assign(given.key, context);
    inside += own.inExperiment;
    assert.deepEqual(common(own), common(theirs));
    assert.deepEqual(documents(own.stickyUpdates), saved);
    for (const key of Object.keys(payload.features)) {
      const [theirs, saved] = ask((user) => client.evalFeature(key, user));
      const own = ours.feature(key, context);
      const head = ({ value, on, source, ruleId }) => plain({ value, on, source, ruleId });
      assert.deepEqual(head(own), head(theirs));
      assert.deepEqual(own.assignment && common(own.assignment), theirs.experimentResult ? common(theirs.experimentResult) : null);
      assert.deepEqual(documents(own.stickyUpdates), saved);
    }
  } catch (error) {
    console.log(`round ${round}: ${error.message}\n${JSON.stringify(payload)}\n${JSON.stringify(context)}`);
    process.exit(1);
  }
}
console.log(`${rounds} rounds agree; ${inside} users were in the experiment`);
