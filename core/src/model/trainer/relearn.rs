//! Learning some items again: the edges into each of them, as training would give them, and for
//! items that are new the edges from them as well.
//!
//! The subspaces are taken as they were found before. An item that they do not know stands at
//! the mean of its neighbours until they are found again.

use super::super::graph::{Row, strongest};
use super::pairs::{Measure, factor};
use super::subspace::Basis;
use super::{Pairwise, Pass, Scratch, carry};
use crate::error::Result;
use crate::parallel::Workers;
use crate::train::{Matrix, TrainerOptions};

/// Items that one task learns.
const ITEMS_A_TASK: usize = 16;
/// Neighbours that say where a new item stands in a subspace.
const ANCHORS: usize = 100;

/// What was learnt of an item.
pub(crate) struct Relearnt {
    /// The edges that lead to it, by where they come from, ascending; 0 where there is none any
    /// more. An item that does not stand here was not looked at.
    pub(crate) column: Row,
    /// The edges from it, ascending; of new items only.
    pub(crate) row: Option<Row>,
}

/// What [`relearn`] goes by.
pub(crate) struct Task<'a> {
    pub(crate) matrix: &'a Matrix,
    /// Trainers and what each counts in the blend.
    pub(crate) parts: &'a [(&'a TrainerOptions, f32)],
    pub(crate) seed: u64,
    pub(crate) keep: usize,
    /// What the edges into each item are multiplied by, as [`super::reach`] gives it.
    pub(crate) reach: &'a [f32],
    /// Ascending.
    pub(crate) targets: &'a [u32],
    /// By item: whether most of what is known of it is new.
    pub(crate) fresh: &'a [bool],
}

impl Task<'_> {
    /// Whether the trainers can learn an item at a time.
    pub(crate) fn possible(parts: &[(&TrainerOptions, f32)]) -> bool {
        parts.iter().all(|(trainer, _)| {
            // The factors of all users and items depend on each other.
            !matches!(trainer, TrainerOptions::Ials(_))
        })
    }
}

/// Learns the targets; `bases` are those that training found, and are given back with the new
/// items in their places.
pub(crate) fn relearn(
    task: &Task<'_>,
    bases: Vec<Basis>,
    workers: &Workers<'_>,
) -> Result<(Vec<Relearnt>, Vec<Basis>)> {
    let trainers: Vec<&TrainerOptions> = task.parts.iter().map(|part| part.0).collect();
    let mut pass = Pass::new(task.matrix, &trainers, task.seed, task.keep, bases, workers)?;
    place(task, &mut pass, workers)?;
    let turned: Vec<Option<Measure>> = trainers
        .iter()
        .map(|trainer| match trainer {
            TrainerOptions::Cooccurrence(o) => Some(Measure::cooccurrence_into(task.matrix, o)),
            _ => None,
        })
        .collect();
    let chunks: Vec<&[u32]> = task.targets.chunks(ITEMS_A_TASK).collect();
    let learnt = workers.map("graph", chunks, Scratch::default, |_, items, scratch| {
        let mut out = Vec::with_capacity(items.len());
        for &item in items {
            workers.control.check()?;
            let fresh = task.fresh.get(item as usize) == Some(&true);
            out.push(pass.again(item, task, &turned, fresh, scratch));
        }
        Ok(out)
    })?;
    Ok((learnt.into_iter().flatten().collect(), pass.shared.bases))
}

