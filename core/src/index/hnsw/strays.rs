//! A second look for rows that may stand in the wrong place.
//!
//! A row finds its neighbours with a short list of candidates. Where vectors lie in many clusters,
//! the list may fill up with one that is near, and the row is linked there, while its own cluster
//! does not know it: no list of a search is then long enough to find it. Such a row lies farther
//! from its neighbours than they do from theirs. The rows of which this is true, some in a hundred,
//! look once more, with a longer list that starts in several places.

use crate::error::Result;
use crate::parallel::Workers;

use super::build::{Inputs, Look, commit, search};
use super::layers::Filled;
use super::prune::Pruner;

/// Rows of a task.
const TASK: usize = 256;
/// How many times as many candidates a row has that looks again.
const LONGER: usize = 4;
/// Places of the level above that it starts from.
const ENTRIES: usize = 64;

/// Lets the strays among `rows` of a level look again.
pub(super) fn again(
    inputs: &Inputs<'_>,
    above: &[Filled],
    filled: &mut Filled,
    rows: &[u32],
    workers: &Workers<'_>,
) -> Result<()> {
    if above.is_empty() {
        return Ok(());
    }
    let quiet = workers.control.quiet();
    let workers = Workers {
        threads: workers.threads,
        control: &quiet,
    };
    let places: Vec<u32> = rows.iter().filter_map(|&row| filled.place(row)).collect();
    let strays = strays(inputs, filled, &places, &workers)?;
    let look = Look {
        ef: inputs.ef.saturating_mul(LONGER),
        entries: ENTRIES,
        wanted: (filled.width, filled.width / 2),
        dimension: None,
    };
    let chosen = search(inputs, above, filled, None, &strays, look, &workers)?;
    commit(inputs, filled, chosen, &workers)
}

/// The places that lie farther from their neighbours than each of those from its own.
fn strays(
    inputs: &Inputs<'_>,
    filled: &Filled,
    places: &[u32],
    workers: &Workers<'_>,
) -> Result<Vec<u32>> {
    let space = inputs.space();
    let layer = filled.layer();
    let far = workers.map(
        "graph",
        places.chunks(TASK).collect(),
        || (Pruner::default(), Vec::new()),
        |_, places, (pruner, sorted)| {
            let mut far = Vec::with_capacity(places.len());
            for &place in places {
                pruner.measure(&space, &layer, place, filled.of(place), sorted);
                let nearest = sorted.first();
                far.push((place, nearest.map_or(0, |&(distance, _)| distance)));
            }
            Ok(far)
        },
    )?;
    let mut by_place = vec![0; layer.len()];
    for &(place, distance) in far.iter().flatten() {
        if let Some(slot) = by_place.get_mut(place as usize) {
            *slot = distance;
        }
    }
    let far_of = |place: u32| by_place.get(place as usize).copied().unwrap_or(0);
    let stray = |&place: &u32| {
        let mut links = filled.of(place).iter();
        links.all(|&link| far_of(link) < far_of(place))
    };
    Ok(places.iter().copied().filter(stray).collect())
}
