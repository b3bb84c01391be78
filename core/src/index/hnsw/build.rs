//! Building a graph, level by level from the top, in batches.
//!
//! The rows of a level above are the first of the one below, with the links that they have. The
//! others go in by the order of their hashes, in batches that grow with what is there: each row of
//! a batch searches the graph of before the batch, and chooses its neighbours; then the links back
//! are put in, sorted. A batch is at most an eighth of what is there and a fiftieth of the level.
//! In the end, rows that seem to stand in the wrong place look again.

use crate::error::Result;
use crate::parallel::Workers;

use super::super::sketch::SketchQuery;
use super::connect::connect;
use super::layers::{Built, Filled, Twins, height_of, level_of};
use super::pool::{distance_of, place_of};
use super::prune::{Pruner, Space};
use super::spread::{self, Place, SAMPLE};
use super::stop::{Reach, Stop};
use super::strays::again;
use super::walk::{Walk, Work, run_many};
use tastemaker_kernels::{ByteQuery, ByteRows};

/// Rows that go into an empty level at once, each compared with each.
const FIRST: usize = 64;
/// Walks whose steps take turns.
pub(super) const TURNS: usize = 8;
/// Rows of a task.
const TASK: usize = 32;
/// Targets of a task.
const TARGETS: usize = 256;

/// What a graph is made of.
#[derive(Clone, Copy)]
pub(in super::super) struct Inputs<'a> {
    pub(in super::super) space: super::super::build::SpaceOf<'a>,
    pub(in super::super) m: usize,
    pub(in super::super) ef: usize,
    /// Whether rows go into a graph that is there.
    pub(in super::super) late: bool,
    /// A hash for each row: it gives the level and the order.
    pub(in super::super) hashes: &'a [u64],
}

impl<'a> Inputs<'a> {
    pub(super) fn space(&self) -> Space<'a> {
        Space {
            metric: self.space.metric,
            dimension: self.space.dimension,
            codes: ByteRows::new(self.space.codes, self.space.dimension).unwrap_or_default(),
            sides: self.space.sides,
            sketches: self.space.sketches,
        }
    }

    pub(super) fn hash(&self, row: u32) -> u64 {
        self.hashes.get(row as usize).copied().unwrap_or(0)
    }

    /// The rows of each level above 0 among those that stand in the graph, ascending.
    pub(super) fn members(&self, twins: &Twins) -> Vec<Vec<u32>> {
        let rows = self.hashes.len();
        let mut alone = vec![true; rows];
        for &row in &twins.rows {
            if let Some(alone) = alone.get_mut(row as usize) {
                *alone = false;
            }
        }
        let inside = rows - twins.rows.len();
        let mut levels = vec![Vec::new(); height_of(inside, self.m)];
        for (row, &hash) in self.hashes.iter().enumerate() {
            if alone.get(row) == Some(&true) {
                let level = level_of(hash, self.m);
                for rows in levels.iter_mut().take(level) {
                    rows.push(row as u32);
                }
            }
        }
        // A level without rows ends the stack.
        if let Some(empty) = levels.iter().position(Vec::is_empty) {
            levels.truncate(empty);
        }
        levels
    }

    /// The rows of level 0 that stand in the graph, ascending.
    pub(super) fn base(&self, twins: &Twins) -> Vec<u32> {
        let mut others = twins.rows.clone();
        others.sort_unstable();
        (0..self.hashes.len() as u32)
            .filter(|row| others.binary_search(row).is_err())
            .collect()
    }

    pub(super) fn stride(&self) -> usize {
        super::super::view::stride(self.space.dimension)
    }
}

/// Where each row of a level stands in the level below, both ascending.
pub(super) fn places_below(rows: &[u32], below: &[u32]) -> Vec<u32> {
    rows.iter()
        .map(|row| below.binary_search(row).unwrap_or(0) as u32)
        .collect()
}

