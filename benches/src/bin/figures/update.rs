//! Updating with the newest hundredth of the events against training on all of them.
//!
//! gowalla's files have no times, so the hundredth is drawn by a hash of user and item. The
//! trainers are those of the `train` figures, the same for both.

use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::model::Model;
use tastemaker::train::{TrainOptions, UpdateOptions, train, update};

use crate::quality::{borrowed, measure, texts};
use crate::sitting::Sitting;
use crate::train::blend;
use tastemaker_benches::Failure;
use tastemaker_benches::data::{Pairs, Split};
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::stats::{median, timed};

/// Ids as texts of fixed width.
struct Columns {
    users: Vec<String>,
    items: Vec<String>,
}

impl Columns {
    fn of(pairs: &Pairs) -> Self {
        Self {
            users: texts(&pairs.users),
            items: texts(&pairs.items),
        }
    }

    fn with<T>(&self, with: impl FnOnce(&EventColumns<'_>) -> T) -> T {
        let (users, items) = (borrowed(&self.users), borrowed(&self.items));
        with(&EventColumns::new(
            IdColumn::Text(&users),
            IdColumn::Text(&items),
        ))
    }

    fn train(&self, options: &TrainOptions) -> Result<Model, Failure> {
        Ok(self.with(|events| train(events, None, options, &Control::new()))?)
    }
}

/// Prints the figures.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let gowalla = sitting.split("gowalla")?;
    for rank in [256, 768] {
        of(sitting, &gowalla, rank)?;
    }
    Ok(())
}

fn of(sitting: &Sitting, split: &Split, rank: u64) -> Result<(), Failure> {
    let options = TrainOptions {
        updatable: true,
        ..blend(rank, sitting.threads)?
    };
    let (old, new) = parts(&split.train);
    let (old, new, all) = (
        Columns::of(&old),
        Columns::of(&new),
        Columns::of(&split.train),
    );
    let before = old.train(&options)?;
    let settings = UpdateOptions {
        threads: sitting.threads as usize,
        ..UpdateOptions::default()
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut models = None;
    for _ in 0..sitting.runs {
        let (updated, seconds) =
            timed(|| new.with(|events| update(&before, events, None, &settings, &Control::new())));
        ours.push(seconds);
        let (full, seconds) = timed(|| all.train(&options));
        theirs.push(seconds);
        models = Some((updated?, full?));
    }
    let (updated, full) = models.ok_or("no runs")?;
    let report = &updated.manifest()["update"];
    let note = format!(
        "1 % new events; ridge + 2 spectral, rank {rank}, {} threads; {} of {} items learnt again",
        sitting.threads, report["learnt"], report["items"]
    );
    let name = format!("train.gowalla.update.k{rank}");
    let rival = |name, value, better, setting| Rival {
        name,
        value,
        better,
        setting,
    };
    figure::print_with(
        &format!("{name}.s"),
        median(&ours),
        "s",
        &note,
        &rival(
            "full training",
            median(&theirs),
            Better::Lower,
            "ours, of all events with the same trainers",
        ),
    );
    let ndcg = |model: &Model| -> Result<f64, Failure> {
        Ok(measure(model, split, 20, false, sitting.threads)?.ndcg)
    };
    let quality = ndcg(&updated)?;
    for (what, model, setting) in [
        (
            "full training",
            &full,
            "ours, of all events with the same trainers",
        ),
        (
            "without update",
            &before,
            "ours, the model of 99 % of the events",
        ),
    ] {
        figure::print_with(
            &format!("{name}.ndcg@20"),
            quality,
            "",
            &note,
            &rival(what, ndcg(model)?, Better::Higher, setting),
        );
    }
    Ok(())
}

/// The pairs in two: ninety-nine hundredths, and the rest.
fn parts(all: &Pairs) -> (Pairs, Pairs) {
    let empty = || Pairs {
        users: Vec::new(),
        items: Vec::new(),
    };
    let (mut old, mut new) = (empty(), empty());
    for (&user, &item) in all.users.iter().zip(&all.items) {
        let mut x = (user as u64) << 32 ^ item as u64;
        x = (x ^ x >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 32).wrapping_mul(0x94d0_49bb_1331_11eb);
        let part = if (x >> 40).is_multiple_of(100) {
            &mut new
        } else {
            &mut old
        };
        part.users.push(user);
        part.items.push(item);
    }
    (old, new)
}
