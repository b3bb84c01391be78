//! The estimates of bootstrap replicates: sums of each estimator's terms, with rows or units counted
//! anew. Thresholds and predicted rewards stay as they are.

use super::bootstrap::{Resampled, resampled, sums};
use super::evaluate::Looked;
use super::options::{Estimator, Options};
use super::rows::Checked;
use crate::error::Result;
use crate::parallel::Workers;

/// The sums of every replicate, of all policies.
pub(crate) struct Replicates {
    /// Of each policy's estimators: the columns of m, a and b.
    columns: Vec<Vec<[Option<usize>; 3]>>,
    sums: Vec<Vec<f64>>,
}

/// One replicate.
pub(crate) struct Sums<'a> {
    columns: &'a [Vec<[Option<usize>; 3]>],
    sums: &'a [f64],
}

impl Sums<'_> {
    fn get(&self, at: Option<usize>) -> Option<f64> {
        at.and_then(|at| self.sums.get(at)).copied()
    }

    fn rows(&self) -> Option<f64> {
        self.get(Some(0)).filter(|&rows| rows > 0.0)
    }

    pub(crate) fn logged(&self) -> Option<f64> {
        Some(self.get(Some(1))? / self.rows()?)
    }

    pub(crate) fn value(&self, (policy, at): (usize, usize)) -> Option<f64> {
        let [m, a, b] = *self.columns.get(policy)?.get(at)?;
        let mean = self.get(m).unwrap_or(0.0) / self.rows()?;
        match (self.get(a), self.get(b)) {
            (Some(a), Some(b)) if b > 0.0 => Some(mean + a / b),
            (Some(_), Some(_)) => None,
            _ => Some(mean),
        }
    }
}

impl Replicates {
    pub(crate) fn of(
        &self,
        alpha: f64,
        statistic: impl Fn(&Sums<'_>) -> Option<f64>,
    ) -> Option<Resampled> {
        let one = |sums: &Vec<f64>| {
            statistic(&Sums {
                columns: &self.columns,
                sums,
            })
        };
        resampled(self.sums.iter().filter_map(one).collect(), alpha)
    }
}

pub(crate) fn replicates(
    workers: &Workers<'_>,
    log: &Checked<'_>,
    options: &Options,
    policies: &[&Looked<'_>],
) -> Result<Option<Replicates>> {
    let Some(bootstrap) = options.bootstrap else {
        return Ok(None);
    };
    let mut width = 2;
    let mut next = || {
        width += 1;
        Some(width - 1)
    };
    let mut columns = Vec::new();
    for policy in policies {
        let own = policy.fits.iter().map(|(way, _)| match way.estimator {
            Estimator::Snips | Estimator::Replay => [None, next(), next()],
            Estimator::Sndr => [next(), next(), next()],
            _ => [next(), None, None],
        });
        columns.push(own.collect::<Vec<_>>());
    }
    let units = log.units.as_ref().map(|(codes, _)| codes.as_slice());
    let sums = sums(bootstrap, workers, log.rows(), width, units, |rows, out| {
        for row in rows {
            let mut put = |at: Option<usize>, value: f64| {
                if let Some(column) = at.and_then(|at| out.get_mut(at)) {
                    column.push(value);
                }
            };
            put(Some(0), 1.0);
            put(Some(1), log.reward(row));
            for (policy, columns) in policies.iter().zip(&columns) {
                for ((way, _), [m, a, b]) in policy.fits.iter().zip(columns) {
                    let term = policy.weighted.term(*way, row);
                    put(*m, term.m);
                    put(*a, term.a);
                    put(*b, term.b);
                }
            }
        }
    })?;
    Ok(Some(Replicates { columns, sums }))
}
