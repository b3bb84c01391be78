//! What off-policy evaluation reads: the columns of a log, and of a policy; all of it checked here.

use std::borrow::Cow;

use super::terms::beyond;
use crate::error::{Error, ErrorKind, Result};
use crate::event::IdColumn;

/// Actions at most.
const ACTIONS: usize = 1 << 20;
/// How far from 1 the probabilities of a matrix row may add up to.
pub(crate) const SUM: f64 = 1e-6;

/// Numbers by row and action, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// The values of the first row, then of the second, ….
    pub values: &'a [f64],
    /// How many values a row has.
    pub columns: usize,
}

/// Logged decisions as columns of one length, a row an action that was shown.
///
/// Matrices have a row a row of the log, or one for all; with `cell` the row that it names.
/// `predictions` and `features` may have a row a row of the log beside a policy that has a row a
/// cell.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Log<'a> {
    /// What came of the action.
    pub reward: &'a [f64],
    /// The probability with which the logging policy took the action: above 0, at most 1.
    pub propensity: &'a [f64],
    /// The action, as a column of matrices: 0, 1, ….
    pub action: Option<&'a [f64]>,
    /// The row of the matrices: a context cell, a slot, a group of users.
    pub cell: Option<&'a [f64]>,
    /// Whose row it is. Rows of one unit are not independent, and standard errors allow for that.
    pub unit: Option<IdColumn<'a>>,
    /// The logging policy's probabilities of all actions: with them, support is checked.
    pub logging: Option<Matrix<'a>>,
    /// Predicted rewards of all actions, q̂(x, a): a row a row of the log, or as the policy's.
    pub predictions: Option<Matrix<'a>>,
    /// Predicted rewards of the logged actions; beside it, a policy has `predicted`.
    pub predicted: Option<&'a [f64]>,
    /// Numbers that describe the context, for a ridge regression: a row a row of the log, or as the
    /// policy's.
    pub features: Option<Matrix<'a>>,
}

impl<'a> Log<'a> {
    /// Rewards and propensities.
    #[must_use]
    pub fn new(reward: &'a [f64], propensity: &'a [f64]) -> Self {
        Self {
            reward,
            propensity,
            action: None,
            cell: None,
            unit: None,
            logging: None,
            predictions: None,
            predicted: None,
            features: None,
        }
    }
}

/// A policy whose value is asked for.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Policy<'a> {
    /// Its probability of each row's logged action.
    pub probability: Option<&'a [f64]>,
    /// Its probabilities of all actions; in the place of `probability`.
    pub actions: Option<Matrix<'a>>,
    /// The mean of the predicted rewards over its actions, Σ π(a|x) q̂(x, a).
    pub predicted: Option<&'a [f64]>,
}

impl<'a> Policy<'a> {
    /// A policy by its probabilities of the logged actions.
    #[must_use]
    pub fn of_logged(probability: &'a [f64]) -> Self {
        Self {
            probability: Some(probability),
            ..Self::default()
        }
    }

    /// A policy by its probabilities of all actions.
    #[must_use]
    pub fn of_all(actions: Matrix<'a>) -> Self {
        Self {
            actions: Some(actions),
            ..Self::default()
        }
    }
}

pub(crate) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// A matrix whose shape is known to be right.
#[derive(Clone, Copy)]
pub(crate) struct Grid<'a> {
    values: &'a [f64],
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl<'a> Grid<'a> {
    fn new(name: &str, matrix: Matrix<'a>) -> Result<Self> {
        let (len, columns) = (matrix.values.len(), matrix.columns);
        if columns == 0 || columns > ACTIONS || len == 0 || !len.is_multiple_of(columns) {
            return Err(invalid(format!(
                "{name} has {len} values in {columns} columns; a matrix has 1 to {ACTIONS} columns and \
                 at least one row, all full"
            )));
        }
        Ok(Self {
            values: matrix.values,
            columns,
            rows: len / columns,
        })
    }

    pub(crate) fn row(&self, row: usize) -> &'a [f64] {
        let from = row * self.columns;
        self.values.get(from..from + self.columns).unwrap_or(&[])
    }

    pub(crate) fn at(&self, row: usize, column: usize) -> f64 {
        self.row(row).get(column).copied().unwrap_or(0.0)
    }
}

