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
mod tune;
mod update;

#[doc(hidden)]
pub use factors::FactorModel;
pub(crate) use matrix::Matrix;
pub use options::{IdType, TrainOptions};
pub(crate) use paths::Step;
pub use trainers::{
    Component, CooccurrenceOptions, IalsOptions, Plan, RidgeOptions, SequenceOptions,
    SpectralOptions, TrainerOptions, Weighting,
};
pub use tune::{TuneOptions, Tuning, Validation};
pub use update::{UpdateOptions, update};

use serde_json::Value as Json;

use crate::catalog::Catalog;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventColumns, IdColumn};
use crate::id::check_id;
use crate::model::Model;
use crate::model::graph;
use crate::model::state::State;
use crate::model::trainer;
use crate::parallel::Workers;

/// Trains a model.
///
/// `events` may be empty if there is a catalog, and the catalog may be absent; the items of the
/// model are those of both. Where there is a catalog, items that it does not list take part in
/// training but are not recommended, unless `recommend_unlisted` is set.
///
/// Progress comes in the stages `events`, `subspace`, `factors`, `graph`, `tune` and `snapshot`,
/// those that the trainers have; with [`Plan::Auto`] some come twice. Cost: seconds for a million
/// events with a trainer that is named, and up to [`TuneOptions::budget_s`] more of one core for
/// choosing; time grows with Σ over users of (items of the user)², which `max_user_items`
/// bounds, and with the `rank` of subspaces.
///
/// # Errors
/// The checks of the columns ([`crate::ErrorKind::LengthMismatch`], `InvalidId`,
/// `InvalidWeight`, `InvalidTimestamp`, `UnknownKind`; the message names the rows, and with
/// `skip_invalid` such rows are left out and counted in the manifest),
/// [`crate::ErrorKind::InvalidArgument`] for options and for no data at all,
/// [`crate::ErrorKind::LimitExceeded`] where it needs more than `memory_mb`, [`crate::ErrorKind::Cancelled`].
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
    let matrix = Matrix::build(&data.signals, &data.starts, data.items.len(), options);
    control.check()?;
    control.report("events", 1, 1);
    let tuned = match &options.trainer {
        Plan::Blend(parts) => {
            if options.memory_mb.is_some() {
                let footprint = tune::memory::Footprint::of(&data, &matrix, options);
                tune::memory::check(footprint.training(parts, options.neighbors), options)?;
            }
            tune::Tuned {
                parts: parts.clone(),
                report: Json::Null,
            }
        }
        Plan::Auto => tune::tune(&data, options, None, &workers)?,
    };
    let (rows, state) = learn(&matrix, &tuned.parts, options, &workers)?;
    // The manifest says what was chosen.
    let used = TrainOptions {
        trainer: Plan::Blend(tuned.parts),
        ..options.clone()
    };
    let reports = [("tuning", tuned.report)];
    finish(
        &data,
        catalog,
        &matrix,
        rows,
        state.as_ref(),
        &reports,
        &used,
        control,
    )
}

/// From rows to a model. `reports` go into the manifest, but for those that are null.
#[expect(clippy::too_many_arguments, reason = "all that a snapshot holds")]
fn finish(
    data: &ingest::Data,
    catalog: Option<&Catalog>,
    matrix: &Matrix,
    rows: Vec<graph::Row>,
    state: Option<&State>,
    reports: &[(&str, Json)],
    used: &TrainOptions,
    control: &Control<'_>,
) -> Result<Model> {
    control.report("snapshot", 0, 1);
    let graph = graph::quantise(&rows)?;
    drop(rows);
    control.check()?;
    let model = assemble::assemble(data, catalog, matrix, &graph, state, reports, used)?;
    control.report("snapshot", 1, 1);
    Ok(model)
}

