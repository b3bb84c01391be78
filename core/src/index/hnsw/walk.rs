//! Walks through the graph: down the levels by the best neighbour, then with a pool of
//! candidates.
//!
//! A walk waits for memory, not for arithmetic. So a step looks at the neighbours of several
//! candidates at once, and many walks take their steps in turn, each asking for the lines of its
//! next step before the others go on.

use tastemaker_kernels::{ByteQuery, ByteRows, bit_row_dots, byte_dots, byte_dots_asked, prefetch};

use super::super::sketch::{SketchQuery, Sketches};
use super::graph::{Graph, Layer, NO_LINK};
use super::keys::{Keys, Step};
use super::pool::{Pool, Seen, key_of, place_of};
use super::stop::Reach;

/// Candidates whose neighbours are looked at in one step.
const STEP: usize = 4;

/// The state of one walk, to be used again.
#[derive(Debug, Default)]
pub(in super::super) struct Walk {
    pub(super) pool: Pool,
    pub(super) seen: Seen,
    /// The new places of a step, and their rows and inner products.
    pub(super) places: Vec<u32>,
    pub(super) rows: Vec<u32>,
    pub(super) dots: Vec<i32>,
    /// Candidates of a step that are near enough.
    near: Vec<u64>,
    /// Places whose neighbours were looked at.
    pub(super) expanded: usize,
    /// Rows whose distance was computed.
    pub(super) compared: usize,
}

/// What a walk is about.
#[derive(Clone, Copy)]
pub(in super::super) struct Work<'a> {
    pub(in super::super) query: &'a ByteQuery,
    pub(in super::super) keys: Keys<'a>,
    /// Where rows have sketches, they and what the query is to them.
    pub(in super::super) sketch: Option<(Sketches<'a>, &'a SketchQuery)>,
    /// How far it goes in the level that it is for.
    pub(in super::super) reach: Reach,
}

impl Work<'_> {
    /// Asks for what the next offer looks at first.
    #[inline(always)]
    pub(super) fn ask(&self, codes: ByteRows<'_>, rows: &[u32]) {
        match self.sketch {
            None => codes.prefetch_all(rows),
            Some((sketches, _)) => sketches.rows.prefetch_all(rows),
        }
    }
}

