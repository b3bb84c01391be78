/**
 * The ES module: the same objects as the CommonJS one, so that `instanceof` holds across both.
 *
 * @packageDocumentation
 */
export * from './index.js';
export {
  Bandit,
  BatchNeighbors,
  Catalog,
  DecisionLog,
  Engine,
  Experiments,
  ItemSet,
  KnnGraph,
  Model,
  Profile,
  Recommendations,
  TastemakerError,
  banditOf,
  banditsOf,
  VectorIndex,
  compare,
  contextHash,
  evaluate,
  matchesCondition,
  offpolicy,
  readFvecs,
  readSafetensors,
  split,
  stats,
  splitExact,
  train,
  tune,
  update,
  withBandits,
} from './index.js';