/// Gives the new items their places in the subspaces.
fn place(task: &Task<'_>, pass: &mut Pass<'_>, workers: &Workers<'_>) -> Result<()> {
    let fresh = |item: &u32| task.fresh.get(*item as usize) == Some(&true);
    let items: Vec<u32> = task.targets.iter().copied().filter(fresh).collect();
    if pass.shared.bases.iter().all(|basis| basis.rank == 0) || items.is_empty() {
        return Ok(());
    }
    let quiet = workers.control.quiet();
    let quiet = Workers {
        threads: workers.threads,
        control: &quiet,
    };
    let context = &*pass;
    let chunks: Vec<&[u32]> = items.chunks(ITEMS_A_TASK).collect();
    let vectors = quiet.map("graph", chunks, Scratch::default, |_, items, scratch| {
        let mut out = Vec::with_capacity(items.len());
        for &item in items {
            scratch.begin();
            scratch.find(context, item, ANCHORS, None);
            scratch.row.clear();
            let candidates = scratch.pairs.candidates.iter();
            // New items have no places yet.
            scratch.row.extend(
                candidates
                    .filter(|other| !fresh(other))
                    .map(|&other| (other, scratch.pairs.g(other))),
            );
            let bases = context.shared.bases.iter();
            out.push(bases.map(|basis| basis.place(&scratch.row)).collect());
        }
        Ok(out)
    })?;
    let vectors: Vec<Vec<Vec<f32>>> = vectors.into_iter().flatten().collect();
    for (&item, vectors) in items.iter().zip(&vectors) {
        for (basis, vector) in pass.shared.bases.iter_mut().zip(vectors) {
            basis.set(item, vector);
        }
    }
    Ok(())
}

impl Pass<'_> {
    /// One item of [`relearn`].
    fn again(
        &self,
        item: u32,
        task: &Task<'_>,
        turned: &[Option<Measure>],
        fresh: bool,
        scratch: &mut Scratch,
    ) -> Relearnt {
        scratch.begin();
        let (mut into, mut from, mut back) = (Row::new(), Row::new(), Row::new());
        for ((trainer, &(_, weight)), turned) in self.trainers.iter().zip(task.parts).zip(turned) {
            let mut limited = true;
            match trainer {
                Pairwise::Spectral {
                    limit,
                    basis,
                    trainer,
                } => {
                    scratch.find(self, item, *limit, Some(*basis));
                    let Scratch {
                        pairs, smooth, row, ..
                    } = scratch;
                    if fresh {
                        trainer.row(item, pairs, smooth, &mut back);
                    }
                    trainer.column(item, pairs, smooth, row);
                }
                Pairwise::Ridge {
                    gram,
                    trainer: ridge,
                    ..
                } => {
                    scratch.solve(self, item, trainer);
                    if let (true, Some((_, gram))) = (fresh, self.shared.grams.get(*gram)) {
                        ridge.back(gram, item, &scratch.row, &mut back);
                    }
                }
                Pairwise::Cooccurrence(own) => {
                    if fresh {
                        scratch.pairs.take(self.matrix, own, item, &mut back);
                    }
                    let turned = turned.as_ref().unwrap_or(own);
                    scratch
                        .pairs
                        .take(self.matrix, turned, item, &mut scratch.row);
                    limited = false;
                }
                Pairwise::Sequence(own) => {
                    if fresh {
                        own.row(self.matrix, item, &mut scratch.pairs, &mut back);
                    }
                    own.column(self.matrix, item, &mut scratch.pairs, &mut scratch.row);
                    limited = false;
                }
                Pairwise::Ials { .. } => {
                    scratch.row.clear();
                    limited = false;
                }
            }
            if limited {
                let looked_at = scratch.pairs.candidates.iter();
                into.extend(looked_at.map(|&other| (other, 0.0)));
            } else {
                // The sums of the pairs are those of another trainer now.
                scratch.begin();
            }
            into.extend(scratch.row.iter().map(|&(other, w)| (other, weight * w)));
            from.extend(back.drain(..).map(|(other, w)| (other, weight * w)));
        }
        add_up(&mut into);
        add_up(&mut from);
        let reach = factor(task.reach, item);
        into.iter_mut().for_each(|(_, weight)| *weight *= reach);
        carry(&mut from, task.reach);
        strongest(&mut from, self.keep);
        from.sort_unstable_by_key(|&(other, _)| other);
        Relearnt {
            column: into,
            row: fresh.then_some(from),
        }
    }
}

/// Sorts by item and adds up what is of one, in the order of the parts.
fn add_up(row: &mut Row) {
    row.sort_by_key(|&(other, _)| other);
    row.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}
