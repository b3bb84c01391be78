/**
 * tastemaker: a personalization engine that you embed.
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
export { Bandit, banditOf, banditsOf, withBandits } from './bandit.js';
export type {
  BanditAnswer,
  BanditArm,
  BanditChoice,
  BanditReport,
  BanditRequest,
  BanditUpdate,
  FeatureRows,
  Features,
  Reward,
  Rewards,
} from './bandit.js';
export { Catalog } from './catalog.js';
export type {
  Attributes,
  AttributeType,
  AttributeValue,
  Place,
  Schema,
  StoredAttributes,
} from './catalog.js';
export { matchesCondition } from './condition.js';
export type { Condition, ConditionOptions } from './condition.js';
export type { Control, Progress } from './control.js';
export { Engine } from './engine.js';
export type { BatchRecordOptions, BatchReport, Recorded } from './engine.js';
export { TastemakerError } from './errors.js';
export type { ErrorCode } from './errors.js';
export { compare, evaluate, split } from './evaluate.js';
export type {
  Bootstrap,
  CompareSettings,
  Comparison,
  Difference,
  Differences,
  EvaluateSettings,
  Evaluation,
  GroupMetrics,
  MeasureSettings,
  MetricColumns,
  Metrics,
  PerUser,
  Segments,
  Split,
  SplitOptions,
  UserGroup,
  UserMetrics,
} from './evaluate.js';
export type { EventRow, Events, EventTable, IdColumn } from './events.js';
export { Experiments, splitExact } from './experiments.js';
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
export { DecisionLog, contextHash } from './log.js';
export type {
  Decision,
  JoinCounts,
  JoinOptions,
  LogColumn,
  LogOptions,
  LogTable,
  Merged,
  Outcome,
  Removed,
  ShownItem,
  StoredDecision,
  StoredOutcome,
} from './log.js';
export { Model } from './model.js';
export type { EdgeOptions, Neighbor } from './model.js';
export { offpolicy } from './offpolicy.js';
export type {
  Estimated,
  Estimator,
  Gain,
  NumberColumn,
  NumberMatrix,
  OffPolicyReport,
  OffPolicySettings,
  PolicyComparison,
  PolicyEstimate,
  PolicyLog,
  SlateColumns,
  SlateEstimator,
  SlateReport,
  SlateSettings,
  TargetPolicy,
} from './offpolicy.js';
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
export { stats } from './stats.js';
export type {
  Alternative,
  AnalysisReport,
  AnalyzeRequest,
  Arm,
  ArmComparison,
  ArmGroup,
  ArmReport,
  Correction,
  ExperimentRows,
  ExperimentSummary,
  Heterogeneity,
  Metric,
  Plan,
  PlanRequest,
  SampleRatio,
  SummarizeSettings,
} from './stats.js';
export { train, tune, update } from './train.js';
export type {
  CooccurrenceTrainer,
  IalsTrainer,
  KindRule,
  RidgeTrainer,
  SequenceTrainer,
  SpectralTrainer,
  Trainer,
  TrainerName,
  TrainOptions,
  TrainSettings,
  Trial,
  TuneOptions,
  TuneSettings,
  Tuning,
  TuningReport,
  UpdateOptions,
  UpdateSettings,
} from './train.js';
export { BatchNeighbors, ItemSet, KnnGraph, VectorIndex } from './vector-index.js';
export type {
  BatchSearchOptions,
  Clusters,
  ClusterSettings,
  DuplicateSettings,
  Example,
  FoundItem,
  IndexChanges,
  IndexOptions,
  IndexSettings,
  Neighbors,
  SearchOptions,
  SearchTarget,
  SearchTrace,
  UpdatedIndex,
} from './vector-index.js';
export { readFvecs, readSafetensors } from './vectors.js';
export type { FlatRows, Vector, VectorRows } from './vectors.js';
