//! The item graph: for each item its strongest neighbours, with integer weights.
//!
//! Rows are stored one after the other, neighbours ascending by index within a row. A weight is
//! a `u16` times `2^-scale`, with one scale for the whole graph, a power of two: so sums of
//! weights times integers are exact, in any order, in integers and in `f64` alike
//! (`docs/adr/0001-determinism.md`).

use std::cmp::Ordering;
use std::ops::Range;

use tastemaker_kernels::{Ids, Rows};

use crate::error::{Error, ErrorKind, Result};
use crate::rank::nearest;
use crate::snapshot::{Section, Sections, VERSION, Writer};

/// A read-only view of the graph in a snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Graph<'a> {
    pub(crate) offsets: &'a [u32],
    pub(crate) ids: Ids<'a>,
    pub(crate) weights: &'a [u16],
    pub(crate) scale: i32,
}

impl<'a> Graph<'a> {
    /// The rows, as the kernels read them.
    pub(crate) fn rows(&self) -> Rows<'a> {
        Rows {
            offsets: self.offsets,
            ids: self.ids,
            weights: self.weights,
        }
    }

    /// The neighbours of an item and their weights; empty for an unknown item.
    #[inline]
    pub(crate) fn row(&self, item: u32) -> (Ids<'a>, &'a [u16]) {
        self.rows().get(item)
    }

    /// The weight of the edge from one item to another; 0 if there is none.
    pub(crate) fn weight(&self, from: u32, to: u32) -> u16 {
        let (ids, weights) = self.row(from);
        ids.position(to)
            .and_then(|at| weights.get(at))
            .copied()
            .unwrap_or(0)
    }

    /// The value of a weight of 1.
    pub(crate) fn unit(&self) -> f64 {
        libm::ldexp(1.0, -self.scale)
    }

    /// What the snapshot reader checks.
    pub(crate) fn check(&self, items: usize) -> bool {
        let shape = self.offsets.len() == items + 1
            && self.offsets.first() == Some(&0)
            && self
                .offsets
                .last()
                .is_some_and(|&end| end as usize == self.ids.len())
            && self.ids.len() == self.weights.len()
            && self.offsets.is_sorted();
        if !shape || !(-64..=64).contains(&self.scale) {
            return false;
        }
        rows_ascend(self.offsets, self.ids, items)
    }
}

/// True if within every row (from one of `starts` to the next) the ids ascend strictly, and all
/// are below `limit`. One pass over the ids, in vectors: a descent may stand between two rows
/// only, so those between rows are counted and compared with all there are.
pub(crate) fn rows_ascend(starts: &[u32], ids: Ids<'_>, limit: usize) -> bool {
    let (largest, descents) = tastemaker_kernels::largest_and_descents(ids);
    let mut between = 0;
    let mut last = 0;
    for &start in starts {
        if start != last {
            between += usize::from(ids.descends_at((start as usize).saturating_sub(1)));
        }
        last = start;
    }
    descents == between && (ids.is_empty() || (largest as usize) < limit)
}

/// Most items whose neighbours are written in 16 bits each.
pub(crate) const NARROW_ITEMS: usize = 1 << 16;

/// The section that holds the neighbours, which follows from the number of items.
pub(crate) fn ids_section(version: u32, items: usize) -> Section {
    // Version 1 knew 32 bits only.
    if version > 1 && items <= NARROW_ITEMS {
        Section::GraphNarrowIds
    } else {
        Section::GraphIds
    }
}

/// Adds the sections of a graph of `items` items.
pub(crate) fn write(
    writer: &mut Writer,
    items: usize,
    offsets: &[u32],
    ids: &[u32],
    weights: &[u16],
) {
    writer.add(Section::GraphOffsets, 0, offsets);
    match ids_section(VERSION, items) {
        Section::GraphNarrowIds => {
            let narrow: Vec<u16> = ids.iter().map(|&id| id as u16).collect();
            writer.add(Section::GraphNarrowIds, 0, &narrow);
        }
        wide => writer.add(wide, 0, ids),
    }
    writer.add(Section::GraphWeights, 0, weights);
}

