//! The trainers: each turns a user × item matrix into rows of the item graph.
//!
//! | trainer | file | what an edge `i → j` weighs |
//! |---|---|---|
//! | spectral | `spectral.rs`, `subspace/` | a graph filter: co-occurrence and a low-pass part |
//! | ridge | `ridge.rs`, `gram.rs` | the coefficient of `i` in the regression of `j` on its neighbours |
//! | co-occurrence | `cooccurrence.rs` | how often both meet: cosine, BM25, P3α or RP3β |
//! | iALS | `ials.rs` | what folding in `i` alone scores `j`, by factors of users and items |
//! | sequence | `sequence.rs` | how often `j` comes after `i`, and how soon |
//!
//! A blend is a weighted sum of several. All of them look at pairs of items in histories, so
//! one pass over the items serves all; `pairs.rs` sums up what belongs to one item.

mod cooccurrence;
mod gram;
pub(crate) mod ials;
mod pairs;
mod relearn;
mod ridge;
mod sequence;
mod spectral;
mod subspace;

use super::graph::{Row, strongest};
use crate::error::Result;
use crate::parallel::Workers;
use crate::train::{Matrix, TrainerOptions};
use pairs::{Degrees, Measure, Pairs};
pub(crate) use relearn::{Relearnt, Task, relearn};
use ridge::Ridge;
use spectral::Spectral;
pub(crate) use subspace::Basis;
use subspace::Wish;

/// Items that one task of a pass scores.
const ITEMS_A_TASK: usize = 64;

/// The subspaces and Gram matrices that trainers share, each made once.
struct Shared<'a> {
    bases: Vec<Basis>,
    grams: Vec<(f64, gram::Gram<'a>)>,
}

impl<'a> Shared<'a> {
    fn basis(
        &mut self,
        matrix: &Matrix,
        degrees: &Degrees,
        wish: Wish,
        workers: &Workers<'_>,
    ) -> Result<usize> {
        if let Some(at) = self.bases.iter().position(|basis| basis.wish == wish) {
            return Ok(at);
        }
        self.bases
            .push(Basis::find(matrix, degrees, wish, workers)?);
        Ok(self.bases.len() - 1)
    }

    fn gram(&mut self, matrix: &'a Matrix, exponent: f64, workers: &Workers<'_>) -> Result<usize> {
        if let Some(at) = self.grams.iter().position(|gram| gram.0 == exponent) {
            return Ok(at);
        }
        self.grams
            .push((exponent, gram::Gram::new(matrix, exponent, workers)?));
        Ok(self.grams.len() - 1)
    }
}

/// A trainer that looks at pairs, with what it shares.
enum Pairwise {
    Spectral {
        basis: usize,
        limit: usize,
        trainer: Spectral,
    },
    Ridge {
        basis: usize,
        gram: usize,
        limit: usize,
        trainer: Ridge,
        options: crate::train::RidgeOptions,
    },
    Cooccurrence(Measure),
    Sequence(sequence::Sequence),
    Ials {
        limit: usize,
        trainer: ials::Ials,
    },
}

/// What every item of a pass looks at.
struct Pass<'a> {
    matrix: &'a Matrix,
    degrees: Degrees,
    measure: Measure,
    shared: Shared<'a>,
    trainers: Vec<Pairwise>,
    keep: usize,
}

/// What one thread needs. What several trainers share of an item is made once.
#[derive(Default)]
struct Scratch {
    pairs: Pairs,
    ridge: gram::Scratch,
    products: subspace::Products,
    smooth: Vec<f32>,
    row: Row,
    support: Vec<u32>,
    /// The limit of the candidates in `pairs`.
    found: Option<usize>,
    /// The basis of `smooth`.
    smoothed: Option<usize>,
    /// What the system in `ridge` depends on.
    collected: Option<(usize, f32, usize)>,
}

/// What the trainers learnt.
pub(crate) struct Learnt {
    /// By trainer: the rows that it alone would give.
    pub(crate) parts: Vec<Vec<Row>>,
    /// The bases of the subspaces that they used.
    pub(crate) bases: Vec<Basis>,
}

