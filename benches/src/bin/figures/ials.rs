//! Implicit ALS beside implicit's, at the same factors, rounds, confidence and regularization:
//! factors with each history folded in, before they are distilled into a graph.

use std::collections::BTreeMap;

use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::train::{FactorModel, IalsOptions, TrainOptions};

use crate::sitting::{Sitting, setting};
use tastemaker_benches::data::Split;
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::metrics::{by_user, judge};
use tastemaker_benches::stats::{median, timed};
use tastemaker_benches::{Failure, peer};

const FACTORS: [usize; 2] = [64, 128];
const K: usize = 20;

fn learn(split: &Split, factors: usize, threads: u64) -> Result<FactorModel, Failure> {
    let columns = EventColumns::new(
        IdColumn::Integer(&split.train.users),
        IdColumn::Integer(&split.train.items),
    );
    let options = TrainOptions {
        threads: usize::try_from(threads)?,
        ..TrainOptions::default()
    };
    let ials = IalsOptions {
        factors,
        iterations: 15,
        // implicit's alpha of 40 is the whole confidence, and ours what comes on top of 1.
        alpha: 39.0,
        regularization: 0.01,
        ..IalsOptions::default()
    };
    Ok(FactorModel::train(
        &columns,
        &options,
        &ials,
        &Control::new(),
    )?)
}

/// Prints `train.gowalla.ials-F.s`.
pub(crate) fn time(sitting: &Sitting) -> Result<(), Failure> {
    let split = sitting.split("gowalla")?;
    for factors in FACTORS {
        let name = format!("als-{factors}");
        let mut rival = sitting.implicit(&split, &name, sitting.threads)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..sitting.runs {
            let (model, seconds) = timed(|| learn(&split, factors, sitting.threads));
            model?;
            ours.push(seconds);
            if let Some(peer) = &mut rival {
                theirs.push(peer.number("fit", "s")?);
            }
        }
        let figure = format!("train.gowalla.ials-{factors}.s");
        let note = "iALS, 15 rounds, from ids to factors, not distilled";
        if rival.is_none() {
            figure::print(&figure, median(&ours), "s", note);
            continue;
        }
        let rival = Rival {
            name: &format!("implicit-{name}"),
            value: median(&theirs),
            better: Better::Lower,
            setting: setting(&name),
        };
        figure::print_with(&figure, median(&ours), "s", note, &rival);
    }
    Ok(())
}

/// Prints `quality.gowalla.ials-F.…`.
pub(crate) fn quality(sitting: &Sitting) -> Result<(), Failure> {
    let split = sitting.split("gowalla")?;
    let truth = by_user(&split.test.users, &split.test.items);
    for factors in FACTORS {
        let model = learn(&split, factors, sitting.threads)?;
        let mut lists: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for &user in truth.keys() {
            let ids = model.recommend(&user.to_string(), K);
            let ids: Result<Vec<i64>, _> = ids.iter().map(|id| id.parse()).collect();
            lists.insert(user, ids?);
        }
        let found = judge(&lists, &truth, K);
        let name = format!("als-{factors}");
        let theirs = match sitting.implicit(&split, &name, sitting.threads)? {
            Some(mut peer) => {
                peer.ask("fit")?;
                let test = split.folder.join("test.txt");
                Some(peer.ask(&format!("quality {}", test.display()))?)
            }
            None => None,
        };
        for (metric, value) in [("recall", found.recall), ("ndcg", found.ndcg)] {
            let figure = format!("quality.gowalla.ials-{factors}.{metric}@{K}");
            let note = "iALS, 15 rounds, each history folded in; alpha 39 on top of 1, \
                regularization 0.01, as the peer";
            match &theirs {
                Some(theirs) => {
                    let rival = Rival {
                        name: &format!("implicit-{name}"),
                        value: peer::number(theirs, metric)?,
                        better: Better::Higher,
                        setting: setting(&name),
                    };
                    figure::print_with(&figure, value, "1", note, &rival);
                }
                None => figure::print(&figure, value, "1", note),
            }
        }
    }
    Ok(())
}