/// Where the sections of a graph lie.
pub(crate) struct Layout {
    offsets: Range<usize>,
    ids: Range<usize>,
    weights: Range<usize>,
    narrow: bool,
    scale: i32,
}

impl Layout {
    /// Finds the sections; `None` if they are not a graph of `items` items.
    pub(crate) fn open(sections: &Sections, items: usize, scale: i32) -> Option<Self> {
        let section = ids_section(sections.version(), items);
        let narrow = section == Section::GraphNarrowIds;
        // From version 2 on there is one way to write a graph.
        let unused = match section {
            Section::GraphNarrowIds => sections.range(Section::GraphIds, 0),
            _ if sections.version() > 1 => sections.range(Section::GraphNarrowIds, 0),
            _ => 0..0,
        };
        let layout = Self {
            offsets: sections.range(Section::GraphOffsets, 0),
            ids: sections.range(section, 0),
            weights: sections.range(Section::GraphWeights, 0),
            narrow,
            scale,
        };
        (unused.is_empty() && layout.view(sections).check(items)).then_some(layout)
    }

    pub(crate) fn view<'a>(&self, sections: &'a Sections) -> Graph<'a> {
        Graph {
            offsets: sections.slice(&self.offsets),
            ids: if self.narrow {
                Ids::Narrow(sections.slice(&self.ids))
            } else {
                Ids::Wide(sections.slice(&self.ids))
            },
            weights: sections.slice(&self.weights),
            scale: self.scale,
        }
    }
}

/// A graph under construction: rows of (neighbour, weight), any order, weights finite.
pub(crate) type Row = Vec<(u32, f32)>;

/// A graph ready to be written.
pub(crate) struct Quantised {
    pub(crate) offsets: Vec<u32>,
    pub(crate) ids: Vec<u32>,
    pub(crate) weights: Vec<u16>,
    pub(crate) scale: i32,
}

/// Chooses the scale by the largest weight and rounds every weight to it, half to even. Edges
/// that round to zero are dropped.
pub(crate) fn quantise(rows: &[Row]) -> Result<Quantised> {
    let largest = rows.iter().flatten().fold(0f32, |m, &(_, w)| m.max(w));
    let scale = scale_for(largest);
    let factor = libm::ldexp(1.0, scale);
    let edges: usize = rows.iter().map(Vec::len).sum();
    if u32::try_from(edges).is_err() {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("{edges} edges; the graph holds at most 2^32"),
        ));
    }
    let mut out = Quantised {
        offsets: Vec::with_capacity(rows.len() + 1),
        ids: Vec::with_capacity(edges),
        weights: Vec::with_capacity(edges),
        scale,
    };
    out.offsets.push(0);
    let mut sorted: Row = Vec::new();
    for row in rows {
        let mut row = row.as_slice();
        if !row.is_sorted_by_key(|&(id, _)| id) {
            sorted.clear();
            sorted.extend_from_slice(row);
            sorted.sort_unstable_by_key(|&(id, _)| id);
            row = &sorted;
        }
        let first = out.ids.len();
        let quantum = |weight| nearest((f64::from(weight) * factor).clamp(0.0, 65_535.0)) as u16;
        out.ids.extend(row.iter().map(|&(id, _)| id));
        out.weights
            .extend(row.iter().map(|&(_, weight)| quantum(weight)));
        drop_zeros(&mut out.ids, &mut out.weights, first);
        out.offsets.push(out.ids.len() as u32);
    }
    Ok(out)
}