/// Which row of a matrix belongs to a row of the log.
#[derive(Clone, Copy)]
pub(crate) enum Places<'a> {
    One,
    Own,
    Cells(&'a [u32]),
}

impl Places<'_> {
    #[inline]
    pub(crate) fn of(self, row: usize) -> usize {
        match self {
            Self::One => 0,
            Self::Own => row,
            Self::Cells(cells) => cells.get(row).copied().unwrap_or(0) as usize,
        }
    }
}

/// A log whose columns have been checked.
pub(crate) struct Checked<'a> {
    pub(crate) log: &'a Log<'a>,
    pub(crate) actions: Vec<u32>,
    pub(crate) cells: Vec<u32>,
    /// The unit of each row, numbered by the bytes of its name, and how many there are.
    pub(crate) units: Option<(Vec<u32>, usize)>,
    pub(crate) logging: Option<Grid<'a>>,
    pub(crate) predictions: Option<Grid<'a>>,
    pub(crate) features: Option<Grid<'a>>,
}

impl<'a> Checked<'a> {
    pub(crate) fn new(log: &'a Log<'a>, unsupported_ignored: bool) -> Result<Self> {
        let rows = log.reward.len();
        lengths(
            rows,
            &[
                ("propensity", Some(log.propensity.len())),
                ("action", log.action.map(<[f64]>::len)),
                ("cell", log.cell.map(<[f64]>::len)),
                ("unit", log.unit.map(|unit| unit.len())),
                ("predicted", log.predicted.map(<[f64]>::len)),
            ],
        )?;
        finite("reward", log.reward)?;
        for (row, &given) in log.propensity.iter().enumerate() {
            let missing = given == 0.0 || given.is_nan();
            if !(given > 0.0 && given <= 1.0 || missing && unsupported_ignored) {
                return Err(propensity(row, given));
            }
        }
        let grid = |name: &str, matrix: Option<Matrix<'a>>| {
            matrix.map(|matrix| Grid::new(name, matrix)).transpose()
        };
        let logging = grid("logging", log.logging)?;
        let predictions = grid("predictions", log.predictions)?;
        let features = grid("features", log.features)?;
        if let Some(logging) = logging {
            distributions("logging", logging)?;
        }
        if let Some(predicted) = log.predicted {
            finite("predicted", predicted)?;
            if predictions.is_some() {
                return Err(invalid(
                    "predicted and predictions are both given; the rewards are predicted once"
                        .into(),
                ));
            }
        }
        for (name, grid) in [("predictions", predictions), ("features", features)] {
            if let Some(grid) = grid {
                finite(name, grid.values)?;
            }
        }
        let units = log.unit.map(|unit| units(&unit)).transpose()?;
        Ok(Self {
            actions: log
                .action
                .map_or(Ok(Vec::new()), |given| whole("action", given))?,
            cells: log
                .cell
                .map_or(Ok(Vec::new()), |given| whole("cell", given))?,
            log,
            units,
            logging,
            predictions,
            features,
        })
    }

    pub(crate) fn rows(&self) -> usize {
        self.log.reward.len()
    }

    pub(crate) fn reward(&self, row: usize) -> f64 {
        self.log.reward.get(row).copied().unwrap_or(0.0)
    }

    pub(crate) fn action(&self, row: usize) -> usize {
        self.actions.get(row).copied().unwrap_or(0) as usize
    }

    /// How independent the rows are: the number of units, or of rows.
    pub(crate) fn unit_count(&self) -> usize {
        self.units.as_ref().map_or(self.rows(), |(_, count)| *count)
    }

    /// The rows of a matrix by those of the log; refuses a shape that does not fit, and cells
    /// beyond it. With cells, one that has as many rows as the log, of which the cells name but
    /// some, was made a row a row of the log: its first rows would be taken for all of them.
    pub(crate) fn places(&self, name: &str, grid: Grid<'_>) -> Result<Places<'_>> {
        if self.log.cell.is_some() {
            within("cell", &self.cells, grid.rows, &format!("rows of {name}"))?;
            let highest = self.cells.iter().copied().max().unwrap_or(0);
            if grid.rows == self.rows() && highest as usize + 1 < grid.rows {
                return Err(Error::new(
                    ErrorKind::LengthMismatch,
                    format!(
                        "{name} has {} rows, as the log, and cell is at most {highest}; beside cell \
                         it has a row a cell, without cell a row a row of the log",
                        grid.rows
                    ),
                ));
            }
            return Ok(Places::Cells(&self.cells));
        }
        match grid.rows {
            1 => Ok(Places::One),
            rows if rows == self.rows() => Ok(Places::Own),
            rows => Err(Error::new(
                ErrorKind::LengthMismatch,
                format!(
                    "{name} has {rows} rows, and the log {}; without cell a matrix has as many, or one",
                    self.rows()
                ),
            )),
        }
    }

    /// [`places`](Self::places) of what describes rows: beside a policy that has a row a cell, it
    /// may have a row a row of the log.
    pub(crate) fn places_beside(
        &self,
        name: &str,
        grid: Grid<'_>,
        policy: Grid<'_>,
    ) -> Result<Places<'_>> {
        if self.log.cell.is_some() && grid.rows == self.rows() && grid.rows != policy.rows {
            return Ok(Places::Own);
        }
        self.places(name, grid)
    }

    /// Refuses actions beyond the columns of a matrix, and a log that has no actions.
    pub(crate) fn needs_actions(&self, name: &str, columns: usize) -> Result<()> {
        if self.log.action.is_none() {
            return Err(invalid(format!("{name} needs the column action")));
        }
        within(
            "action",
            &self.actions,
            columns,
            &format!("columns of {name}"),
        )
    }
}

