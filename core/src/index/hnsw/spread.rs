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
use super::build::Inputs;
use super::layers::Filled;
use super::pool::{distance_of, place_of};
use super::stop::Reach;
use super::walk::{Walk, Work};

/// Rows that are asked.
const SAMPLE: usize = 128;
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

/// The intrinsic dimension, from the rows with the highest hashes; `levels` are those of the graph,
/// level 0 last, `rows` those that stand in it. `None` where too few rows tell.
///
/// Not for the inner product: what is near a query is then no matter of its distance.
pub(super) fn dimension(
    inputs: &Inputs<'_>,
    levels: &[Filled],
    rows: &[u32],
    workers: &Workers<'_>,
) -> Result<Option<f64>> {
    let (Some(levels), Some(&first)) = (levels.split_last(), rows.first()) else {
        return Ok(None);
    };
    if rows.len() <= EF || inputs.space.metric == Metric::InnerProduct {
        return Ok(None);
    }
    let quiet = workers.control.quiet();
    let workers = Workers {
        threads: workers.threads,
        control: &quiet,
    };
    let mut sample: Vec<(u64, u32)> = rows.iter().map(|&row| (inputs.hash(row), row)).collect();
    sample.sort_unstable_by(|a, b| b.cmp(a));
    sample.truncate(SAMPLE);
    let grown = workers.map("graph", sample, Scratch::default, |_, (_, row), scratch| {
        Ok(grown(inputs, levels, first, row, scratch))
    })?;
    let grown: Vec<f64> = grown.into_iter().flatten().collect();
    let sum: f64 = grown.iter().sum();
    if grown.len() < LEAST || sum <= 0.0 {
        return Ok(None);
    }
    let dimension = 2.0 * libm::log(FAR as f64 / NEAR as f64) * grown.len() as f64 / sum;
    Ok(Some(dimension).filter(|dimension| dimension.is_finite()))
}

/// The logarithm of how much the squared distance of a row's neighbours grows; `None` where the
/// nearer ones are at the same place.
fn grown(
    inputs: &Inputs<'_>,
    (base, above): (&Filled, &[Filled]),
    first: u32,
    row: u32,
    scratch: &mut Scratch,
) -> Option<f64> {
    let space = inputs.space();
    let Scratch {
        query,
        sketched,
        values,
        walk,
    } = scratch;
    space.ask(row, query);
    space.ask_sketches(row, values, sketched);
    let work = Work {
        query,
        keys: space.keys(row),
        sketch: space.sketches.map(|sketches| (sketches, &*sketched)),
        reach: Reach::all_of(EF),
    };
    let from = match above.split_last() {
        None => vec![first],
        Some((last, upper)) => {
            let upper = upper.iter().map(Filled::layer);
            walk.way_down(upper, &last.layer(), space.codes, &work, 1)
        }
    };
    let layer = base.layer();
    walk.start(&layer, layer.len(), space.codes, &work, &from, work.reach);
    walk.run(&layer, space.codes, &work);
    let zero = space.zero(row);
    let squares = walk.pool.keys().iter().filter(|&&key| place_of(key) != row);
    let squares: Vec<f64> = squares
        .map(|&key| f64::from(distance_of(key)) - zero)
        .collect();
    let (near, far) = (squares.get(NEAR - 1)?, squares.get(FAR - 1)?);
    (*near > 0.0).then(|| libm::log(far / near))
}