/// Leaves out the edges from `first` on whose weight is 0.
fn drop_zeros(ids: &mut Vec<u32>, weights: &mut Vec<u16>, first: usize) {
    let Some(zero) = weights.iter().skip(first).position(|&weight| weight == 0) else {
        return;
    };
    let start = first + zero;
    let mut kept = start;
    for at in start..ids.len() {
        ids[kept] = ids[at];
        weights[kept] = weights[at];
        kept += usize::from(weights[at] > 0);
    }
    ids.truncate(kept);
    weights.truncate(kept);
}

/// The largest scale for which `largest · 2^scale` rounds to at most 65535.
fn scale_for(largest: f32) -> i32 {
    if largest.is_nan() || largest <= 0.0 {
        return 0;
    }
    let largest = f64::from(largest);
    let mut scale = (16 - libm::ilogb(largest)).clamp(-64, 64);
    while scale > -64 && libm::rint(libm::ldexp(largest, scale)) > 65_535.0 {
        scale -= 1;
    }
    scale
}

/// Keeps the `keep` strongest of `row` by (weight descending, id ascending).
pub(crate) fn strongest(row: &mut Row, keep: usize) {
    if row.len() > keep && keep > 0 {
        row.select_nth_unstable_by(keep - 1, by_strength);
    }
    row.truncate(keep);
}

/// [`strongest`] of a row that stays in the order that it has; `room` is a buffer.
pub(crate) fn strongest_in_place(row: &mut Row, keep: usize, room: &mut Row) {
    if row.len() <= keep {
        return;
    }
    room.clone_from(row);
    strongest(room, keep);
    match room.last().copied() {
        // The last of those that were selected is the weakest.
        Some(weakest) => row.retain(|edge| by_strength(edge, &weakest).is_le()),
        None => row.clear(),
    }
}

