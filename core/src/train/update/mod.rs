//! Updating a model with new events: what changed is learnt again, the rest is kept.

mod change;
mod join;
mod options;
mod splice;

pub use options::UpdateOptions;

use serde_json::{Value as Json, json};

use super::{Component, IdType, Matrix, Plan, TrainOptions, TrainerOptions, finish, ingest, learn};
use crate::catalog::Catalog;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventColumns;
use crate::model::Model;
use crate::model::graph;
use crate::model::state::State;
use crate::model::trainer::{self, Basis, Task, relearn};
use crate::parallel::Workers;
use change::Change;
use join::Joined;

/// When this share of all co-occurrences is not what the subspaces were found from, they are
/// found again, and everything with them.
const DRIFT: f64 = 0.25;

/// A model of the events that `model` was trained on and of `events`, which came since.
///
/// `model` must hold its histories ([`TrainOptions::keep_profiles`]); trainers and options are
/// its own, and are not chosen again. Events that it has already count once. `catalog` replaces
/// the model's; without one the attributes of before are kept, and new items are recommended
/// only if the model was trained without a catalog or with `recommend_unlisted`.
///
/// If the model was trained with [`TrainOptions::updatable`], the cost is proportional to what
/// changed: histories, popularity and attributes are always up to date, and an item is learnt
/// again when the share of its co-occurrences that have changed since it was learnt may reach
/// [`UpdateOptions::tolerance`] (in the normalised co-occurrence matrix, sum of absolute values;
/// small changes of one update after another add up). Learnt again are all edges that lead to
/// the item. For an item of which more than half is new that goes for those that lead from it,
/// where the coefficients of ridge are estimated from those in the other direction. The
/// subspaces stay as they were.
///
/// Everything is learnt again, with the same bytes as [`super::train`] on all events would give
/// but for what the manifest says of updates: if `tolerance` is 0, if the model is not updatable,
/// if `ials` is among its trainers, if more than half of the items would
/// be, or if a quarter of all co-occurrences has changed since the subspaces were found. The
/// manifest's `update` says what was done: `{"tolerance", "items", "learnt", "full"}`.
///
/// The bandits and the vector index of the snapshot stay in it, as they are.
///
/// # Errors
/// Those of [`super::train`], and [`ErrorKind::InvalidArgument`] for a model without histories.
/// `model` is never changed.
///
/// ```
/// use tastemaker::event::{EventColumns, IdColumn};
/// use tastemaker::{control::Control, train::{TrainOptions, UpdateOptions, train, update}};
/// let events = EventColumns::new(
///     IdColumn::Text(&["ann", "ann", "bob", "bob"]),
///     IdColumn::Text(&["mill", "barn", "mill", "barn"]),
/// );
/// let model = train(&events, None, &TrainOptions::default(), &Control::new())?;
/// let new = EventColumns::new(IdColumn::Text(&["ann", "bob"]), IdColumn::Text(&["loft", "loft"]));
/// let model = update(&model, &new, None, &UpdateOptions::default(), &Control::new())?;
/// assert_eq!(model.item_count(), 3);
/// assert_eq!(model.neighbors("loft").map(|n| n.len()), Some(2));
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn update(
    model: &Model,
    events: &EventColumns<'_>,
    catalog: Option<&Catalog>,
    options: &UpdateOptions,
    control: &Control<'_>,
) -> Result<Model> {
    options.validate()?;
    let used = trained_with(model, options)?;
    let workers = Workers {
        threads: options.threads,
        control,
    };
    control.report("events", 0, 1);
    let own = match catalog {
        Some(_) => None,
        None => own_catalog(model)?,
    };
    let catalog = catalog.or(own.as_ref());
    let new = if events.rows()? == 0 && catalog.is_none_or(Catalog::is_empty) {
        ingest::Data::default()
    } else {
        ingest::ingest(events, catalog, &used, control)?
    };
    let joined = join::join(model, &new, catalog);
    let matrix = Matrix::build(
        &joined.data.signals,
        &joined.data.starts,
        joined.data.items.len(),
        &used,
    );
    control.check()?;
    control.report("events", 1, 1);
    let Plan::Blend(parts) = &used.trainer else {
        return Err(unfit("its manifest does not name its trainers"));
    };
    let tuning = model.manifest().get("tuning").cloned();
    let tuning = tuning.unwrap_or(Json::Null);
    let learnt = match part(model, &joined, &matrix, parts, &used, options, &workers)? {
        Some(learnt) => learnt,
        None => {
            let (rows, state) = learn(&matrix, parts, &used, &workers)?;
            Learnt {
                items: rows.len(),
                rows,
                state,
                full: true,
            }
        }
    };
    let report = json!({
        "tolerance": options.tolerance,
        "items": joined.data.items.len(),
        "learnt": learnt.items,
        "full": learnt.full,
    });
    finish(
        &joined.data,
        catalog,
        &matrix,
        learnt.rows,
        learnt.state.as_ref(),
        &[("tuning", tuning), ("update", report)],
        &used,
        control,
    )?
    .with_bandits_of(model)?
    .with_index_of(model)
}

