//! How good a model is on events that it has not seen.
//!
//! For every user of the test set the model recommends from the user's history, with the history
//! left out, and the metrics compare the first `k` places with the test items. Beside the model
//! stands plain popularity, on the same users. Every metric is a mean over users with a bootstrap
//! interval, for all users, by segment and by length of history; [`compare`] measures two models
//! on the same users.
//!
//! Everything is deterministic: the same model, test set, options and seed give the same bits at
//! any number of threads. What costs: one ranking a user and system, then for the intervals
//! `resamples` sums over all users.

mod auc;
mod chance;
mod compare;
mod items;
mod judge;
pub(crate) mod metrics;
mod options;
mod report;
mod split;
mod truth;

pub use compare::{Comparison, Difference, compare};
pub use metrics::Metrics;
pub use options::{CompareOptions, EvaluateOptions, TestSet};
pub use report::{Bootstrap, Columns, Cutoff, Evaluation, Group, PerUser, Summary};
pub use split::{Split, SplitMethod, SplitOptions, split};

use crate::control::Control;
use crate::error::Result;
use crate::model::Model;
use crate::parallel::Workers;
use chance::{Table, intervals};
use judge::{Judge, means};
use metrics::Layout;
use truth::Truth;

/// Measures a model on test pairs of user and item, and popularity beside it.
///
/// A pair twice counts once. Test items that are in the user's history cannot be recommended and
/// count as misses; [`split`] makes test sets without them. Test items that the model does
/// not have are misses, too. Stages of progress: `model`, `popularity`, `intervals`.
///
/// Cost: a ranking a user and system (some microseconds a thread), and for the intervals
/// `resamples` × users × metrics multiplications. Memory: some 150 bytes a user and cut-off.
///
/// # Errors
/// [`ErrorKind::LengthMismatch`](crate::ErrorKind::LengthMismatch),
/// [`ErrorKind::InvalidId`](crate::ErrorKind::InvalidId);
/// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for options out of range, an
/// attribute that the catalog does not have, a user in two segments, or a model without histories
/// where none are given; for events of a given history what
/// [`Event::check`](crate::event::Event::check) says;
/// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled).
///
/// ```
/// use tastemaker::event::{EventColumns, IdColumn};
/// use tastemaker::evaluate::{EvaluateOptions, TestSet, evaluate};
/// use tastemaker::{control::Control, json::json, train::{TrainOptions, train}};
/// let events = EventColumns::new(
///     IdColumn::Text(&["ann", "ann", "bob", "bob", "eve"]),
///     IdColumn::Text(&["mill", "barn", "mill", "barn", "mill"]),
/// );
/// let model = train(&events, None, &TrainOptions::default(), &Control::new())?;
/// let test = TestSet::new(IdColumn::Text(&["eve"]), IdColumn::Text(&["barn"]));
/// let options = EvaluateOptions::from_json(&json!({"k": [1, 2]}))?;
/// let evaluation = evaluate(&model, &test, &options, &Control::new())?;
/// assert_eq!(evaluation.model().value.recall, 1.0);
/// assert_eq!(evaluation.cutoffs.len(), 2);
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn evaluate(
    model: &Model,
    test: &TestSet<'_>,
    options: &EvaluateOptions,
    control: &Control<'_>,
) -> Result<Evaluation> {
    options.validate()?;
    let truth = Truth::new(test)?;
    let layout = Layout::new(&options.k, !options.diversity.is_empty(), options.auc);
    let judge = Judge {
        layout: &layout,
        exclude_seen: options.exclude_seen,
        diversity: &options.diversity,
        threads: options.threads,
        control,
    };
    let by_model = judge.judge("model", model, &truth, false)?;
    let by_popularity = judge.judge("popularity", model, &truth, true)?;
    let both = beside(&by_model.values, &by_popularity.values, layout.width());
    let whole = Summaries {
        layout: &layout,
        options,
        workers: Workers {
            threads: options.threads,
            control,
        },
    };
    let cutoffs = whole.of(
        "intervals",
        &both,
        &by_model.metrics(&layout),
        &by_popularity.metrics(&layout),
    )?;
    let quiet = control.quiet();
    let parts = Summaries {
        workers: Workers {
            threads: options.threads,
            control: &quiet,
        },
        ..whole
    };
    let segments = parts.groups(&both, &truth.segments, |user| {
        truth.segment.get(user).copied().flatten()
    })?;
    let labels = bucket_labels(&options.history_buckets);
    let history_lengths = parts.groups(&both, &labels, |user| {
        let length = by_model.history.get(user).copied().unwrap_or(0) as usize;
        let bucket = options
            .history_buckets
            .partition_point(|&low| low <= length);
        bucket.checked_sub(1).map(|bucket| bucket as u32)
    })?;
    Ok(Evaluation {
        k: options.k.first().copied().unwrap_or(0),
        users: truth.users(),
        cold_users: by_model.cold_users(),
        unknown_items: by_model.unknown_items,
        bootstrap: (options.resamples > 0).then_some(Bootstrap {
            resamples: options.resamples,
            confidence: options.confidence,
            seed: options.seed,
        }),
        cutoffs,
        segments,
        history_lengths,
        per_user: options
            .per_user
            .then(|| PerUser::new(&truth, &layout, by_model, &by_popularity)),
    })
}

