//! The intrinsic dimension of the rows of a graph: by which power of the distance the number of
//! neighbours grows.
//!
//! Estimated, as Levina and Bickel ("Maximum Likelihood Estimation of Intrinsic Dimension", 2004)
//! and others do, from how much farther the later neighbours of some rows are than the earlier.

use tastemaker_kernels::ByteQuery;

use crate::error::Result;
use crate::parallel::Workers;

use super::super::options::Metric;
use super::super::sketch::SketchQuery;
use super::build::{Inputs, newcomers, starts};
use super::layers::Filled;
use super::pool::{distance_of, place_of};
use super::stop::Reach;
use super::walk::{Walk, Work};

/// Places that are asked.
pub(super) const SAMPLE: usize = 128;
/// The fewest that may tell something.
const LEAST: usize = 16;
/// The neighbours, from 1, whose distances are compared.
const NEAR: usize = 8;
const FAR: usize = 64;
/// Candidates of a walk.
const EF: usize = 2 * FAR;

/// Buffers of a thread.
#[derive(Default)]
struct Scratch {
    query: ByteQuery,
    sketched: SketchQuery,
    values: Vec<i8>,
    walk: Walk,
}

/// Where to ask: a level, those above it from the top down, and where walks start if there are
/// none.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) above: &'a [Filled],
    pub(super) level: &'a Filled,
    pub(super) entry: Option<u32>,
}

/// The intrinsic dimension of the rows of a level, from the last of these places that stand in it.
/// `None` where too few tell.
///
/// Not for the inner product: what is near a query is then no matter of its distance.
pub(super) fn dimension(
    inputs: &Inputs<'_>,
    place: Place<'_>,
    places: &[u32],
    workers: &Workers<'_>,
) -> Result<Option<f64>> {
    if places.len() < SAMPLE || inputs.space.metric == Metric::InnerProduct {
        return Ok(None);
    }
    let quiet = workers.control.quiet();
    let workers = Workers {
        threads: workers.threads,
        control: &quiet,
    };
    let sample = places.get(places.len().saturating_sub(SAMPLE)..);
    let sample = sample.unwrap_or(&[]).to_vec();
    let grown = workers.map("graph", sample, Scratch::default, |_, asked, scratch| {
        Ok(grown(inputs, place, asked, scratch))
    })?;
    let grown: Vec<f64> = grown.into_iter().flatten().collect();
    let sum: f64 = grown.iter().sum();
    if grown.len() < LEAST || sum <= 0.0 {
        return Ok(None);
    }
    let dimension = 2.0 * libm::log(FAR as f64 / NEAR as f64) * grown.len() as f64 / sum;
    Ok(Some(dimension).filter(|dimension| dimension.is_finite()))
}

/// The intrinsic dimension of the rows of a graph, whose levels are these from the top down;
/// `base` are those that stand in level 0.
pub(super) fn of_graph(
    inputs: &Inputs<'_>,
    levels: &[Filled],
    base: &[u32],
    workers: &Workers<'_>,
) -> Result<Option<f64>> {
    let Some((level, above)) = levels.split_last() else {
        return Ok(None);
    };
    let entry = base.first().copied().filter(|_| above.is_empty());
    let place = Place {
        above,
        level,
        entry,
    };
    let places = newcomers(inputs, level, base, &[]);
    dimension(inputs, place, &places, workers)
}

/// The logarithm of how much the squared distance of a place's neighbours grows; `None` where the
/// nearer ones are at the same place.
fn grown(inputs: &Inputs<'_>, place: Place<'_>, asked: u32, scratch: &mut Scratch) -> Option<f64> {
    let space = inputs.space();
    let Scratch {
        query,
        sketched,
        values,
        walk,
    } = scratch;
    let layer = place.level.layer();
    let row = layer.row(asked);
    space.ask(row, query);
    space.ask_sketches(row, values, sketched);
    let work = Work {
        query,
        keys: space.keys(row),
        sketch: space.sketches.map(|sketches| (sketches, &*sketched)),
        reach: Reach::all_of(EF),
    };
    let from = starts(walk, (place.above, place.entry), space.codes, &work, 1);
    walk.start(&layer, layer.len(), space.codes, &work, &from, work.reach);
    walk.run(&layer, space.codes, &work);
    let zero = space.zero(row);
    let others = walk
        .pool
        .keys()
        .iter()
        .filter(|&&key| place_of(key) != asked);
    let squares: Vec<f64> = others
        .map(|&key| f64::from(distance_of(key)) - zero)
        .collect();
    let (near, far) = (squares.get(NEAR - 1)?, squares.get(FAR - 1)?);
    (*near > 0.0).then(|| libm::log(far / near))
}