/// A policy whose columns have been checked.
pub(crate) struct CheckedPolicy<'a> {
    /// Its probability of each row's logged action.
    pub(crate) probability: Cow<'a, [f64]>,
    pub(crate) actions: Option<Grid<'a>>,
    pub(crate) predicted: Option<&'a [f64]>,
}

impl<'a> CheckedPolicy<'a> {
    pub(crate) fn new(name: &str, log: &Checked<'_>, policy: &Policy<'a>) -> Result<Self> {
        let (probability, actions) = match (policy.probability, policy.actions) {
            (Some(given), None) => {
                lengths(log.rows(), &[(name, Some(given.len()))])?;
                for (row, &p) in given.iter().enumerate() {
                    if !(0.0..=1.0).contains(&p) {
                        return Err(invalid(format!(
                            "{name}: row {row} is {p}; a probability is a number from 0 to 1"
                        )));
                    }
                }
                (Cow::Borrowed(given), None)
            }
            (None, Some(matrix)) => {
                let grid = Grid::new(name, matrix)?;
                distributions(name, grid)?;
                log.needs_actions(name, grid.columns)?;
                let places = log.places(name, grid)?;
                let own = (0..log.rows()).map(|row| grid.at(places.of(row), log.action(row)));
                (Cow::Owned(own.collect()), Some(grid))
            }
            _ => {
                return Err(invalid(format!(
                    "{name}: the probabilities of the logged actions are needed, or those of all \
                     actions, and not both"
                )));
            }
        };
        if let Some(predicted) = policy.predicted {
            lengths(
                log.rows(),
                &[("predicted of a policy", Some(predicted.len()))],
            )?;
            finite("predicted of a policy", predicted)?;
        }
        if log.log.predicted.is_some() != policy.predicted.is_some() {
            return Err(invalid(format!(
                "{name}: the predicted rewards of the logged actions and their mean over the policy's \
                 actions are given together, or neither is"
            )));
        }
        Ok(Self {
            probability,
            actions,
            predicted: policy.predicted,
        })
    }
}

