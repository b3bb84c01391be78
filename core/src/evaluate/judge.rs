//! One pass over the users: ranks for each, and takes down what the metrics need.

use std::borrow::Cow;

use super::auc::{Auc, Classes};
use super::items::Items;
use super::metrics::{Gains, Layout, Metrics, Place, Tally, gini};
use super::truth::{Resolved, Truth};
use crate::bitset::BitSet;
use crate::control::Control;
use crate::error::Result;
use crate::model::Model;
use crate::parallel::Workers;
use crate::rank::{Query, Workspace, rank};

/// Users of one task.
const USERS_A_TASK: usize = 64;
/// Tasks between two reports of progress.
const TASKS_A_STEP: usize = 32;

/// What a pass found.
pub(super) struct Judged {
    /// One row of [`Layout::width`] values a user.
    pub(super) values: Vec<f64>,
    /// How many events each user's history has, on items that the model knows.
    pub(super) history: Vec<u32>,
    pub(super) unknown_items: usize,
    /// Coverage and Gini coefficient at each cut-off.
    overall: Vec<(f64, f64)>,
}

impl Judged {
    pub(super) fn cold_users(&self) -> usize {
        self.history.iter().filter(|&&len| len == 0).count()
    }

    /// The means over all users at each cut-off, with what only all users together have.
    pub(super) fn metrics(&self, layout: &Layout) -> Vec<Metrics> {
        let means = means(&self.values, layout.width());
        let at = |(at, &(coverage, gini)): (usize, &(f64, f64))| Metrics {
            coverage: Some(coverage),
            gini: Some(gini),
            ..layout.metrics(&means, at)
        };
        self.overall.iter().enumerate().map(at).collect()
    }
}

/// The means of each column: sums from the first row to the last, then one division.
pub(super) fn means(values: &[f64], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for row in values.chunks_exact(width.max(1)) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let rows = (values.len() / width.max(1)).max(1) as f64;
    for sum in &mut sums {
        *sum /= rows;
    }
    sums
}

/// How to rank, the same for all users.
pub(super) struct Judge<'a> {
    pub(super) layout: &'a Layout,
    pub(super) exclude_seen: bool,
    pub(super) diversity: &'a [String],
    pub(super) threads: usize,
    pub(super) control: &'a Control<'a>,
}

struct Scratch {
    workspace: Workspace,
    auc: Auc,
}

#[derive(Default)]
struct Part {
    values: Vec<f64>,
    history: Vec<u32>,
    shown: Vec<u32>,
    /// How many of `shown` are each user's.
    lengths: Vec<u32>,
}

impl Judge<'_> {
    /// Ranks for every user of the test set, by the model or by popularity alone.
    pub(super) fn judge(
        &self,
        stage: &str,
        model: &Model,
        truth: &Truth,
        baseline: bool,
    ) -> Result<Judged> {
        let resolved = truth.resolve(model)?;
        let items = Items::new(model, self.diversity)?;
        let largest = self.layout.largest();
        let users = truth.users();
        let most_tested = (0..users).map(|user| truth.tested(user)).max();
        let ranks = largest.min(model.item_count().max(most_tested.unwrap_or(0)));
        let eligible = model.eligible(None);
        let classes = self
            .layout
            .auc
            .then(|| Classes::new(model, eligible.as_deref()));
        let pass = Pass {
            judge: self,
            model,
            resolved: &resolved,
            items: &items,
            gains: Gains::new(ranks),
            eligible,
            classes,
            baseline,
        };
        let quiet = self.control.quiet();
        let workers = Workers {
            threads: self.threads,
            control: &quiet,
        };
        let scratch = || Scratch {
            workspace: Workspace::new(),
            auc: Auc::default(),
        };
        let mut judged = Judged {
            values: Vec::with_capacity(users * self.layout.width()),
            history: Vec::with_capacity(users),
            unknown_items: resolved.unknown_items,
            overall: Vec::new(),
        };
        let mut exposure = vec![vec![0u32; model.item_count()]; self.layout.ks.len()];
        self.control.check()?;
        self.control.report(stage, 0, users as u64);
        let starts: Vec<usize> = (0..users).step_by(USERS_A_TASK).collect();
        for step in starts.chunks(TASKS_A_STEP) {
            let parts = workers.map(stage, step.to_vec(), scratch, |_, start, scratch| {
                let mut part = Part::default();
                for user in start..users.min(start + USERS_A_TASK) {
                    pass.user(user, scratch, &mut part);
                }
                Ok(part)
            })?;
            for part in parts {
                count(&part, &self.layout.ks, &mut exposure);
                judged.values.extend(part.values);
                judged.history.extend(part.history);
            }
            self.control
                .report(stage, judged.history.len() as u64, users as u64);
        }
        for counts in &mut exposure {
            let shown = counts.iter().filter(|&&count| count > 0).count();
            let coverage = shown as f64 / counts.len().max(1) as f64;
            judged.overall.push((coverage, gini(counts)));
        }
        Ok(judged)
    }
}