/// Builds the graph.
pub(in super::super) fn build(inputs: &Inputs<'_>, workers: &Workers<'_>) -> Result<Built> {
    let twins = Twins::find(inputs.space.codes, inputs.stride(), &|_| false);
    let members = inputs.members(&twins);
    let base = inputs.base(&twins);
    let mut done: Vec<Filled> = Vec::new();
    let total = base.len() as u64;
    for level in (0..=members.len()).rev() {
        let mut filled = empty_level(inputs, &members, level);
        let mut inside: Vec<u32> = Vec::new();
        if let Some(above) = done.last() {
            inherit(above, &mut filled);
            inside.extend((0..above.layer().len() as u32).map(|place| above.layer().below(place)));
        }
        let rows = level_rows(&members, &base, level);
        let new = newcomers(inputs, &filled, rows, &inside);
        extend(inputs, &done, &mut filled, &inside, &new, workers, total)?;
        again(inputs, &done, &mut filled, rows, workers)?;
        reach(&done, &mut filled, rows);
        done.push(filled);
    }
    let dimension = spread::of_graph(inputs, &done, &base, workers)?;
    done.reverse();
    Ok(Built {
        levels: done,
        twins,
        dimension,
    })
}

/// Makes sure that every row of a level can be reached from the level above, or from the first
/// place of the top.
pub(super) fn reach(above: &[Filled], filled: &mut Filled, rows: &[u32]) {
    let places: Vec<u32> = rows.iter().filter_map(|&row| filled.place(row)).collect();
    let from: Vec<u32> = match above.last() {
        Some(above) => {
            let layer = above.layer();
            (0..layer.len() as u32)
                .map(|place| layer.below(place))
                .collect()
        }
        None => places.first().copied().into_iter().collect(),
    };
    connect(filled, &from, &places);
}

/// The rows of a level.
pub(super) fn level_rows<'a>(members: &'a [Vec<u32>], base: &'a [u32], level: usize) -> &'a [u32] {
    match level.checked_sub(1).and_then(|n| members.get(n)) {
        Some(rows) => rows,
        None => base,
    }
}

/// A level without links.
pub(super) fn empty_level(inputs: &Inputs<'_>, members: &[Vec<u32>], level: usize) -> Filled {
    let Some(rows) = level.checked_sub(1).and_then(|n| members.get(n)) else {
        return Filled::new(Vec::new(), Vec::new(), inputs.hashes.len(), 2 * inputs.m);
    };
    let down = match level.checked_sub(2).and_then(|n| members.get(n)) {
        Some(below) => places_below(rows, below),
        None => Vec::new(),
    };
    Filled::new(rows.clone(), down, rows.len(), inputs.m)
}

/// Gives the rows of the level above the links that they have there.
fn inherit(above: &Filled, filled: &mut Filled) {
    let layer = above.layer();
    for place in 0..layer.len() as u32 {
        let links = above.of(place).iter().map(|&link| layer.below(link));
        filled.set(layer.below(place), links);
    }
}

/// The places of a level that are not inside yet, in the order of their hashes.
pub(super) fn newcomers(
    inputs: &Inputs<'_>,
    filled: &Filled,
    rows: &[u32],
    inside: &[u32],
) -> Vec<u32> {
    let mut known = inside.to_vec();
    known.sort_unstable();
    let mut new: Vec<(u64, u32)> = rows
        .iter()
        .filter_map(|&row| filled.place(row).map(|place| (inputs.hash(row), place)))
        .filter(|(_, place)| known.binary_search(place).is_err())
        .collect();
    new.sort_unstable();
    new.into_iter().map(|(_, place)| place).collect()
}

/// Buffers of a thread.
#[derive(Default)]
struct Scratch {
    queries: Vec<ByteQuery>,
    sketched: Vec<SketchQuery>,
    values: Vec<i8>,
    walks: Vec<Walk>,
    pruner: Pruner,
    candidates: Vec<(u32, u32)>,
}

/// A place and the neighbours it chose: distance, place.
pub(super) type Chosen = (u32, Vec<(u32, u32)>);

