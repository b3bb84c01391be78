//! A graph after rows came and went.
//!
//! Rows that stay keep their links. One that lost neighbours chooses as many among the neighbours
//! of the lost ones (after Singh and others, FreshDiskANN, 2021). New rows go in as in a build.

use crate::error::Result;
use crate::parallel::Workers;

use super::super::update::Source;
use super::build::{Inputs, empty_level, extend, level_rows, newcomers, reach};
use super::graph::{Graph, Layer, NO_LINK};
use super::layers::{Built, Filled, Twins};
use super::prune::Pruner;
use super::spread;

/// Places of a task.
const TASK: usize = 512;

/// The graph of the new rows, from the old one.
pub(in super::super) fn update(
    inputs: &Inputs<'_>,
    old: &Graph<'_>,
    sources: &[Source],
    workers: &Workers<'_>,
) -> Result<Built> {
    // Where each old row is now.
    let mut now = vec![NO_LINK; old.base.len()];
    for (row, source) in sources.iter().enumerate() {
        if let Source::Old(before) = source
            && let Some(now) = now.get_mut(*before as usize)
        {
            *now = row as u32;
        }
    }
    let linked = |row: u32| match sources.get(row as usize) {
        Some(Source::Old(before)) => old
            .base
            .links(*before)
            .first()
            .is_some_and(|&link| link != NO_LINK),
        _ => false,
    };
    let twins = Twins::find(inputs.space.codes, inputs.stride(), &linked);
    let members = inputs.members(&twins);
    let base = inputs.base(&twins);
    let mut done: Vec<Filled> = Vec::new();
    for level in (0..=members.len()).rev() {
        let mut filled = empty_level(inputs, &members, level);
        let rows = level_rows(&members, &base, level);
        let inside = if level <= old.height() {
            repair(
                inputs,
                &old.layer(level),
                &now,
                &mut filled,
                rows,
                sources,
                workers,
            )?
        } else {
            Vec::new()
        };
        let new = newcomers(inputs, &filled, rows, &inside);
        // A walk comes down to rows of the level above, so each needs links before it goes in.
        if let Some(above) = done.last() {
            let layer = above.layer();
            for place in 0..layer.len() as u32 {
                let below = layer.below(place);
                if filled.of(below).is_empty() {
                    filled.set(below, above.of(place).iter().map(|&link| layer.below(link)));
                }
            }
        }
        let total = rows.len() as u64;
        extend(inputs, &done, &mut filled, &inside, &new, workers, total)?;
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

/// Takes over the links of a level. Returns the places that have some.
fn repair(
    inputs: &Inputs<'_>,
    old: &Layer<'_>,
    now: &[u32],
    filled: &mut Filled,
    rows: &[u32],
    sources: &[Source],
    workers: &Workers<'_>,
) -> Result<Vec<u32>> {
    let space = inputs.space();
    let old_place = |row: u32| -> Option<u32> {
        match sources.get(row as usize) {
            Some(Source::Old(before)) if old.rows.is_empty() => Some(*before),
            Some(Source::Old(before)) => old.rows.binary_search(before).ok().map(|at| at as u32),
            _ => None,
        }
    };
    let stands = |row: u32| rows.binary_search(&row).is_ok();
    // An old place of this level as one of the new level, if its row stands there still.
    let moved = |filled: &Filled, place: u32| -> Option<u32> {
        let row = now.get(old.row(place) as usize).copied()?;
        if row == NO_LINK || !stands(row) {
            return None;
        }
        filled.place(row)
    };
    let lists = {
        let filled = &*filled;
        let layer = filled.layer();
        workers.map(
            "repair",
            rows.chunks(TASK).collect(),
            || (Pruner::default(), Vec::new()),
            |_, rows, (pruner, candidates)| {
                let mut lists: Vec<(u32, Vec<u32>)> = Vec::new();
                for &row in rows {
                    let (Some(before), Some(place)) = (old_place(row), filled.place(row)) else {
                        continue;
                    };
                    let mut links: Vec<u32> = Vec::new();
                    let mut lost: Vec<u32> = Vec::new();
                    for &link in old.links(before).iter().take_while(|&&l| l != NO_LINK) {
                        match moved(filled, link) {
                            Some(link) => links.push(link),
                            None => lost.push(link),
                        }
                    }
                    if !lost.is_empty() {
                        // As many as before: what is left, and the best of those behind the lost.
                        let degree = links.len() + lost.len();
                        let mut behind: Vec<u32> = Vec::new();
                        for gone in lost {
                            let next = old.filled(gone).iter();
                            behind.extend(next.filter_map(|&link| moved(filled, link)));
                        }
                        behind.sort_unstable();
                        behind.dedup();
                        behind.retain(|link| *link != place && !links.contains(link));
                        pruner.measure(&space, &layer, place, &behind, candidates);
                        pruner.complete(&space, &layer, &links, candidates, degree, degree);
                        links.clear();
                        links.extend(pruner.kept.iter().map(|kept| kept.1));
                    }
                    if !links.is_empty() {
                        lists.push((place, links));
                    }
                }
                Ok(lists)
            },
        )?
    };
    let mut inside = Vec::new();
    for (place, links) in lists.into_iter().flatten() {
        filled.set(place, links.into_iter());
        inside.push(place);
    }
    Ok(inside)
}
