//! The factors of the `ials` trainer before they are distilled, for benchmarks: not part of the
//! public interface.

use super::{IalsOptions, Matrix, TrainOptions, ingest};
use crate::control::Control;
use crate::error::Result;
use crate::event::EventColumns;
use crate::model::graph::strongest;
use crate::model::trainer::ials::Factors;
use crate::parallel::Workers;

/// Factors of items, and the histories that they were learnt from.
#[doc(hidden)]
pub struct FactorModel {
    users: Vec<String>,
    items: Vec<String>,
    matrix: Matrix,
    factors: Factors,
}

impl FactorModel {
    /// Learns the factors.
    ///
    /// # Errors
    /// As [`super::train`].
    pub fn train(
        events: &EventColumns<'_>,
        options: &TrainOptions,
        ials: &IalsOptions,
        control: &Control<'_>,
    ) -> Result<Self> {
        options.validate()?;
        let data = ingest::ingest(events, None, options, control)?;
        let matrix = Matrix::build(&data.signals, &data.starts, data.items.len(), options);
        let workers = Workers {
            threads: options.threads,
            control,
        };
        let factors = Factors::find(&matrix, ials, options.seed, &workers)?;
        Ok(Self {
            users: data.users,
            items: data.items,
            matrix,
            factors,
        })
    }

    /// The best `k` items that the user does not have, best first, with the user's history folded
    /// in; none for an unknown user.
    #[must_use]
    pub fn recommend(&self, user: &str, k: usize) -> Vec<&str> {
        let Ok(at) = self
            .users
            .binary_search_by(|known| known.as_str().cmp(user))
        else {
            return Vec::new();
        };
        let (indices, values) = self.matrix.row(at as u32);
        let scores = self.factors.scores(indices, values);
        let all = (0u32..).zip(scores);
        let mut row: Vec<(u32, f32)> = all
            .filter(|(item, _)| indices.binary_search(item).is_err())
            .collect();
        strongest(&mut row, k);
        row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let ids = row
            .iter()
            .filter_map(|&(item, _)| self.items.get(item as usize));
        ids.map(String::as_str).collect()
    }
}
