//! Predicted rewards where the caller has none: q̂ of the logged action and its mean over the
//! actions of a policy.
//!
//! Rows are dealt to folds by a hash of their unit, and a row's reward is predicted by a model that
//! has not seen its fold: otherwise a doubly robust estimate would correct a model by the rewards
//! that it has learnt by heart (Chernozhukov et al. 2018). Sums are taken in the order of the rows.

use std::borrow::Cow;

use super::options::{Options, RewardModel};
use super::ridge::Ridge;
use super::rows::{Checked, CheckedPolicy, Grid, Places, invalid};
use crate::error::{Error, ErrorKind, Result};

/// Cells times actions times folds at most.
const TABLE: usize = 1 << 26;

/// What `shrinkage` is chosen from.
const SHRINKAGES: [f64; 5] = [1.0, 10.0, 100.0, 1000.0, 10_000.0];

/// What is predicted for each row of a log.
pub(crate) struct Predicted<'a> {
    /// q̂ of the logged action.
    pub(crate) logged: Cow<'a, [f64]>,
    /// The mean of q̂ over the policy's actions.
    pub(crate) mean: Cow<'a, [f64]>,
}

/// What a row counts in a fit.
pub(crate) type Weights<'a> = Option<&'a [f64]>;

#[inline]
pub(crate) fn weight(weights: Weights<'_>, row: usize) -> f64 {
    weights.map_or(1.0, |weights| weights.get(row).copied().unwrap_or(0.0))
}

/// The fold of a unit.
#[inline]
pub(crate) fn fold(unit: u64, folds: u32) -> usize {
    let mut z = unit.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) % u64::from(folds.max(1))) as usize
}

/// The fold of each row.
fn folds(log: &Checked<'_>, count: u32) -> Vec<u8> {
    let of = |row: usize| {
        let unit = log.units.as_ref();
        let unit = unit.and_then(|(units, _)| units.get(row)).copied();
        fold(unit.map_or(row as u64, u64::from), count) as u8
    };
    (0..log.rows()).map(of).collect()
}

/// Whether rewards can be predicted at all: given, or from the actions of the policy.
pub(crate) fn possible(log: &Checked<'_>, policy: &CheckedPolicy<'_>) -> bool {
    let policy_known = policy.actions.is_some();
    log.log.predicted.is_some() || policy_known
}

/// Whether rewards come from a fit of our own.
pub(crate) fn fitted(log: &Checked<'_>) -> bool {
    log.log.predicted.is_none() && log.predictions.is_none()
}

/// The model of rewards that options and columns make.
pub(crate) fn kind(log: &Checked<'_>, options: &Options) -> RewardModel {
    options.reward_model.unwrap_or(if log.features.is_some() {
        RewardModel::Ridge
    } else {
        RewardModel::Cells
    })
}

/// Predicts the rewards of a log for a policy. `weights` are those of a fit.
pub(crate) fn predict<'a>(
    log: &'a Checked<'_>,
    policy: &'a CheckedPolicy<'_>,
    options: &Options,
    weights: Weights<'_>,
) -> Result<Predicted<'a>> {
    if let (Some(logged), Some(mean)) = (log.log.predicted, policy.predicted) {
        return Ok(Predicted {
            logged: Cow::Borrowed(logged),
            mean: Cow::Borrowed(mean),
        });
    }
    let Some(actions) = policy.actions else {
        return Err(invalid(
            "the policy's probabilities of all actions are needed for estimators that predict \
             rewards, or predicted rewards of both kinds"
                .into(),
        ));
    };
    let places = log.places("the policy", actions)?;
    if let Some(predictions) = log.predictions {
        return given(log, actions, places, predictions);
    }
    match kind(log, options) {
        RewardModel::Cells => cells(log, actions, places, options, weights),
        RewardModel::Ridge => ridge(log, actions, places, options, weights),
    }
}

/// Σ π q.
pub(crate) fn mean_over(probabilities: &[f64], predicted: impl Fn(usize) -> f64) -> f64 {
    let mut sum = 0.0;
    for (action, &p) in probabilities.iter().enumerate() {
        if p > 0.0 {
            sum += p * predicted(action);
        }
    }
    sum
}