/// The rows of the graph, and how they came about.
struct Learnt {
    rows: Vec<graph::Row>,
    state: Option<State>,
    items: usize,
    full: bool,
}

/// Learns what has changed; `None` if everything is to be learnt.
fn part(
    model: &Model,
    joined: &Joined,
    matrix: &Matrix,
    parts: &[Component],
    used: &TrainOptions,
    options: &UpdateOptions,
    workers: &Workers<'_>,
) -> Result<Option<Learnt>> {
    let trainers: Vec<(&TrainerOptions, f32)> = parts
        .iter()
        .map(|part| (&part.trainer, part.weight as f32))
        .collect();
    let Some(state) = model.state() else {
        return Ok(None);
    };
    if options.tolerance == 0.0 || !Task::possible(&trainers) {
        return Ok(None);
    }
    let change = change::measure(joined, matrix, used);
    let drift = state.drift + change.all;
    let (stale, targets, fresh) = choose(joined, &state, &change, options.tolerance);
    if drift > DRIFT || targets.len() * 2 > matrix.items() {
        return Ok(None);
    }
    let bases = state
        .bases
        .into_iter()
        .map(|packed| Basis::kept(packed.arranged(&joined.known), used.seed))
        .collect();
    let reach = trainer::reach(matrix, used.popularity_exponent);
    let task = Task {
        matrix,
        parts: &trainers,
        seed: used.seed,
        keep: used.neighbors,
        reach: &reach,
        targets: &targets,
        fresh: &fresh,
    };
    let (learnt, bases) = relearn(&task, bases, workers)?;
    let rows = splice::Splice {
        model,
        known: &joined.known,
        moved: &joined.moved,
        targets: &targets,
        learnt: &learnt,
        neighbors: used.neighbors,
    }
    .rows();
    Ok(Some(Learnt {
        rows,
        state: Some(State {
            stale,
            drift,
            bases: bases
                .into_iter()
                .map(|basis| basis.pack(matrix.items()))
                .collect(),
        }),
        items: targets.len(),
        full: false,
    }))
}

/// By item what is stale after the update, the items to learn, and which of them are new.
fn choose(
    joined: &Joined,
    state: &State,
    change: &Change,
    tolerance: f64,
) -> (Vec<f32>, Vec<u32>, Vec<bool>) {
    let mut stale = Vec::with_capacity(joined.known.len());
    let (mut targets, mut fresh) = (Vec::new(), Vec::with_capacity(joined.known.len()));
    for (item, (known, share)) in joined.known.iter().zip(&change.items).enumerate() {
        let before = known.and_then(|old| state.stale.get(old as usize));
        let now = f64::from(before.copied().unwrap_or(0.0)) + share;
        // Of a new item the share is exactly 1, and there is no larger tolerance.
        let again = now >= tolerance;
        if again {
            targets.push(item as u32);
        }
        stale.push(if again { 0.0 } else { now as f32 });
        fresh.push(again && now > 0.5);
    }
    (stale, targets, fresh)
}

/// What training that stands in a manifest becomes again, as options.
fn trained_with(model: &Model, options: &UpdateOptions) -> Result<TrainOptions> {
    let manifest = model.manifest();
    if manifest.get("profiles").is_none_or(Json::is_null) {
        return Err(unfit(
            "it holds no histories (it was trained without keep_profiles, or is an edge export)",
        ));
    }
    let recorded = manifest.get("options").unwrap_or(&Json::Null);
    let trained = TrainOptions::from_json(recorded)
        .map_err(|e| unfit("this version does not know its options").with_source(e))?;
    let id_type = |name: &str| match manifest.get(name).and_then(Json::as_str) {
        Some("integer") => IdType::Integer,
        _ => IdType::Text,
    };
    Ok(TrainOptions {
        kinds: model.kinds().clone(),
        skip_invalid: options.skip_invalid,
        threads: options.threads,
        item_id_type: id_type("item_id_type"),
        user_id_type: id_type("user_id_type"),
        ..trained
    })
}

fn unfit(why: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("model can't be updated: {why}"),
    )
}

/// The catalog that the model was trained with; `None` if there was none.
fn own_catalog(model: &Model) -> Result<Option<Catalog>> {
    if model.active().is_none() && model.columns().columns.is_empty() {
        return Ok(None);
    }
    let ids: Vec<&str> = model.items().iter().collect();
    let mut catalog = model.columns().thaw(&ids, None)?;
    let recommended = |item: usize| model.active().is_none_or(|active| active.contains(item));
    for (item, id) in ids.iter().enumerate() {
        if !recommended(item) {
            catalog.remove(id)?;
        }
    }
    Ok(Some(catalog))
}
