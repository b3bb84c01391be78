//! A graph as it lies in a file, and its check.

use std::ops::Range;

use crate::snapshot::{Section, Sections};

use super::MAX_LEVELS;

/// Behind the last neighbour of a row.
pub(in super::super) const NO_LINK: u32 = u32::MAX;

/// The links of one level.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Layer<'a> {
    /// The row of each place; empty for level 0, where place and row are one.
    pub(super) rows: &'a [u32],
    /// The place of each in the level below; empty for levels 0 and 1: there it is the row.
    pub(super) down: &'a [u32],
    pub(super) links: &'a [u32],
    /// Links of a place.
    pub(super) width: usize,
}

impl<'a> Layer<'a> {
    #[inline(always)]
    pub(super) fn row(&self, place: u32) -> u32 {
        if self.rows.is_empty() {
            place
        } else {
            self.rows.get(place as usize).copied().unwrap_or(0)
        }
    }

    /// The neighbours of a place, with [`NO_LINK`] behind the last.
    #[inline(always)]
    pub(super) fn links(&self, place: u32) -> &'a [u32] {
        let start = place as usize * self.width;
        self.links.get(start..start + self.width).unwrap_or(&[])
    }

    /// The neighbours of a place.
    #[inline(always)]
    pub(super) fn filled(&self, place: u32) -> &'a [u32] {
        let links = self.links(place);
        // Filled from the front, and most rows are full.
        let mut end = links.len();
        while end > 0 && links.get(end - 1) == Some(&NO_LINK) {
            end -= 1;
        }
        links.get(..end).unwrap_or(&[])
    }

    pub(super) fn len(&self) -> usize {
        self.links.len() / self.width.max(1)
    }

    /// Where a place of this level stands in the one below.
    pub(super) fn below(&self, place: u32) -> u32 {
        if self.down.is_empty() {
            self.row(place)
        } else {
            self.down.get(place as usize).copied().unwrap_or(0)
        }
    }
}

/// Where the levels lie.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Levels {
    m: usize,
    base: Range<usize>,
    /// Rows, down, links of level 1 and up.
    upper: Vec<[Range<usize>; 3]>,
}

/// A graph, borrowed.
#[derive(Clone, Copy)]
pub(in super::super) struct Graph<'a> {
    sections: &'a Sections,
    levels: &'a Levels,
    pub(super) base: Layer<'a>,
}

impl<'a> Graph<'a> {
    /// The levels above 0.
    pub(in super::super) fn height(&self) -> usize {
        self.levels.upper.len()
    }

    /// A level; level 0 for what is not there.
    pub(super) fn layer(&self, level: usize) -> Layer<'a> {
        match level.checked_sub(1).and_then(|n| self.levels.upper.get(n)) {
            None => self.base,
            Some([rows, down, links]) => Layer {
                rows: self.sections.slice(rows),
                down: self.sections.slice(down),
                links: self.sections.slice(links),
                width: self.levels.m,
            },
        }
    }
}

impl Levels {
    /// Finds the levels of a file; `None` where lengths do not fit.
    pub(in super::super) fn open(
        sections: &Sections,
        rows: usize,
        m: usize,
        height: usize,
    ) -> Option<Self> {
        if height > MAX_LEVELS {
            return None;
        }
        let base = sections
            .exactly::<u32>(Section::IndexLinks, 0, rows.checked_mul(2 * m)?)
            .ok()?;
        let mut upper = Vec::new();
        for level in 1..=height as u32 {
            let rows = sections.range(Section::IndexLevelRows, level);
            let len = sections.slice::<u32>(&rows).len();
            let down = match level {
                1 => 0..0,
                _ => sections
                    .exactly::<u32>(Section::IndexLevelDown, level, len)
                    .ok()?,
            };
            let links = sections
                .exactly::<u32>(Section::IndexLevelLinks, level, len.checked_mul(m)?)
                .ok()?;
            if len == 0 {
                return None;
            }
            upper.push([rows, down, links]);
        }
        Some(Self { m, base, upper })
    }

    pub(in super::super) fn view<'a>(&'a self, sections: &'a Sections) -> Graph<'a> {
        Graph {
            sections,
            levels: self,
            base: Layer {
                rows: &[],
                down: &[],
                links: sections.slice(&self.base),
                width: 2 * self.m,
            },
        }
    }

    /// Whether every link, row and place points at something, and each row of links is filled from
    /// the front.
    pub(in super::super) fn check(&self, sections: &Sections, rows: usize) -> bool {
        let graph = self.view(sections);
        let mut below = rows;
        let mut sound = links_are_sound(graph.base.links, graph.base.width, rows);
        for level in 1..=self.upper.len() {
            let layer = graph.layer(level);
            let lower = graph.layer(level - 1);
            let len = layer.rows.len();
            sound &= layer.rows.windows(2).all(|w| w[0] < w[1])
                && layer.rows.iter().all(|&row| (row as usize) < rows)
                && (0..len as u32).all(|place| {
                    let at = layer.below(place);
                    (at as usize) < below && lower.row(at) == layer.row(place)
                })
                && links_are_sound(layer.links, layer.width, len);
            below = len;
        }
        sound
    }
}

fn links_are_sound(links: &[u32], width: usize, places: usize) -> bool {
    // Without a branch for each link: this is most of what opening costs.
    let places = places as u32;
    let beyond: u64 = links
        .iter()
        .map(|&link| u64::from((link >= places) & (link != NO_LINK)))
        .sum();
    let gaps: u64 = links
        .chunks_exact(width.max(1))
        .map(|row| {
            row.windows(2)
                .map(|w| u64::from((w[0] == NO_LINK) & (w[1] != NO_LINK)))
                .sum::<u64>()
        })
        .sum();
    beyond == 0 && gaps == 0
}