/// Chooses trainers for some events without training a model: what [`train`] does first with
/// [`Plan::Auto`], and with pairs of `validation` to judge by if the caller has them.
///
/// `validation` are users and items, row by row, that are not among the events; users and items
/// that the events do not have are left out. Without it, events are held out as
/// [`TuneOptions::validation`] says. Items of a user that are among the events are not counted.
///
/// # Errors
/// Those of [`train`]; [`crate::ErrorKind::LengthMismatch`] for columns of unequal length.
///
/// ```
/// use tastemaker::event::{EventColumns, IdColumn};
/// use tastemaker::{control::Control, train::{Plan, TrainOptions, tune}};
/// let events = EventColumns::new(
///     IdColumn::Integer(&[1, 1, 2, 2, 3]),
///     IdColumn::Text(&["mill", "barn", "mill", "barn", "mill"]),
/// );
/// let tuning = tune(&events, None, &TrainOptions::default(), None, &Control::new())?;
/// // Three users are too few to try anything on.
/// assert!(matches!(tuning.trainer, Plan::Blend(parts) if parts.len() == 2));
/// assert!(tuning.report["protocol"].is_null());
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn tune(
    events: &EventColumns<'_>,
    catalog: Option<&Catalog>,
    options: &TrainOptions,
    validation: Option<(&IdColumn<'_>, &IdColumn<'_>)>,
    control: &Control<'_>,
) -> Result<Tuning> {
    options.validate()?;
    let workers = Workers {
        threads: options.threads,
        control,
    };
    control.report("events", 0, 1);
    let data = ingest::ingest(events, catalog, options, control)?;
    control.report("events", 1, 1);
    let given = match validation {
        None => None,
        Some((users, items)) => Some(pairs(&data, users, items)?),
    };
    let tuned = tune::tune(&data, options, given, &workers)?;
    Ok(Tuning {
        trainer: Plan::Blend(tuned.parts),
        report: tuned.report,
    })
}

/// The rows of the validation table that the data knows, as (user, item).
fn pairs(
    data: &ingest::Data,
    users: &IdColumn<'_>,
    items: &IdColumn<'_>,
) -> Result<Vec<(u32, u32)>> {
    let (user_codes, user_names) = users.encode();
    let (item_codes, item_names) = items.encode();
    if user_codes.len() != item_codes.len() {
        return Err(Error::new(
            ErrorKind::LengthMismatch,
            format!(
                "validation: user_id has {} rows and item_id {}",
                user_codes.len(),
                item_codes.len()
            ),
        ));
    }
    for (what, names) in [("user_id", &user_names), ("item_id", &item_names)] {
        for name in names {
            check_id(what, name).map_err(|e| e.context("validation"))?;
        }
    }
    let known = |names: &[String], all: &[String]| -> Vec<Option<u32>> {
        let find = |name: &String| all.binary_search(name).ok().map(|at| at as u32);
        names.iter().map(find).collect()
    };
    let (user_map, item_map) = (
        known(&user_names, &data.users),
        known(&item_names, &data.items),
    );
    let at = |map: &[Option<u32>], code: u32| map.get(code as usize).copied().flatten();
    Ok(user_codes
        .iter()
        .zip(&item_codes)
        .filter_map(|(&user, &item)| Some((at(&user_map, user)?, at(&item_map, item)?)))
        .collect())
}

/// The rows of a blend, trained on all of `matrix`, and what an update will need if there may be
/// one.
fn learn(
    matrix: &Matrix,
    parts: &[Component],
    options: &TrainOptions,
    workers: &Workers<'_>,
) -> Result<(Vec<graph::Row>, Option<State>)> {
    let trainers: Vec<&TrainerOptions> = parts.iter().map(|part| &part.trainer).collect();
    // What is decided after the trainers is chosen from more than is kept.
    let plain = parts.len() == 1 && options.popularity_exponent == 0.0;
    let wider = if plain { 1 } else { tune::WIDER };
    let width = options.neighbors * wider;
    let learnt = trainer::learn(matrix, &trainers, options.seed, width, workers)?;
    let bases = learnt.bases;
    let state = if options.updatable {
        Some(State {
            stale: vec![0.0; matrix.items()],
            drift: 0.0,
            bases: bases
                .into_iter()
                .map(|basis| basis.pack(matrix.items()))
                .collect(),
        })
    } else {
        // Large, and not needed any more.
        drop(bases);
        None
    };
    let weighted: Vec<_> = learnt
        .parts
        .iter()
        .zip(parts)
        .map(|(rows, part)| (rows.as_slice(), part.weight as f32))
        .collect();
    let needed = vec![true; matrix.items()];
    let reach = trainer::reach(matrix, options.popularity_exponent);
    let rows = trainer::merge(&weighted, &reach, &needed, options.neighbors, workers)?;
    Ok((rows, state))
}