/// Puts places into a level that has those `inside` already, and whose upper levels are done.
pub(super) fn extend(
    inputs: &Inputs<'_>,
    above: &[Filled],
    filled: &mut Filled,
    inside: &[u32],
    new: &[u32],
    workers: &Workers<'_>,
    total: u64,
) -> Result<()> {
    let quiet = workers.control.quiet();
    let inner = Workers {
        threads: workers.threads,
        control: &quiet,
    };
    let mut look = Look {
        ef: inputs.ef,
        entries: 1,
        wanted: wanted(inputs),
        dimension: None,
    };
    let level_total = inside.len() + new.len();
    let mut there = inside.len();
    let mut new = new;
    // Without a level above, a walk starts at a place that is inside.
    let mut entry = inside.first().copied().filter(|_| above.is_empty());
    if there == 0 {
        let (first, rest) = new.split_at(new.len().min(FIRST));
        let chosen = each_with_each(inputs, filled, first, &inner)?;
        commit(inputs, filled, chosen, &inner)?;
        entry = first.first().copied();
        there = first.len();
        new = rest;
    }
    // When to look again how the rows lie that are there: each time that they have doubled.
    let (all, mut again) = (new, 0);
    while !new.is_empty() {
        let went_in = all.get(..all.len() - new.len()).unwrap_or(&[]);
        if there >= again && went_in.len() >= SAMPLE && !inputs.late {
            again = 2 * there;
            let at = Place {
                above,
                level: filled,
                entry,
            };
            look.dimension = spread::dimension(inputs, at, went_in, &inner)?;
        }
        let size = (there / 8).min(level_total / 50).clamp(1, new.len());
        let (batch, rest) = new.split_at(size.max(FIRST / 8).min(new.len()));
        let chosen = search(inputs, above, filled, entry, batch, look, &inner)?;
        commit(inputs, filled, chosen, &inner)?;
        there += batch.len();
        new = rest;
        workers.control.report("graph", there as u64, total);
    }
    Ok(())
}

/// How many neighbours a new place chooses: the most, and the least. What comes late gets fewer
/// links back, so in an update it chooses as many as it can; but not for the inner product, where
/// the nearest rows are short ones, and the way to the long ones matters more.
fn wanted(inputs: &Inputs<'_>) -> (usize, usize) {
    if inputs.late && inputs.space.metric != super::super::options::Metric::InnerProduct {
        (inputs.m, inputs.m)
    } else {
        (inputs.m, inputs.m / 2)
    }
}

/// How far a place looks for its neighbours.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// Candidates in its level.
    pub(super) ef: usize,
    /// Candidates in the level above; at each of them the search of its level starts.
    pub(super) entries: usize,
    /// The most and the least neighbours that it chooses.
    pub(super) wanted: (usize, usize),
    /// The intrinsic dimension of the rows, where a walk may end before its list is done.
    pub(super) dimension: Option<f64>,
}

impl Look {
    /// How far a row's walk goes. At most as far as the list: what is far away is no neighbour.
    fn reach(&self, space: &Space<'_>, row: u32) -> Reach {
        let plain = Reach::all_of(self.ef);
        match self.dimension {
            None => plain,
            Some(dimension) => Reach {
                stop: Stop::new(self.wanted.0, self.ef, dimension, space.zero(row), 0.0),
                ..plain
            },
        }
    }
}

/// Where a walk in a level starts: at the entry, else at the best by the levels above.
pub(super) fn starts(
    walk: &mut Walk,
    (above, entry): (&[Filled], Option<u32>),
    codes: ByteRows<'_>,
    work: &Work<'_>,
    most: usize,
) -> Vec<u32> {
    match (entry, above.split_last()) {
        (Some(entry), _) => vec![entry],
        (None, None) => vec![0],
        (None, Some((last, upper))) => {
            let upper = upper.iter().map(Filled::layer);
            walk.way_down(upper, &last.layer(), codes, work, most)
        }
    }
}