/// From a matrix of the caller.
fn given<'a>(
    log: &Checked<'_>,
    actions: Grid<'_>,
    places: Places<'_>,
    predictions: Grid<'_>,
) -> Result<Predicted<'a>> {
    if predictions.columns != actions.columns {
        return Err(Error::new(
            ErrorKind::LengthMismatch,
            format!(
                "predictions has {} columns, and the policy {} actions",
                predictions.columns, actions.columns
            ),
        ));
    }
    let own = log.places_beside("predictions", predictions, actions)?;
    let (mut logged, mut mean) = (Vec::new(), Vec::new());
    // Rows of one cell may have one row of both matrices; else each may have its own.
    let by_cell = matches!((places, own), (Places::Cells(_), Places::Cells(_)));
    let mut known = Known::new(if by_cell { actions.rows } else { 0 });
    for row in 0..log.rows() {
        let (place, from) = (places.of(row), own.of(row));
        logged.push(predictions.at(from, log.action(row)));
        mean.push(known.get(place, || {
            mean_over(actions.row(place), |action| predictions.at(from, action))
        }));
    }
    Ok(Predicted {
        logged: logged.into(),
        mean: mean.into(),
    })
}

/// Means that are the same for all rows of a cell, made once.
struct Known(Vec<Option<f64>>);

impl Known {
    fn new(cells: usize) -> Self {
        Self(vec![None; cells])
    }

    /// The mean of a cell; of a row that has no cell, beyond those there are, it is made anew.
    fn get(&mut self, cell: usize, make: impl FnOnce() -> f64) -> f64 {
        match self.0.get_mut(cell) {
            Some(known) => *known.get_or_insert_with(make),
            None => make(),
        }
    }
}

/// Sums of one cell and action: weights, and weighted rewards.
#[derive(Clone, Copy, Default)]
struct Sum {
    weight: f64,
    reward: f64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.weight += other.weight;
        self.reward += other.reward;
    }

    /// The mean, drawn to `prior` by so many rows.
    fn mean(self, prior: f64, rows: f64) -> f64 {
        if self.weight + rows > 0.0 {
            (self.reward + rows * prior) / (self.weight + rows)
        } else {
            prior
        }
    }
}

/// Means by cell and action.
fn cells<'a>(
    log: &Checked<'_>,
    actions: Grid<'_>,
    places: Places<'_>,
    options: &Options,
    weights: Weights<'_>,
) -> Result<Predicted<'a>> {
    let columns = actions.columns;
    // Without cells, a row of its own for each row of the log says nothing of other rows.
    let cells = if log.log.cell.is_some() {
        actions.rows
    } else {
        1
    };
    let cell = |row: usize| log.cells.get(row).copied().unwrap_or(0) as usize;
    let size = (columns * cells).saturating_mul(options.folds as usize);
    if size > TABLE {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "{cells} cells, {columns} actions and {} folds make more than 2^26 means; give \
                 predictions, or fewer cells",
                options.folds
            ),
        ));
    }
    let dealt = folds(log, options.folds);
    let fold_of = |row: usize| usize::from(dealt.get(row).copied().unwrap_or(0));
    let mut sums = vec![Sum::default(); size];
    let (mut total, rows) = (0.0, log.rows() as f64);
    for row in 0..log.rows() {
        let weight = weight(weights, row);
        total += weight;
        let at = (fold_of(row) * cells + cell(row)) * columns + log.action(row);
        if let Some(sum) = sums.get_mut(at) {
            sum.add(Sum {
                weight,
                reward: weight * log.reward(row),
            });
        }
    }
    // A row at the mean counts as much as a row of the log does on average.
    let scale = total / rows;
    let tables = |shrinkage: f64| {
        tables(
            &sums,
            cells * columns,
            columns,
            options.folds as usize,
            shrinkage * scale,
        )
    };
    let from = |row: usize| (fold_of(row) * cells + cell(row)) * columns;
    let predicted = match options.shrinkage {
        Some(given) => tables(given),
        None if options.folds == 1 => tables(10.0),
        None => {
            let mut best = (f64::INFINITY, Vec::new());
            for shrinkage in SHRINKAGES {
                let table = tables(shrinkage);
                let mut error = 0.0;
                for row in 0..log.rows() {
                    let q = table
                        .get(from(row) + log.action(row))
                        .copied()
                        .unwrap_or(0.0);
                    let off = log.reward(row) - q;
                    error += weight(weights, row) * (off * off);
                }
                if error < best.0 {
                    best = (error, table);
                }
            }
            best.1
        }
    };
    let (mut logged, mut mean) = (Vec::new(), Vec::new());
    // A cell and fold have one mean, unless each row has a distribution of its own.
    let shared = !matches!(places, Places::Own);
    let mut known = Known::new(if shared { size / columns } else { 0 });
    for row in 0..log.rows() {
        let from = from(row);
        let q = |action: usize| predicted.get(from + action).copied().unwrap_or(0.0);
        logged.push(q(log.action(row)));
        let place = places.of(row);
        mean.push(known.get(from / columns, || mean_over(actions.row(place), q)));
    }
    Ok(Predicted {
        logged: logged.into(),
        mean: mean.into(),
    })
}

