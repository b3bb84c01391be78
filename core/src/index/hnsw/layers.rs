//! A graph while it is made: which rows stand in which level, in which order they go in, and
//! which are twins.

use crate::snapshot::{Section, Writer};

use super::MAX_LEVELS;
use super::graph::{Layer, NO_LINK};

/// A level that is being filled.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pub(super) rows: Vec<u32>,
    pub(super) down: Vec<u32>,
    pub(super) links: Vec<u32>,
    pub(super) width: usize,
}

impl Filled {
    /// A level of these rows without links; `rows` is empty for level 0, which has `len` places.
    pub(super) fn new(rows: Vec<u32>, down: Vec<u32>, len: usize, width: usize) -> Self {
        Self {
            rows,
            down,
            links: vec![NO_LINK; len * width],
            width,
        }
    }

    pub(super) fn layer(&self) -> Layer<'_> {
        Layer {
            rows: &self.rows,
            down: &self.down,
            links: &self.links,
            width: self.width,
        }
    }

    /// The place of a row; for level 0 it is the row.
    pub(super) fn place(&self, row: u32) -> Option<u32> {
        if self.rows.is_empty() {
            return Some(row);
        }
        self.rows.binary_search(&row).ok().map(|at| at as u32)
    }

    pub(super) fn set(&mut self, place: u32, links: impl Iterator<Item = u32>) {
        let start = place as usize * self.width;
        if let Some(row) = self.links.get_mut(start..start + self.width) {
            row.fill(NO_LINK);
            for (to, link) in row.iter_mut().zip(links) {
                *to = link;
            }
        }
    }

    /// The neighbours of a place.
    pub(super) fn of(&self, place: u32) -> &[u32] {
        let start = place as usize * self.width;
        let row = self.links.get(start..start + self.width).unwrap_or(&[]);
        let end = row.iter().position(|&l| l == NO_LINK).unwrap_or(row.len());
        row.get(..end).unwrap_or(&[])
    }
}

/// A finished graph.
#[derive(Debug, Default)]
pub(in super::super) struct Built {
    /// Level 0 first.
    pub(super) levels: Vec<Filled>,
    pub(super) twins: Twins,
    /// See [`super::spread`].
    pub(in super::super) dimension: Option<f64>,
}

impl Built {
    /// The levels above 0.
    pub(in super::super) fn height(&self) -> usize {
        self.levels.len().saturating_sub(1)
    }

    pub(in super::super) fn write(&self, writer: &mut Writer) {
        for (level, filled) in self.levels.iter().enumerate() {
            let index = level as u32;
            if level == 0 {
                writer.add(Section::IndexLinks, 0, &filled.links);
            } else {
                writer.add(Section::IndexLevelRows, index, &filled.rows);
                if level > 1 {
                    writer.add(Section::IndexLevelDown, index, &filled.down);
                }
                writer.add(Section::IndexLevelLinks, index, &filled.links);
            }
        }
        if !self.twins.firsts.is_empty() {
            writer.add(Section::IndexTwinFirsts, 0, &self.twins.firsts);
            writer.add(Section::IndexTwinStarts, 0, &self.twins.starts);
            writer.add(Section::IndexTwinRows, 0, &self.twins.rows);
        }
    }
}

/// Rows with the same codes. One of them stands in the graph for all.
#[derive(Clone, Debug, Default)]
pub(super) struct Twins {
    /// The rows that stand for others, ascending.
    pub(super) firsts: Vec<u32>,
    /// Where the others of each start.
    pub(super) starts: Vec<u32>,
    /// The others, ascending for each.
    pub(super) rows: Vec<u32>,
}

impl Twins {
    /// Groups rows by their codes. `prefer` says which rows stand in a graph already; of those the
    /// first, else the first row, stands for a group.
    pub(super) fn find(codes: &[u8], stride: usize, prefer: &dyn Fn(u32) -> bool) -> Self {
        let code = |row: u32| {
            let start = row as usize * stride;
            codes.get(start..start + stride).unwrap_or(&[])
        };
        let mut keys: Vec<(u64, u32)> = codes
            .chunks_exact(stride)
            .enumerate()
            .map(|(row, code)| (xxhash_rust::xxh3::xxh3_64(code), row as u32))
            .collect();
        keys.sort_unstable();
        let mut groups: Vec<Vec<u32>> = Vec::new();
        for same_hash in keys.chunk_by(|a, b| a.0 == b.0) {
            if same_hash.len() < 2 {
                continue;
            }
            // Other codes with the same hash are possible, and rare.
            let mut rows: Vec<u32> = same_hash.iter().map(|key| key.1).collect();
            rows.sort_unstable_by(|&a, &b| code(a).cmp(code(b)).then(a.cmp(&b)));
            for group in rows.chunk_by(|&a, &b| code(a) == code(b)) {
                if group.len() > 1 {
                    let mut group = group.to_vec();
                    if let Some(at) = group.iter().position(|&row| prefer(row)) {
                        let first = group.remove(at);
                        group.insert(0, first);
                    }
                    groups.push(group);
                }
            }
        }
        groups.sort_unstable_by_key(|group| group.first().copied());
        let mut twins = Self::default();
        for group in groups {
            let (first, others) = match group.split_first() {
                Some((first, others)) => (*first, others),
                None => continue,
            };
            twins.firsts.push(first);
            twins.starts.push(twins.rows.len() as u32);
            twins.rows.extend_from_slice(others);
        }
        twins.starts.push(twins.rows.len() as u32);
        twins
    }
}

/// The level of a row, from its hash: each level has one row in `m` of the level below.
pub(super) fn level_of(hash: u64, m: usize) -> usize {
    let mut left = hash;
    let mut level = 0;
    // Divide the range of the hash again and again.
    while level < MAX_LEVELS {
        let share = u64::MAX / m as u64;
        if left >= share {
            break;
        }
        left = left.saturating_mul(m as u64);
        level += 1;
    }
    level
}

/// The levels above 0 of a graph with so many rows: the top has some tens of them, or hundreds.
pub(super) fn height_of(rows: usize, m: usize) -> usize {
    let mut height = 0;
    let mut left = rows;
    while left / m >= 32 && height < MAX_LEVELS {
        left /= m;
        height += 1;
    }
    height
}