impl Walk {
    /// The rows that were found, nearest first, as far as `most`.
    pub(in super::super) fn found(&self, most: usize) -> impl Iterator<Item = u32> + '_ {
        self.pool.keys().iter().take(most).map(|&key| place_of(key))
    }

    /// How many places it expanded, and rows it compared.
    pub(in super::super) fn counts(&self) -> (usize, usize) {
        (self.expanded, self.compared)
    }

    /// Computes the distances of `places`, and offers them to the pool. `ASKED` says whether their
    /// rows were asked for.
    #[inline(always)]
    pub(super) fn offer<const ASKED: bool>(
        &mut self,
        layer: &Layer<'_>,
        codes: ByteRows<'_>,
        work: &Work<'_>,
    ) {
        self.compared += self.places.len();
        let bound = self.pool.bound();
        self.hopeful(layer, work, bound);
        let Self {
            pool,
            places,
            rows,
            dots,
            near,
            ..
        } = self;
        let rows: &[u32] = if layer.rows.is_empty() {
            places
        } else {
            rows.clear();
            rows.extend(places.iter().map(|&place| layer.row(place)));
            rows
        };
        if dots.len() < rows.len() {
            dots.resize(rows.len(), 0);
        }
        let dots = dots.get_mut(..rows.len()).unwrap_or(&mut []);
        if ASKED && work.sketch.is_none() {
            byte_dots_asked(work.query, codes, rows, dots);
        } else {
            byte_dots(work.query, codes, rows, dots);
        }
        if near.len() < rows.len() {
            near.resize(rows.len(), 0);
        }
        let step = Step { places, rows, dots };
        let count = work.keys.nearer(step, bound, near);
        pool.offer(near.get_mut(..count).unwrap_or(&mut []));
    }

    /// Drops the places whose sketches say that they are not nearer than `bound`.
    #[inline(always)]
    fn hopeful(&mut self, layer: &Layer<'_>, work: &Work<'_>, bound: u64) {
        let Some((sketches, query)) = work.sketch.filter(|_| bound < u64::MAX) else {
            return;
        };
        let Self {
            places, rows, dots, ..
        } = self;
        rows.clear();
        rows.extend(places.iter().map(|&place| layer.row(place)));
        dots.clear();
        dots.resize(rows.len(), 0);
        bit_row_dots(&query.bits, sketches.rows, rows, dots);
        let mut count = 0;
        for (n, (&row, &dot)) in rows.iter().zip(dots.iter()).enumerate() {
            let most = query.most(sketches.rows.row(row), dot);
            let place = places.get(n).copied().unwrap_or(0);
            if let Some(slot) = places.get_mut(count) {
                *slot = place;
            }
            count += usize::from(key_of(work.keys.key(row, most), place) < bound);
        }
        places.truncate(count);
    }

    /// Starts in a level.
    pub(super) fn start(
        &mut self,
        layer: &Layer<'_>,
        places: usize,
        codes: ByteRows<'_>,
        work: &Work<'_>,
        entry: &[u32],
        reach: Reach,
    ) {
        self.pool.reset(reach);
        self.seen.reset(places);
        self.places.clear();
        for &place in entry {
            if self.seen.insert(place) {
                self.places.push(place);
            }
        }
        self.offer::<false>(layer, codes, work);
        self.ask(layer);
    }

    /// Asks for the links of the next step.
    #[inline(always)]
    fn ask(&self, layer: &Layer<'_>) {
        for place in self.pool.open().take(STEP) {
            prefetch(layer.links(place));
        }
    }

    /// Takes the nearest open candidates and collects their new neighbours; false where no
    /// candidate is open.
    #[inline(always)]
    pub(super) fn collect(
        &mut self,
        layer: &Layer<'_>,
        codes: ByteRows<'_>,
        work: &Work<'_>,
    ) -> bool {
        self.places.clear();
        let mut any = false;
        for _ in 0..STEP {
            let Some(place) = self.pool.pop() else { break };
            any = true;
            self.expanded += 1;
            let first = self.places.len();
            self.seen.insert_all(layer.filled(place), &mut self.places);
            // All at once: memory brings many lines in the time of one.
            let new = self.places.get(first..).unwrap_or(&[]);
            if layer.rows.is_empty() {
                work.ask(codes, new);
            } else {
                for &place in new {
                    work.ask(codes, &[layer.row(place)]);
                }
            }
        }
        any
    }

    /// Walks in one level until no candidate is open.
    pub(super) fn run(&mut self, layer: &Layer<'_>, codes: ByteRows<'_>, work: &Work<'_>) {
        while self.collect(layer, codes, work) {
            self.offer::<true>(layer, codes, work);
            self.ask(layer);
        }
    }

    /// Goes to the best neighbour as long as there is a better one.
    pub(super) fn greedy(
        &mut self,
        layer: &Layer<'_>,
        codes: ByteRows<'_>,
        work: &Work<'_>,
        entry: u32,
    ) -> u32 {
        let mut best = (u32::MAX, entry);
        self.places.clear();
        self.places.push(entry);
        // Each round comes strictly nearer, so it ends.
        loop {
            self.compared += self.places.len();
            if best.0 < u32::MAX {
                self.hopeful(layer, work, key_of(best.0, best.1));
            }
            self.rows.clear();
            self.rows
                .extend(self.places.iter().map(|&place| layer.row(place)));
            self.dots.clear();
            self.dots.resize(self.rows.len(), 0);
            byte_dots(work.query, codes, &self.rows, &mut self.dots);
            let mut better = false;
            for ((&place, &row), &dot) in self.places.iter().zip(&self.rows).zip(&self.dots) {
                let key = (work.keys.key(row, dot), place);
                if key < best {
                    best = key;
                    better = true;
                }
            }
            if !better {
                return best.1;
            }
            self.expanded += 1;
            self.places.clear();
            let links = layer.links(best.1).iter();
            self.places
                .extend(links.take_while(|&&link| link != NO_LINK));
        }
    }

    /// The way down to a level, from the top.
    pub(super) fn descend<'a>(
        &mut self,
        layers: impl Iterator<Item = Layer<'a>>,
        codes: ByteRows<'_>,
        work: &Work<'_>,
    ) -> u32 {
        let mut entry = 0;
        for layer in layers {
            entry = self.greedy(&layer, codes, work, entry);
            entry = layer.below(entry);
        }
        entry
    }

    /// Places of a level to start at: the best by the level above, at most `most` of them.
    pub(super) fn way_down<'a>(
        &mut self,
        upper: impl Iterator<Item = Layer<'a>>,
        above: &Layer<'_>,
        codes: ByteRows<'_>,
        work: &Work<'_>,
        most: usize,
    ) -> Vec<u32> {
        let entry = self.descend(upper, codes, work);
        if most <= 1 {
            return vec![above.below(self.greedy(above, codes, work, entry))];
        }
        let reach = Reach::all_of(most);
        self.start(above, above.len(), codes, work, &[entry], reach);
        self.run(above, codes, work);
        let found = self.pool.keys().iter();
        found.map(|&key| above.below(place_of(key))).collect()
    }

    fn begin(&mut self, graph: &Graph<'_>, codes: ByteRows<'_>, work: &Work<'_>) {
        self.expanded = 0;
        self.compared = 0;
        let levels = (1..=graph.height()).rev().map(|level| graph.layer(level));
        let entry = self.descend(levels, codes, work);
        let base = &graph.base;
        self.start(base, base.len(), codes, work, &[entry], work.reach);
    }
}

/// Finds candidates for one query; they are then in the walk.
pub(in super::super) fn walk(
    graph: &Graph<'_>,
    codes: ByteRows<'_>,
    work: &Work<'_>,
    walk: &mut Walk,
) {
    walk.begin(graph, codes, work);
    walk.run(&graph.base, codes, work);
}

/// Finds candidates for several queries, whose steps take turns. The same as one by one.
pub(in super::super) fn walk_many(
    graph: &Graph<'_>,
    codes: ByteRows<'_>,
    work: &[Work<'_>],
    walks: &mut [Walk],
) {
    for (walk, work) in walks.iter_mut().zip(work) {
        walk.begin(graph, codes, work);
    }
    run_many(&graph.base, codes, work, walks);
}

/// Walks that were started, in turns, until each is done.
pub(super) fn run_many(
    layer: &Layer<'_>,
    codes: ByteRows<'_>,
    work: &[Work<'_>],
    walks: &mut [Walk],
) {
    let mut open: Vec<usize> = (0..walks.len().min(work.len())).collect();
    while !open.is_empty() {
        open.retain(|&n| {
            let (Some(walk), Some(work)) = (walks.get_mut(n), work.get(n)) else {
                return false;
            };
            walk.collect(layer, codes, work)
        });
        for &n in &open {
            if let (Some(walk), Some(work)) = (walks.get_mut(n), work.get(n)) {
                walk.offer::<true>(layer, codes, work);
                walk.ask(layer);
            }
        }
    }
}
