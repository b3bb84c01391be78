// The operation `index` of the conformance suites: from an index of a case to what one question
// gives. `tools` are the other helpers of the runner.

const indexes = new Map();

/** What one question to an index gives. */
export async function index(context, input, tools) {
  let value = await indexOf(context, input, tools);
  let told = {};
  if (input.edge === true) value = value.exportEdge();
  for (const { ids, vectors, remove, catalog, options } of input.update ?? []) {
    const rows = vectors?.map((row) => row.map(tools.number));
    const changes = { ids, vectors: rows, remove, catalog: tools.catalogOf(context.tm, catalog), ...options };
    ({ index: value, ...told } = await value.update(changes));
  }
  return { ...told, ...(await askIndex(context, value, input, tools)) };
}

export async function askIndex(context, value, input, tools) {
  const [name, ...given] = input.ask;
  if (!Object.hasOwn(QUESTIONS, name)) throw new Error(`the question ${name} is not known`);
  const items = await itemsOf(context, value, input.items, tools);
  return QUESTIONS[name](value, given, { ...tools, items });
}

export async function indexOf(context, { index: source, snapshot, mutate }, { number, camel, catalogOf, bytesOf, mutated }) {
  const { tm, suite } = context;
  if (snapshot !== undefined) return tm.VectorIndex.fromBytes(mutated(await bytesOf(context, snapshot), mutate));
  const given = typeof source === 'string' ? suite.indexes[source] : source;
  const key = JSON.stringify(given);
  let value = indexes.get(key);
  if (value === undefined) {
    const { threads, ...options } = given.options ?? {};
    const { ids, vectors } = given.made ? madeOf(given.made) : { ids: given.ids, vectors: given.vectors.map((row) => row.map(number)) };
    value = await tm.VectorIndex.build(ids, vectors, {
      catalog: catalogOf(tm, given.catalog),
      // The suites say the type of ids where it matters.
      options: { itemIdType: 'string', ...camel(options) },
      threads,
    });
    indexes.set(key, value);
  }
  return value;
}

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

async function itemsOf(context, value, items, { bytesOf }) {
  if (items === undefined) return undefined;
  if (items.ids !== undefined) return value.itemsOf(items.ids);
  const model = items.model && context.tm.Model.fromBytes(await bytesOf(context, items.model));
  return value.matching(items.matching, model);
}

const QUESTIONS = {
  describe: (value) => ({
    items: value.length,
    rows: value.vectorCount,
    dimension: value.dimension,
    metric: value.manifest.options.metric,
    kind: value.kind,
    storage: value.manifest.options.storage,
    item_ids: value.itemIds().map(String),
    hash: value.hash,
  }),
  vectors: (value, [id]) => ({ vectors: value.vectors(id)?.map((row) => [...row]) ?? null }),
  attributes: (value, [id]) => ({ attributes: value.attributes(id) ?? null }),
  matching: (value, [condition]) => ({ item_ids: value.matching(condition).itemIds().map(String) }),
  search(value, [target, options], { camel, number, items }) {
    const found = value.search(targetOf(camel(target), number), { ...camel(options), items });
    const rows = [...found];
    return {
      item_id: rows.map(({ itemId }) => String(itemId)),
      score: rows.map(({ score }) => score),
      rank: rows.map(({ rank }) => rank),
      vector: rows.map(({ vector }) => vector),
      trace: found.trace,
    };
  },
  async search_batch(value, [rows, options], { camel, number }) {
    const found = await value.searchBatch(rows.map((row) => row.map(number)), camel(options));
    const lists = Array.from({ length: found.queries }, (_, query) => found.of(query).rows());
    const all = lists.flatMap((list, query) => list.map((row) => ({ query, ...row })));
    return {
      query: all.map(({ query }) => query),
      item_id: all.map(({ itemId }) => String(itemId)),
      score: all.map(({ score }) => score),
      rank: all.map(({ rank }) => rank),
      vector: all.map(({ vector }) => vector),
    };
  },
  async knn_graph(value, [options], { camel }) {
    const { offsets, neighborId, score } = await value.knnGraph(camel(options));
    const counts = value.itemIds().map((id, at) => [id, offsets[at + 1] - offsets[at]]);
    return {
      item_id: counts.flatMap(([id, count]) => Array(count).fill(String(id))),
      neighbor_id: neighborId.map(String),
      score: [...score],
      rank: counts.flatMap(([, count]) => Array.from({ length: count }, (_, at) => at + 1)),
    };
  },
  async duplicates(value, [options], { camel }) {
    return { groups: (await value.duplicates(camel(options))).map((group) => group.map(String)) };
  },
  async cluster(value, [options]) {
    const { assignment, sizes, centroids, cohesion, iterations, converged } = await value.cluster(options);
    const width = value.dimension;
    return {
      assignment: [...assignment],
      sizes: [...sizes],
      centroids: Array.from(sizes, (_, at) => [...centroids.subarray(at * width, (at + 1) * width)]),
      cohesion,
      iterations,
      converged,
    };
  },
};

/** A target whose vectors are numbers. */
function targetOf(target, number) {
  const example = (given) => (Array.isArray(given) ? given.map(number) : given);
  const result = { ...target };
  for (const name of ['vector', 'target']) if (name in target) result[name] = example(target[name]);
  for (const name of ['positive', 'negative']) if (name in target) result[name] = target[name].map(example);
  if ('context' in target) result.context = target.context.map((pair) => pair.map(example));
  return result;
}
