//! How long training takes: from columns of ids to a model that can be saved.
//!
//! The peer starts from a matrix that is built already; we start from ids.

use std::collections::BTreeMap;

use serde_json::json;
use tastemaker::train::{Plan, TrainOptions};

use crate::sitting::{Sitting, options, setting, train_on};
use tastemaker_benches::data::Pairs;
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::stats::{median, timed};
use tastemaker_benches::{Failure, peer::Peer};

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let gowalla = sitting.split("gowalla")?;
    let plans = [
        (
            "train.gowalla.s",
            "spectral, K=100, its default options",
            options(100, sitting.threads)?,
        ),
        (
            "train.gowalla.k256.s",
            "ridge + 2 spectral, rank 256, K=100",
            blend(256, sitting.threads)?,
        ),
        (
            "train.gowalla.k768.s",
            "ridge + 2 spectral, rank 768, K=100",
            blend(768, sitting.threads)?,
        ),
    ];
    let mut rival = sitting.implicit(&gowalla, "als-128", sitting.threads)?;
    let mut ours = plans.each_ref().map(|_| Vec::new());
    let mut theirs = Vec::new();
    for _ in 0..sitting.runs {
        for ((_, _, options), times) in plans.iter().zip(&mut ours) {
            let (model, seconds) = timed(|| train_on(&gowalla.train, options));
            model?;
            times.push(seconds);
        }
        if let Some(peer) = &mut rival {
            theirs.push(fit(peer)?);
        }
    }
    for ((figure, plan, _), times) in plans.iter().zip(&ours) {
        let note = format!("{plan}, {} threads", sitting.threads);
        let seconds = median(times);
        if rival.is_none() {
            figure::print(figure, seconds, "s", &note);
            continue;
        }
        let rival = Rival {
            name: "implicit-als-128",
            value: median(&theirs),
            better: Better::Lower,
            setting: setting("als-128"),
        };
        figure::print_with(figure, seconds, "s", &note, &rival);
    }
    scale(sitting, &gowalla.train)
}

/// A blend of ridge and spectral that share a subspace of this rank.
pub(crate) fn blend(rank: u64, threads: u64) -> Result<TrainOptions, Failure> {
    let trainer = json!([
        {"name": "ridge", "rank": rank, "iterations": 3},
        {"name": "spectral", "weight": 2, "rank": rank, "iterations": 3},
    ]);
    Ok(TrainOptions {
        trainer: Plan::from_json(&trainer)?,
        ..options(100, threads)?
    })
}

/// Time for copies of gowalla that share nothing, by the pairs of items in the users'
/// histories, Σ d_u²: what the cost should be proportional to.
fn scale(sitting: &Sitting, train: &Pairs) -> Result<(), Failure> {
    let mut degrees: BTreeMap<i64, f64> = BTreeMap::new();
    for user in &train.users {
        *degrees.entry(*user).or_default() += 1.0;
    }
    let pairs: f64 = degrees.values().map(|d| d * d).sum();
    let options = blend(256, sitting.threads)?;
    for copies in [1i64, 4, 16] {
        let copy = |ids: &[i64]| -> Vec<i64> {
            (0..copies)
                .flat_map(|c| ids.iter().map(move |id| c * 1_000_000 + id))
                .collect()
        };
        let many = Pairs {
            users: copy(&train.users),
            items: copy(&train.items),
        };
        let (model, seconds) = timed(|| train_on(&many, &options));
        model?;
        figure::print(
            &format!("train.scale.{copies}x.ns_per_pair"),
            seconds * 1e9 / (pairs * copies as f64),
            "ns",
            &format!("{seconds:.1} s; copies of gowalla that share nothing; one run; rank 256"),
        );
    }
    Ok(())
}

fn fit(peer: &mut Peer) -> Result<f64, Failure> {
    peer.number("fit", "s")
}