/// The shrunk means that each fold is predicted by: those of all other folds, or of the only one.
fn tables(sums: &[Sum], size: usize, columns: usize, folds: usize, rows: f64) -> Vec<f64> {
    let mut out = Vec::with_capacity(sums.len());
    for fold in 0..folds {
        let mut own = vec![Sum::default(); size];
        for (other, part) in sums.chunks(size).enumerate() {
            if other != fold || folds == 1 {
                for (sum, part) in own.iter_mut().zip(part) {
                    sum.add(*part);
                }
            }
        }
        let mut by_action = vec![Sum::default(); columns];
        let mut all = Sum::default();
        for cell in own.chunks(columns) {
            for (sum, part) in by_action.iter_mut().zip(cell) {
                sum.add(*part);
                all.add(*part);
            }
        }
        let mean = all.mean(0.0, 0.0);
        let priors: Vec<f64> = by_action.iter().map(|sum| sum.mean(mean, rows)).collect();
        for cell in own.chunks(columns) {
            out.extend(
                cell.iter()
                    .zip(&priors)
                    .map(|(sum, &prior)| sum.mean(prior, rows)),
            );
        }
    }
    out
}

/// Ridge regressions of the features.
fn ridge<'a>(
    log: &Checked<'_>,
    actions: Grid<'_>,
    places: Places<'_>,
    options: &Options,
    weights: Weights<'_>,
) -> Result<Predicted<'a>> {
    let Some(features) = log.features else {
        return Err(invalid("reward_model \"ridge\" needs features".into()));
    };
    let own = log.places_beside("features", features, actions)?;
    let dealt = folds(log, options.folds);
    let mut logged = vec![0.0; log.rows()];
    let mut mean = vec![0.0; log.rows()];
    let standard = Ridge::standard(log.rows(), features, own);
    for fold in 0..options.folds as usize {
        let held_out = |row: usize| dealt.get(row).is_some_and(|&own| usize::from(own) == fold);
        let fit = |row: usize| options.folds == 1 || !held_out(row);
        let model = Ridge::fit(
            log,
            actions.columns,
            (features, own),
            &standard,
            options.regularization,
            weights,
            fit,
        )?;
        for row in (0..log.rows()).filter(|&row| held_out(row)) {
            let x = standard.of(features.row(own.of(row)));
            if let (Some(logged), Some(mean)) = (logged.get_mut(row), mean.get_mut(row)) {
                *logged = model.predict(&x, log.action(row));
                *mean = mean_over(actions.row(places.of(row)), |action| {
                    model.predict(&x, action)
                });
            }
        }
    }
    Ok(Predicted {
        logged: logged.into(),
        mean: mean.into(),
    })
}