/// Two tables of rows of one width as one table of rows of twice the width.
fn beside(left: &[f64], right: &[f64], width: usize) -> Vec<f64> {
    let rows = left.chunks_exact(width).zip(right.chunks_exact(width));
    let mut both = Vec::with_capacity(left.len() + right.len());
    for (left, right) in rows {
        both.extend_from_slice(left);
        both.extend_from_slice(right);
    }
    both
}

/// `0`, `1-4`, …, `50+`.
fn bucket_labels(bounds: &[usize]) -> Vec<String> {
    let next = bounds.iter().skip(1).map(Some).chain([None]);
    let label = |(low, next): (&usize, Option<&usize>)| match next {
        Some(next) if next - 1 == *low => low.to_string(),
        Some(next) => format!("{low}-{}", next - 1),
        None => format!("{low}+"),
    };
    bounds.iter().zip(next).map(label).collect()
}

/// How tables of values become means with intervals.
#[derive(Clone, Copy)]
struct Summaries<'a> {
    layout: &'a Layout,
    options: &'a EvaluateOptions,
    workers: Workers<'a>,
}

impl Summaries<'_> {
    /// One entry a cut-off, from the metrics and the values that they are means of.
    fn of(
        &self,
        stage: &str,
        both: &[f64],
        model: &[Metrics],
        popularity: &[Metrics],
    ) -> Result<Vec<Cutoff>> {
        let width = self.layout.width();
        let table = Table {
            values: both,
            width: 2 * width,
        };
        let bounds = if self.options.resamples > 0 {
            let o = self.options;
            Some(intervals(
                &self.workers,
                stage,
                table,
                o.seed,
                o.resamples,
                o.confidence,
            )?)
        } else {
            None
        };
        let summary = |at: usize, system: usize, value: Metrics| {
            let bound = |pick: fn(&(f64, f64)) -> f64| {
                let all = bounds.as_ref()?.get(system * width..(system + 1) * width)?;
                let row: Vec<f64> = all.iter().map(pick).collect();
                Some(self.layout.metrics(&row, at))
            };
            Summary {
                value,
                low: bound(|b| b.0),
                high: bound(|b| b.1),
            }
        };
        let entries = self.layout.ks.iter().zip(model).zip(popularity).enumerate();
        let cutoffs = entries.map(|(at, ((&k, &model), &popularity))| Cutoff {
            k,
            model: summary(at, 0, model),
            popularity: summary(at, 1, popularity),
        });
        Ok(cutoffs.collect())
    }

    /// The groups that have users, in the order of `labels`.
    fn groups(
        &self,
        both: &[f64],
        labels: &[String],
        of: impl Fn(usize) -> Option<u32>,
    ) -> Result<Vec<Group>> {
        let width = self.layout.width();
        let mut members: Vec<Vec<f64>> = vec![Vec::new(); labels.len()];
        for (user, row) in both.chunks_exact(2 * width).enumerate() {
            let group = of(user).and_then(|group| members.get_mut(group as usize));
            if let Some(rows) = group {
                rows.extend_from_slice(row);
            }
        }
        let mut groups = Vec::new();
        for (label, rows) in labels.iter().zip(members) {
            if rows.is_empty() {
                continue;
            }
            let means = means(&rows, 2 * width);
            let of = |system: usize| -> Vec<Metrics> {
                let row = means.get(system * width..).unwrap_or(&[]);
                let row = row.get(..width).unwrap_or(row);
                (0..self.layout.ks.len())
                    .map(|at| self.layout.metrics(row, at))
                    .collect()
            };
            groups.push(Group {
                label: label.clone(),
                users: rows.len() / (2 * width),
                cutoffs: self.of("intervals", &rows, &of(0), &of(1))?,
            });
        }
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::bucket_labels;

    #[test]
    fn buckets_by_name() {
        assert_eq!(
            bucket_labels(&[0, 1, 5, 50]),
            ["0", "1-4", "5-49", "50+"].map(str::to_owned)
        );
        assert_eq!(bucket_labels(&[3]), ["3+"]);
        assert!(bucket_labels(&[]).is_empty());
    }
}
