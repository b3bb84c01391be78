/**
 * What a page that only asks needs of the package: no training, no evaluation, no statistics.
 *
 * @packageDocumentation
 */
export type * from './api.js';
export { matchesCondition } from './condition.js';
export { Engine } from './engine.js';
export { TastemakerError } from './errors.js';
export { Experiments } from './experiments.js';
export { Model } from './model.js';
export { Profile } from './profile.js';
export { Recommendations } from './recommendations.js';
export { BatchNeighbors, ItemSet, VectorIndex } from './vector-index.js';
