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
mod ridge;
mod sequence;
mod spectral;
mod subspace;

use super::graph::{Row, strongest};
use crate::error::Result;
use crate::parallel::Workers;
use crate::train::{Matrix, TrainerOptions};
use pairs::{Degrees, Measure, Pairs};
use ridge::Ridge;
use spectral::Spectral;

/// Items that one task of a pass scores.
const ITEMS_A_TASK: usize = 64;

/// The subspaces and Gram matrices that trainers share, each made once.
#[derive(Default)]
struct Shared<'a> {
    bases: Vec<subspace::Basis>,
    grams: Vec<(f64, gram::Gram<'a>)>,
}

impl<'a> Shared<'a> {
    fn basis(
        &mut self,
        matrix: &Matrix,
        degrees: &Degrees,
        wish: subspace::Wish,
        workers: &Workers<'_>,
    ) -> Result<usize> {
        if let Some(at) = self.bases.iter().position(|basis| basis.wish == wish) {
            return Ok(at);
        }
        self.bases
            .push(subspace::Basis::find(matrix, degrees, wish, workers)?);
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
        alpha: f32,
        support: usize,
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

/// What one thread needs.
#[derive(Default)]
struct Scratch {
    pairs: Pairs,
    ridge: gram::Scratch,
    products: subspace::Products,
    smooth: Vec<f32>,
    row: Row,
    support: Vec<u32>,
}

/// The rows that each trainer alone would give, at most `keep` neighbours in each.
pub(crate) fn learn(
    matrix: &Matrix,
    trainers: &[&TrainerOptions],
    seed: u64,
    keep: usize,
    workers: &Workers<'_>,
) -> Result<Vec<Vec<Row>>> {
    let degrees = Degrees::of(matrix);
    let measure = Measure::normalised(&degrees);
    let mut shared = Shared::default();
    let mut pairwise = Vec::new();
    for options in trainers {
        match options {
            TrainerOptions::Spectral(o) => {
                let wish = subspace::Wish {
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
                let wish = subspace::Wish {
                    rank: if o.alpha > 0.0 { o.rank } else { 0 },
                    iterations: o.iterations,
                    seed,
                };
                pairwise.push(Pairwise::Ridge {
                    basis: shared.basis(matrix, &degrees, wish, workers)?,
                    gram: shared.gram(matrix, o.user_exponent, workers)?,
                    limit: o.candidates.max(o.support),
                    alpha: o.alpha as f32,
                    support: o.support,
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
    let starts: Vec<usize> = (0..matrix.items()).step_by(ITEMS_A_TASK).collect();
    let tasks = workers.map("graph", starts, Scratch::default, |_, start, scratch| {
        let end = (start + ITEMS_A_TASK).min(matrix.items());
        let mut out: Vec<Vec<Row>> = vec![Vec::new(); pairwise.len()];
        for item in start as u32..end as u32 {
            workers.control.check()?;
            pass(
                matrix, &degrees, &measure, &shared, &pairwise, item, keep, scratch, &mut out,
            );
        }
        Ok(out)
    })?;
    let mut parts: Vec<Vec<Row>> = vec![Vec::with_capacity(matrix.items()); pairwise.len()];
    for task in tasks {
        for (part, rows) in parts.iter_mut().zip(task) {
            part.extend(rows);
        }
    }
    for (part, trainer) in parts.iter_mut().zip(&pairwise) {
        if let Pairwise::Ridge { .. } = trainer {
            *part = turn(part, matrix.items(), keep);
        }
    }
    Ok(parts)
}

/// One item: the edges into it of each ridge, a row of each other trainer.
#[expect(clippy::too_many_arguments, reason = "the parts of one pass")]
fn pass(
    matrix: &Matrix,
    degrees: &Degrees,
    measure: &Measure,
    shared: &Shared<'_>,
    pairwise: &[Pairwise],
    item: u32,
    keep: usize,
    scratch: &mut Scratch,
    out: &mut [Vec<Row>],
) {
    let Scratch {
        pairs,
        ridge,
        products,
        smooth,
        row,
        support,
    } = scratch;
    let mut found = None;
    let mut smoothed = None;
    let mut collected: Option<&crate::train::RidgeOptions> = None;
    for (trainer, out) in pairwise.iter().zip(out) {
        let (limit, basis) = match trainer {
            Pairwise::Spectral { limit, basis, .. } | Pairwise::Ridge { limit, basis, .. } => {
                (*limit, *basis)
            }
            Pairwise::Cooccurrence(_) | Pairwise::Sequence(_) | Pairwise::Ials { .. } => {
                match trainer {
                    Pairwise::Ials { limit, trainer } => {
                        pairs.find(matrix, measure, degrees, item, *limit);
                        trainer.row(item, pairs, products, smooth, row);
                    }
                    Pairwise::Cooccurrence(own) => pairs.take(matrix, own, item, row),
                    Pairwise::Sequence(own) => own.row(matrix, item, pairs, row),
                    _ => {}
                }
                strongest(row, keep);
                out.push(row.clone());
                found = None;
                continue;
            }
        };
        if found != Some(limit) {
            pairs.find(matrix, measure, degrees, item, limit);
            found = Some(limit);
            smoothed = None;
            collected = None;
        }
        if smoothed != Some(basis) {
            if let Some(basis) = shared.bases.get(basis) {
                basis.products(item, &pairs.candidates, products, smooth);
            }
            smoothed = Some(basis);
            collected = None;
        }
        match trainer {
            Pairwise::Spectral { trainer, .. } => {
                trainer.row(item, pairs, smooth, row);
                strongest(row, keep);
            }
            Pairwise::Ridge {
                gram,
                alpha,
                support: size,
                trainer,
                options,
                ..
            } => {
                let same = collected.is_some_and(|last| {
                    (last.alpha, last.support, last.user_exponent)
                        == (options.alpha, *size, options.user_exponent)
                });
                if !same {
                    row.clear();
                    row.extend(
                        pairs
                            .candidates
                            .iter()
                            .zip(smooth.iter())
                            .map(|(&other, &smooth)| (other, pairs.g(other) + alpha * smooth)),
                    );
                    strongest(row, *size);
                    support.clear();
                    support.extend(row.iter().map(|&(other, _)| other));
                    support.sort_unstable();
                    if let Some((_, gram)) = shared.grams.get(*gram) {
                        gram.collect(item, support, ridge);
                    }
                    collected = Some(options);
                }
                trainer.solve(item, support, ridge, row);
            }
            Pairwise::Cooccurrence(_) | Pairwise::Sequence(_) | Pairwise::Ials { .. } => {}
        }
        out.push(row.clone());
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

/// The weighted sum of rows, the strongest `keep` of each. What counts nothing gives no edge;
/// rows of items that are not `needed` stay empty.
pub(crate) fn merge(
    parts: &[(&[Row], f32)],
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
            row.retain(|&(_, w)| w > 0.0 && w.is_finite());
            strongest(&mut row, keep);
            row.shrink_to_fit();
            rows.push(row);
        }
        Ok(rows)
    })?;
    Ok(tasks.into_iter().flatten().collect())
}
