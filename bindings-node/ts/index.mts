/**
 * The ES module: the same objects as the CommonJS one, so that `instanceof` holds across both.
 *
 * @packageDocumentation
 */
export * from './index.js';
export {
  Bandit,
  Catalog,
  Engine,
  Experiments,
  Model,
  Profile,
  Recommendations,
  TastemakerError,
  banditOf,
  banditsOf,
  compare,
  evaluate,
  matchesCondition,
  split,
  stats,
  splitExact,
  train,
  tune,
  update,
  withBandits,
} from './index.js';
