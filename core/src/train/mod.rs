//! Training: from columns of events and a catalog to a [`Model`].
//!
//! Events are checked and de-duplicated (`ingest`), folded into a user × item matrix
//! (`matrix`), handed to the trainers, which return rows of the item graph
//! (`model::trainer`), quantised, and laid out as a snapshot (`assemble`). The result
//! is a function of the set of events, the catalog and the options: neither the order of the
//! rows nor the number of threads changes a byte.

mod assemble;
mod factors;
mod ingest;
mod matrix;
mod options;
mod paths;
mod trainers;

#[doc(hidden)]
pub use factors::FactorModel;
pub(crate) use matrix::Matrix;
pub use options::{IdType, TrainOptions};
pub use trainers::{
    Component, CooccurrenceOptions, IalsOptions, Plan, RidgeOptions, SequenceOptions,
    SpectralOptions, TrainerOptions, Weighting,
};

use crate::catalog::Catalog;
use crate::control::Control;
use crate::error::Result;
use crate::event::EventColumns;
use crate::model::Model;
use crate::model::graph;
use crate::model::trainer;
use crate::parallel::Workers;

/// Trains a model.
///
/// `events` may be empty if there is a catalog, and the catalog may be absent; the items of the
/// model are those of both. Where there is a catalog, items that it does not list take part in
/// training but are not recommended, unless `recommend_unlisted` is set.
///
/// Progress comes in the stages `events`, `subspace`, `factors`, `graph` and `snapshot`, those that
/// the trainers have. Cost: seconds for
/// a million events; time grows with Σ over users of (items of the user)², which
/// `max_user_items` bounds, and with the `rank` of subspaces.
///
/// # Errors
/// The checks of the columns ([`crate::ErrorKind::LengthMismatch`], `InvalidId`,
/// `InvalidWeight`, `InvalidTimestamp`, `UnknownKind`; the message names the rows, and with
/// `skip_invalid` such rows are left out and counted in the manifest),
/// [`crate::ErrorKind::InvalidArgument`] for options and for no data at all,
/// [`crate::ErrorKind::Cancelled`].
///
/// ```
/// use tastemaker::event::{EventColumns, IdColumn};
/// use tastemaker::{control::Control, train::{TrainOptions, train}};
/// let mut events = EventColumns::new(
///     IdColumn::Integer(&[1, 1, 2, 2, 3]),
///     IdColumn::Text(&["mill", "barn", "mill", "barn", "mill"]),
/// );
/// let model = train(&events, None, &TrainOptions::default(), &Control::new())?;
/// assert_eq!(model.item_count(), 2);
/// assert_eq!(model.manifest()["counts"]["events"], 5);
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn train(
    events: &EventColumns<'_>,
    catalog: Option<&Catalog>,
    options: &TrainOptions,
    control: &Control<'_>,
) -> Result<Model> {
    options.validate()?;
    let workers = Workers {
        threads: options.threads,
        control,
    };
    control.report("events", 0, 1);
    let data = ingest::ingest(events, catalog, options, control)?;
    let matrix = Matrix::build(&data, options);
    control.check()?;
    control.report("events", 1, 1);
    let parts = match &options.trainer {
        Plan::Blend(parts) => parts.clone(),
        Plan::Auto => vec![
            Component {
                weight: 1.0,
                trainer: TrainerOptions::Ridge(RidgeOptions::default()),
            },
            Component {
                weight: 2.0,
                trainer: TrainerOptions::Spectral(SpectralOptions::default()),
            },
        ],
    };
    let trainers: Vec<&TrainerOptions> = parts.iter().map(|part| &part.trainer).collect();
    let width = if parts.len() == 1 {
        options.neighbors
    } else {
        options.neighbors * 4
    };
    let learnt = trainer::learn(&matrix, &trainers, options.seed, width, &workers)?;
    let weighted: Vec<_> = learnt
        .iter()
        .zip(&parts)
        .map(|(rows, part)| (rows.as_slice(), part.weight as f32))
        .collect();
    let rows = trainer::merge(&weighted, matrix.items(), options.neighbors, &workers)?;
    control.report("snapshot", 0, 1);
    let graph = graph::quantise(&rows)?;
    drop(rows);
    control.check()?;
    // The manifest says what was chosen.
    let used = TrainOptions {
        trainer: Plan::Blend(parts),
        ..options.clone()
    };
    let model = assemble::assemble(&data, catalog, &matrix, &graph, &used)?;
    control.report("snapshot", 1, 1);
    Ok(model)
}