fn lengths(rows: usize, others: &[(&str, Option<usize>)]) -> Result<()> {
    if rows == 0 {
        return Err(invalid(
            "the log is empty; at least one row is needed".into(),
        ));
    }
    if u32::try_from(rows).is_err() {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("there are {rows} rows; at most 2^32 - 1 can be evaluated at once"),
        ));
    }
    for (name, len) in others {
        if let Some(len) = len.filter(|&len| len != rows) {
            return Err(Error::new(
                ErrorKind::LengthMismatch,
                format!("{name} has {len} rows, and reward {rows}"),
            ));
        }
    }
    Ok(())
}

/// Refuses what is not finite or beyond ±2⁵⁰.
pub(crate) fn finite(name: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|&value| beyond(value)) {
        None => Ok(()),
        Some(row) => {
            let value = values.get(row).copied().unwrap_or(f64::NAN);
            Err(if value.is_finite() {
                Error::new(
                    ErrorKind::LimitExceeded,
                    format!("{name}: row {row} is {value}; values lie within ±2^50"),
                )
            } else {
                Error::new(
                    ErrorKind::InvalidWeight,
                    format!("{name}: row {row} is {value}; values are finite numbers"),
                )
            })
        }
    }
}

pub(crate) fn propensity(row: usize, given: f64) -> Error {
    let missing = if given.is_nan() || given == 0.0 {
        "; unsupported \"ignore\" gives such rows no weight"
    } else {
        ""
    };
    invalid(format!(
        "propensity: row {row} is {given}; the probability of an action that was taken is above 0 and \
         at most 1{missing}"
    ))
}

/// Whole numbers from 0 on.
pub(crate) fn whole(name: &str, values: &[f64]) -> Result<Vec<u32>> {
    let one = |(row, &value): (usize, &f64)| {
        if value >= 0.0 && value < f64::from(u32::MAX) && value == libm::trunc(value) {
            Ok(value as u32)
        } else {
            Err(invalid(format!(
                "{name}: row {row} is {value}; it is a whole number from 0 on"
            )))
        }
    };
    values.iter().enumerate().map(one).collect()
}

fn within(name: &str, values: &[u32], limit: usize, what: &str) -> Result<()> {
    match values.iter().position(|&value| value as usize >= limit) {
        None => Ok(()),
        Some(row) => {
            let value = values.get(row).copied().unwrap_or(0);
            Err(invalid(format!(
                "{name}: row {row} is {value}; there are {limit} {what}, from 0 on"
            )))
        }
    }
}

/// Refuses rows that are not distributions.
fn distributions(name: &str, grid: Grid<'_>) -> Result<()> {
    for row in 0..grid.rows {
        let mut sum = 0.0;
        for (column, &p) in grid.row(row).iter().enumerate() {
            if !(0.0..=1.0).contains(&p) {
                return Err(invalid(format!(
                    "{name}: row {row}, column {column} is {p}; a probability is a number from 0 to 1"
                )));
            }
            sum += p;
        }
        if (sum - 1.0).abs() > SUM {
            return Err(invalid(format!(
                "{name}: the probabilities of row {row} add up to {sum}; they must add up to 1, within {SUM}"
            )));
        }
    }
    Ok(())
}

/// The units of the rows by number.
pub(crate) fn units(column: &IdColumn<'_>) -> Result<(Vec<u32>, usize)> {
    let (codes, texts) = column.encode();
    if let Some(empty) = texts.iter().position(String::is_empty)
        && let Some(row) = codes.iter().position(|&code| code as usize == empty)
    {
        return Err(Error::new(
            ErrorKind::InvalidId,
            format!("unit: row {row} has none"),
        ));
    }
    Ok((codes, texts.len()))
}