/// The rows that each trainer alone would give, at most `keep` neighbours in each.
pub(crate) fn learn(
    matrix: &Matrix,
    trainers: &[&TrainerOptions],
    seed: u64,
    keep: usize,
    workers: &Workers<'_>,
) -> Result<Learnt> {
    let pass = Pass::new(matrix, trainers, seed, keep, Vec::new(), workers)?;
    let starts: Vec<usize> = (0..matrix.items()).step_by(ITEMS_A_TASK).collect();
    let tasks = workers.map("graph", starts, Scratch::default, |_, start, scratch| {
        let end = (start + ITEMS_A_TASK).min(matrix.items());
        let mut out: Vec<Vec<Row>> = vec![Vec::new(); pass.trainers.len()];
        for item in start as u32..end as u32 {
            workers.control.check()?;
            pass.item(item, scratch, &mut out);
        }
        Ok(out)
    })?;
    let mut parts: Vec<Vec<Row>> = vec![Vec::with_capacity(matrix.items()); pass.trainers.len()];
    for task in tasks {
        for (part, rows) in parts.iter_mut().zip(task) {
            part.extend(rows);
        }
    }
    for (part, trainer) in parts.iter_mut().zip(&pass.trainers) {
        if let Pairwise::Ridge { .. } = trainer {
            *part = turn(part, matrix.items(), keep);
        }
    }
    Ok(Learnt {
        parts,
        bases: pass.shared.bases,
    })
}

impl<'a> Pass<'a> {
    /// Makes what the trainers need before the first item; `bases` are those that are there.
    fn new(
        matrix: &'a Matrix,
        trainers: &[&TrainerOptions],
        seed: u64,
        keep: usize,
        bases: Vec<Basis>,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        let degrees = Degrees::of(matrix);
        let measure = Measure::normalised(&degrees);
        let mut shared = Shared {
            bases,
            grams: Vec::new(),
        };
        let mut pairwise = Vec::new();
        for options in trainers {
            match options {
                TrainerOptions::Spectral(o) => {
                    let wish = Wish {
                        rank: if o.alpha > 0.0 { o.rank } else { 0 },
                        iterations: o.iterations,
                        seed,
                    };
                    pairwise.push(Pairwise::Spectral {
                        basis: shared.basis(matrix, &degrees, wish, workers)?,
                        limit: o.candidates.max(keep),
                        trainer: Spectral::new(o, &degrees),
                    });
                }
                TrainerOptions::Ridge(o) => {
                    let wish = Wish {
                        rank: if o.alpha > 0.0 { o.rank } else { 0 },
                        iterations: o.iterations,
                        seed,
                    };
                    pairwise.push(Pairwise::Ridge {
                        basis: shared.basis(matrix, &degrees, wish, workers)?,
                        gram: shared.gram(matrix, o.user_exponent, workers)?,
                        limit: o.candidates.max(o.support),
                        trainer: Ridge::new(matrix, o),
                        options: o.clone(),
                    });
                }
                TrainerOptions::Cooccurrence(o) => {
                    pairwise.push(Pairwise::Cooccurrence(Measure::cooccurrence(matrix, o)));
                }
                TrainerOptions::Ials(o) => {
                    pairwise.push(Pairwise::Ials {
                        limit: o.candidates.max(keep),
                        trainer: ials::Ials::new(matrix, &degrees, o, seed, workers)?,
                    });
                }
                TrainerOptions::Sequence(o) => {
                    pairwise.push(Pairwise::Sequence(sequence::Sequence::new(matrix, o)));
                }
            }
        }
        Ok(Self {
            matrix,
            degrees,
            measure,
            shared,
            trainers: pairwise,
            keep,
        })
    }

    /// One item: the edges into it of each ridge, a row of each other trainer.
    fn item(&self, item: u32, scratch: &mut Scratch, out: &mut [Vec<Row>]) {
        scratch.begin();
        for (trainer, out) in self.trainers.iter().zip(out) {
            match trainer {
                Pairwise::Spectral {
                    limit,
                    basis,
                    trainer,
                } => {
                    scratch.find(self, item, *limit, Some(*basis));
                    trainer.row(item, &scratch.pairs, &scratch.smooth, &mut scratch.row);
                    strongest(&mut scratch.row, self.keep);
                }
                Pairwise::Ridge { .. } => scratch.solve(self, item, trainer),
                Pairwise::Ials { limit, trainer } => {
                    scratch.find(self, item, *limit, None);
                    trainer.row(
                        item,
                        &scratch.pairs,
                        &mut scratch.products,
                        &mut scratch.smooth,
                        &mut scratch.row,
                    );
                    strongest(&mut scratch.row, self.keep);
                    scratch.begin();
                }
                Pairwise::Cooccurrence(own) => {
                    scratch.pairs.take(self.matrix, own, item, &mut scratch.row);
                    strongest(&mut scratch.row, self.keep);
                    scratch.begin();
                }
                Pairwise::Sequence(own) => {
                    own.row(self.matrix, item, &mut scratch.pairs, &mut scratch.row);
                    strongest(&mut scratch.row, self.keep);
                    scratch.begin();
                }
            }
            out.push(scratch.row.clone());
        }
    }
}

impl Scratch {
    /// Nothing is known of the item at hand.
    fn begin(&mut self) {
        self.found = None;
        self.smoothed = None;
        self.collected = None;
    }

