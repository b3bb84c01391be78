/**
 * The ES module: the same objects as the CommonJS one, so that `instanceof` holds across both.
 *
 * @packageDocumentation
 */
export * from './index.js';
export {
  BatchNeighbors,
  Catalog,
  Engine,
  Experiments,
  ItemSet,
  KnnGraph,
  Model,
  Profile,
  Recommendations,
  TastemakerError,
  VectorIndex,
  compare,
  evaluate,
  matchesCondition,
  readFvecs,
  readSafetensors,
  split,
  stats,
  splitExact,
  train,
  tune,
  update,
} from './index.js';
