//! Is the new policy better, before anybody sees it? Off-policy evaluation.
//!
//! What goes in are columns: rewards, the probabilities with which the logged actions were taken,
//! and those with which another policy would take them. [`evaluate`] estimates what that policy is
//! worth, [`compare`] the difference of two, [`evaluate_slates`] values lists of items.
//!
//! The module is pure and knows nothing of engines, experiments and decision logs. Sums are exact,
//! or in the order of the rows; nothing is drawn: folds and bootstrap counts are hashes.

mod bootstrap;
mod evaluate;
#[cfg(test)]
mod honesty;
mod model;
mod options;
mod prepare;
mod replicates;
mod report;
mod ridge;
mod rows;
mod slate_sums;
mod slates;
mod terms;
#[cfg(test)]
mod tests;
mod threshold;
mod words;

pub use bootstrap::{Bootstrap, Resampled};
pub use evaluate::{compare, evaluate};
pub use options::{Estimator, Options, RewardModel, ThresholdRule};
pub use report::{
    ComparisonReport, Estimate, Estimated, ModelReport, PolicyComparison, Report, Status, Support,
    Weights,
};
pub use rows::{Log, Matrix, Policy};
pub use slates::{
    SlateEstimate, SlateEstimator, SlateLog, SlateOptions, SlateReport, evaluate_slates,
};