    /// The candidates of `item`, and its products with them if a basis is asked for.
    fn find(&mut self, pass: &Pass<'_>, item: u32, limit: usize, basis: Option<usize>) {
        if self.found != Some(limit) {
            self.begin();
            self.pairs
                .find(pass.matrix, &pass.measure, &pass.degrees, item, limit);
            self.found = Some(limit);
        }
        if basis.is_some() && self.smoothed != basis {
            if let Some(basis) = basis.and_then(|at| pass.shared.bases.get(at)) {
                basis.products(
                    item,
                    &self.pairs.candidates,
                    &mut self.products,
                    &mut self.smooth,
                );
            }
            self.smoothed = basis;
            self.collected = None;
        }
    }

    /// The edges into `item` of a ridge, in `row`.
    fn solve(&mut self, pass: &Pass<'_>, item: u32, ridge: &Pairwise) {
        let Pairwise::Ridge {
            basis,
            gram,
            limit,
            trainer,
            options,
        } = ridge
        else {
            return;
        };
        self.find(pass, item, *limit, Some(*basis));
        let alpha = options.alpha as f32;
        let wanted = (*gram, alpha, options.support);
        if self.collected != Some(wanted) {
            let strength = self.pairs.candidates.iter().zip(&self.smooth);
            self.row.clear();
            self.row.extend(
                strength.map(|(&other, &smooth)| (other, self.pairs.g(other) + alpha * smooth)),
            );
            strongest(&mut self.row, options.support);
            self.support.clear();
            self.support
                .extend(self.row.iter().map(|&(other, _)| other));
            self.support.sort_unstable();
            if let Some((_, gram)) = pass.shared.grams.get(*gram) {
                gram.collect(item, &self.support, &mut self.ridge);
            }
            self.collected = Some(wanted);
        }
        trainer.solve(item, &self.support, &mut self.ridge, &mut self.row);
    }
}

/// Multiplies each weight by what the edges into its item are multiplied by.
fn carry(row: &mut Row, reach: &[f32]) {
    if !reach.is_empty() {
        for (other, weight) in row {
            *weight *= pairs::factor(reach, *other);
        }
    }
}

/// Rows by target, turned into rows by source; the strongest of each.
fn turn(columns: &[Row], items: usize, keep: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = vec![Row::new(); items];
    for (target, column) in columns.iter().enumerate() {
        for &(source, weight) in column {
            if let Some(row) = rows.get_mut(source as usize) {
                row.push((target as u32, weight));
            }
        }
    }
    for row in &mut rows {
        strongest(row, keep);
        row.shrink_to_fit();
    }
    rows
}

/// What the edges into each item are multiplied by, so that popularity counts more or less than
/// the trainers let it: the item's degree to the power of `exponent`. Empty stands for ones.
pub(crate) fn reach(matrix: &Matrix, exponent: f64) -> Vec<f32> {
    if exponent == 0.0 {
        return Vec::new();
    }
    Degrees::of(matrix).item_powers(exponent)
}

/// The weighted sum of rows, times the `reach` of each neighbour, the strongest `keep` of each.
/// What counts nothing gives no edge; rows of items that are not `needed` stay empty.
pub(crate) fn merge(
    parts: &[(&[Row], f32)],
    reach: &[f32],
    needed: &[bool],
    keep: usize,
    workers: &Workers<'_>,
) -> Result<Vec<Row>> {
    let items = needed.len();
    let starts: Vec<usize> = (0..items).step_by(1024).collect();
    let quiet = workers.control.quiet();
    let workers = Workers {
        threads: workers.threads,
        control: &quiet,
    };
    let tasks = workers.map("merge", starts, Row::new, |_, start, all| {
        let end = (start + 1024).min(items);
        let mut rows = Vec::with_capacity(end - start);
        for item in start..end {
            all.clear();
            if needed.get(item) != Some(&true) {
                rows.push(Row::new());
                continue;
            }
            for (part, weight) in parts {
                let row = part.get(item).map_or(&[][..], |row| row.as_slice());
                all.extend(row.iter().map(|&(other, w)| (other, weight * w)));
            }
            // Stable: the sums are in the order of the parts.
            all.sort_by_key(|&(other, _)| other);
            let mut row = Row::with_capacity(all.len());
            for &(other, w) in all.iter() {
                match row.last_mut() {
                    Some(last) if last.0 == other => last.1 += w,
                    _ => row.push((other, w)),
                }
            }
            carry(&mut row, reach);
            row.retain(|&(_, w)| w > 0.0 && w.is_finite());
            strongest(&mut row, keep);
            row.shrink_to_fit();
            rows.push(row);
        }
        Ok(rows)
    })?;
    Ok(tasks.into_iter().flatten().collect())
}