/// Adds the lists of a part to how often each item was shown.
fn count(part: &Part, ks: &[usize], exposure: &mut [Vec<u32>]) {
    let mut shown = part.shown.as_slice();
    for &len in &part.lengths {
        let (list, rest) = shown.split_at(shown.len().min(len as usize));
        shown = rest;
        for (counts, &k) in exposure.iter_mut().zip(ks) {
            for &item in list.iter().take(k) {
                if let Some(count) = counts.get_mut(item as usize) {
                    *count += 1;
                }
            }
        }
    }
}

struct Pass<'a> {
    judge: &'a Judge<'a>,
    model: &'a Model,
    resolved: &'a Resolved<'a>,
    items: &'a Items,
    gains: Gains,
    eligible: Option<Cow<'a, BitSet>>,
    /// Where the AUC is wanted.
    classes: Option<Classes>,
    baseline: bool,
}

impl Pass<'_> {
    fn user(&self, user: usize, scratch: &mut Scratch, part: &mut Part) {
        let layout = self.judge.layout;
        let workspace = &mut scratch.workspace;
        self.resolved.signals(user, &mut workspace.signals);
        part.history.push(workspace.signals.len() as u32);
        let query = Query {
            k: layout.largest(),
            now: None,
            exclude_seen: self.judge.exclude_seen,
            eligible: self.eligible.as_deref(),
            baseline: self.baseline,
        };
        rank(self.model, &query, workspace);

        let start = part.values.len();
        part.values.resize(start + layout.width(), 0.0);
        let row = part.values.get_mut(start..).unwrap_or(&mut []);
        let truth = self.resolved.items(user);
        let from = part.shown.len();
        let mut tally = Tally::default();
        let mut cuts = layout
            .ks
            .iter()
            .zip(row.chunks_mut(layout.step()))
            .peekable();
        for best in &workspace.ranked {
            let above = part.shown.get(from..).unwrap_or(&[]);
            let place = Place {
                hit: truth.binary_search(&best.item).is_ok(),
                novelty: self.items.novelty(best.item),
                popularity: self.items.popularity(best.item),
                similarity: self.items.similarity(best.item, above),
            };
            part.shown.push(best.item);
            tally.add(place, &self.gains);
            let places = part.shown.len() - from;
            if let Some((&k, out)) = cuts.next_if(|(k, _)| **k <= places) {
                tally.write(k, truth.len(), &self.gains, out);
            }
        }
        // Cut-offs beyond the end of the list.
        for (&k, out) in cuts {
            tally.write(k, truth.len(), &self.gains, out);
        }
        part.lengths.push((part.shown.len() - from) as u32);
        if let Some(classes) = &self.classes {
            let auc = &mut scratch.auc;
            let value = auc.of(self.model, &query, workspace, classes, truth);
            if let Some(last) = row.last_mut() {
                *last = value;
            }
        }
    }
}