fn by_strength(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_uses_the_range_and_never_overflows_it() {
        for largest in [
            1e-9f32, 0.1, 0.999_99, 1.0, 1.000_01, 3.7, 65_535.0, 65_536.0, 1e9,
        ] {
            let scale = scale_for(largest);
            let quantum = libm::rint(libm::ldexp(f64::from(largest), scale));
            assert!(quantum <= 65_535.0, "{largest} {scale}");
            assert!(quantum >= 32_767.0 || scale == 64, "{largest} {scale}");
        }
        assert_eq!(scale_for(0.0), 0);
    }

    #[test]
    fn rows_come_out_sorted_without_zeros() {
        let rows = vec![vec![(5, 0.5f32), (2, 1.0), (3, 1e-9)], vec![]];
        let q = quantise(&rows).unwrap();
        assert_eq!(q.offsets, [0, 2, 2]);
        assert_eq!(q.ids, [2, 5]);
        assert_eq!(q.weights, [32_768, 16_384]);
        assert_eq!(q.scale, 15);
    }

    #[test]
    fn the_strongest_are_the_same_in_place() {
        let row: Row = (0..200u32)
            .map(|n| (n, (n * 7919 % 31) as f32 - 4.0))
            .collect();
        for keep in [0, 1, 7, 100, 199, 200, 300] {
            let (mut any, mut in_place) = (row.clone(), row.clone());
            strongest(&mut any, keep);
            any.sort_unstable_by_key(|edge| edge.0);
            strongest_in_place(&mut in_place, keep, &mut Row::new());
            assert_eq!(in_place, any, "{keep}");
        }
    }

    #[test]
    fn weights_round_to_the_nearest_half_to_even() {
        let quantum = 1.0 / 32_768.0;
        let row = [
            1.0,
            100.6 * quantum,
            101.4 * quantum,
            102.5 * quantum,
            0.4 * quantum,
        ];
        let rows = vec![
            row.iter()
                .enumerate()
                .map(|(id, &w)| (id as u32, w))
                .collect(),
        ];
        let q = quantise(&rows).unwrap();
        assert_eq!((q.scale, q.weights), (15, vec![32_768, 101, 101, 102]));
    }

    #[test]
    fn edges_of_weight_zero_go_from_anywhere_in_a_row() {
        let rows = vec![
            vec![(3, 0.0), (4, 0.5), (6, 1e-9), (7, 1e-9), (8, 0.25)],
            vec![(9, 1.0), (2, 0.0), (1, 0.5)],
            vec![(5, 0.0)],
        ];
        let q = quantise(&rows).unwrap();
        assert_eq!(q.offsets, [0, 2, 4, 4]);
        assert_eq!(q.ids, [4, 8, 1, 9]);
        assert_eq!(q.weights, [16_384, 8_192, 16_384, 32_768]);
    }

    #[test]
    fn ascending_rows() {
        let starts = [0, 0, 2, 2, 4, 5, 5];
        for (ids, limit, expected) in [
            ([1u16, 7, 3, 4, 2], 8, true),
            ([1, 2, 3, 4, 5], 8, true),
            ([1, 7, 3, 4, 2], 7, false),
            ([7, 1, 3, 4, 2], 8, false),
            ([1, 7, 4, 4, 2], 8, false),
        ] {
            let wide = ids.map(u32::from);
            assert_eq!(rows_ascend(&starts, Ids::Narrow(&ids), limit), expected);
            assert_eq!(rows_ascend(&starts, Ids::Wide(&wide), limit), expected);
        }
        assert!(rows_ascend(&[0], Ids::Wide(&[]), 0));
    }

    /// A graph of `items` items in which the first one has two neighbours, the last one with it.
    fn sections(items: usize, ids: Section, more: Option<Section>) -> Sections {
        let mut offsets = vec![2u32; items + 1];
        offsets[0] = 0;
        let mut writer = Writer::default();
        writer.add(Section::GraphOffsets, 0, &offsets);
        writer.add(Section::GraphWeights, 0, &[3u16, 4]);
        for section in [Some(ids), more].into_iter().flatten() {
            match section {
                Section::GraphNarrowIds => {
                    writer.add(section, 0, &[1, (items.min(65_536) - 1) as u16]);
                }
                _ => writer.add(section, 0, &[1, items as u32 - 1]),
            }
        }
        Sections::open(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn the_number_of_items_says_which_section_holds_the_neighbours() {
        use Section::{GraphIds as Wide, GraphNarrowIds as Narrow};
        for (items, right, wrong) in [
            (3, Narrow, Wide),
            (65_535, Narrow, Wide),
            (65_536, Narrow, Wide),
            (65_537, Wide, Narrow),
            (70_000, Wide, Narrow),
        ] {
            assert_eq!(ids_section(2, items), right);
            assert_eq!(ids_section(1, items), Wide);
            let good = sections(items, right, None);
            let layout = Layout::open(&good, items, 0).unwrap();
            let last = items as u32 - 1;
            assert_eq!(layout.view(&good).weight(0, last), 4, "{items}");
            assert_eq!(layout.view(&good).weight(0, 1), 3);
            assert_eq!(layout.view(&good).weight(0, 1 + (1 << 16)), 0);
            assert_eq!(layout.view(&good).weight(last, 1), 0);
            for bad in [
                sections(items, wrong, None),
                sections(items, right, Some(wrong)),
            ] {
                assert!(Layout::open(&bad, items, 0).is_none(), "{items}");
            }
            let mut writer = Writer::default();
            let mut offsets = vec![2u32; items + 1];
            offsets[0] = 0;
            write(&mut writer, items, &offsets, &[1, last], &[3, 4]);
            let written = Sections::open(writer.finish().unwrap()).unwrap();
            assert_eq!(written.hash(), good.hash());
        }
    }

    #[test]
    fn strongest_breaks_ties_by_id() {
        let mut row = vec![(9, 1.0), (4, 1.0), (7, 2.0), (1, 0.5)];
        strongest(&mut row, 2);
        row.sort_unstable_by_key(|e| e.0);
        assert_eq!(row, [(4, 1.0), (7, 2.0)]);
    }
}