/// The neighbours of places that search the level as it is. The links that they have are
/// candidates too.
pub(super) fn search(
    inputs: &Inputs<'_>,
    above: &[Filled],
    filled: &Filled,
    entry: Option<u32>,
    batch: &[u32],
    look: Look,
    workers: &Workers<'_>,
) -> Result<Vec<Chosen>> {
    let space = inputs.space();
    let layer = filled.layer();
    let lists = workers.map(
        "graph",
        batch.chunks(TASK).collect(),
        Scratch::default,
        |_, places, scratch| {
            let mut lists = Vec::with_capacity(places.len());
            for places in places.chunks(TURNS) {
                scratch.queries.resize_with(TURNS, ByteQuery::default);
                scratch.sketched.resize_with(TURNS, SketchQuery::default);
                scratch.walks.resize_with(TURNS, Walk::default);
                let rows: Vec<u32> = places.iter().map(|&place| layer.row(place)).collect();
                let queries = scratch.queries.iter_mut().zip(&mut scratch.sketched);
                for ((query, sketched), &row) in queries.zip(&rows) {
                    space.ask(row, query);
                    space.ask_sketches(row, &mut scratch.values, sketched);
                }
                let work: Vec<Work<'_>> = scratch
                    .queries
                    .iter()
                    .zip(&scratch.sketched)
                    .zip(&rows)
                    .map(|((query, sketched), &row)| Work {
                        query,
                        keys: space.keys(row),
                        sketch: space.sketches.map(|sketches| (sketches, sketched)),
                        reach: look.reach(&space, row),
                    })
                    .collect();
                for (walk, work) in scratch.walks.iter_mut().zip(&work) {
                    let from = starts(walk, (above, entry), space.codes, work, look.entries);
                    walk.start(&layer, layer.len(), space.codes, work, &from, work.reach);
                }
                run_many(&layer, space.codes, &work, &mut scratch.walks);
                for (walk, &place) in scratch.walks.iter().zip(places) {
                    let Scratch {
                        pruner, candidates, ..
                    } = scratch;
                    let known = filled.of(place);
                    pruner.measure(&space, &layer, place, known, candidates);
                    candidates.extend(
                        walk.pool
                            .keys()
                            .iter()
                            .map(|&key| (distance_of(key), place_of(key)))
                            .filter(|&(_, other)| other != place),
                    );
                    // The walk's alone are sorted.
                    if !known.is_empty() {
                        candidates.sort_unstable();
                        candidates.dedup();
                    }
                    let (most, least) = look.wanted;
                    pruner.prune(&space, &layer, candidates, most, least);
                    lists.push((place, pruner.kept.clone()));
                }
            }
            Ok(lists)
        },
    )?;
    Ok(lists.into_iter().flatten().collect())
}

/// The neighbours of the first places of a level, among each other.
fn each_with_each(
    inputs: &Inputs<'_>,
    filled: &Filled,
    places: &[u32],
    workers: &Workers<'_>,
) -> Result<Vec<Chosen>> {
    let space = inputs.space();
    let layer = filled.layer();
    workers.map(
        "graph",
        places.to_vec(),
        Scratch::default,
        |_, place, scratch| {
            let others: Vec<u32> = places.iter().copied().filter(|&p| p != place).collect();
            let mut candidates = Vec::new();
            scratch
                .pruner
                .measure(&space, &layer, place, &others, &mut candidates);
            let (most, least) = wanted(inputs);
            scratch
                .pruner
                .prune(&space, &layer, &candidates, most, least);
            Ok((place, scratch.pruner.kept.clone()))
        },
    )
}

/// Writes the links of new places, and the links back to them.
pub(super) fn commit(
    inputs: &Inputs<'_>,
    filled: &mut Filled,
    chosen: Vec<Chosen>,
    workers: &Workers<'_>,
) -> Result<()> {
    let mut back: Vec<(u32, u32, u32)> = Vec::new();
    for (place, links) in chosen {
        back.extend(
            links
                .iter()
                .map(|&(distance, other)| (other, distance, place)),
        );
        filled.set(place, links.iter().map(|link| link.1));
    }
    back.sort_unstable();
    let groups: Vec<&[(u32, u32, u32)]> = back.chunk_by(|a, b| a.0 == b.0).collect();
    let space = inputs.space();
    let width = filled.width;
    let changed = {
        let filled = &*filled;
        let layer = filled.layer();
        workers.map(
            "graph",
            groups.chunks(TARGETS).collect(),
            Scratch::default,
            |_, groups, scratch| {
                let mut changed: Vec<(u32, Vec<u32>)> = Vec::with_capacity(groups.len());
                for group in groups {
                    let Some(&(target, ..)) = group.first() else {
                        continue;
                    };
                    let mut all = filled.of(target).to_vec();
                    let old = all.len();
                    for &(_, _, source) in *group {
                        // Both may have chosen each other.
                        if !all.get(..old).unwrap_or(&[]).contains(&source) {
                            all.push(source);
                        }
                    }
                    if all.len() > width {
                        let Scratch {
                            pruner, candidates, ..
                        } = scratch;
                        pruner.measure(&space, &layer, target, &all, candidates);
                        pruner.prune(&space, &layer, candidates, width, width / 2);
                        all.clear();
                        all.extend(pruner.kept.iter().map(|kept| kept.1));
                    }
                    changed.push((target, all));
                }
                Ok(changed)
            },
        )?
    };
    for (target, links) in changed.into_iter().flatten() {
        filled.set(target, links.into_iter());
    }
    Ok(())
}
