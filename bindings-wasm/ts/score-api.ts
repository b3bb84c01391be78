/**
 * What a page that only asks needs of the package: no training, no evaluation, no statistics.
 *
 * @packageDocumentation
 */
export type {
  Answer,
  Reason,
  Recommendation,
  Score,
  Scores,
  SimilarUser,
  SimilarUsers,
  Stage,
} from './answer.js';
export { matchesCondition } from './condition.js';
export type { Condition, ConditionOptions } from './condition.js';
export { Engine } from './engine.js';
export type { BatchRecordOptions, BatchReport, Recorded } from './engine.js';
export { TastemakerError } from './errors.js';
export type { ErrorCode } from './errors.js';
export type { EventRow, Events, EventTable, IdColumn } from './events.js';
export { Experiments } from './experiments.js';
export type {
  Assignment,
  Assignments,
  BanditWeights,
  ExperimentContext,
  ExperimentDescription,
  ExperimentReason,
  FeatureAnswer,
  StickyDoc,
} from './experiments.js';
export type { Id } from './ids.js';
export { Model } from './model.js';
export type { EdgeOptions, Neighbor } from './model.js';
export { Profile } from './profile.js';
export type { EventDetails, ProfileEvent } from './profile.js';
export { Recommendations } from './recommendations.js';
export type { BatchOptions, Row, Source } from './recommendations.js';
export type {
  AnswerOptions,
  GroupMember,
  GroupOptions,
  GroupRequest,
  HistoryEvent,
  RecommendOptions,
  Request,
  ScoreOptions,
  ScoreRequest,
  SimilarRequest,
  SimilarUsersOptions,
  SimilarUsersRequest,
  Strategy,
} from './requests.js';
export { BatchNeighbors, ItemSet, VectorIndex } from './vector-index.js';
export type {
  BatchSearchOptions,
  Example,
  FoundItem,
  Neighbors,
  SearchOptions,
  SearchTarget,
  SearchTrace,
} from './vector-index.js';
export type { Vector, VectorRows } from './vectors.js';
