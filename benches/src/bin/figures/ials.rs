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
/// Both start from chance, and lists differ by some thousandths with it: the figure is the mean.
const SEEDS: [u64; 3] = [0, 1, 2];

fn learn(split: &Split, factors: usize, threads: u64, seed: u64) -> Result<FactorModel, Failure> {
    let columns = EventColumns::new(
        IdColumn::Integer(&split.train.users),
        IdColumn::Integer(&split.train.items),
    );
    let options = TrainOptions {
        threads: usize::try_from(threads)?,
        seed,
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
            let (model, seconds) = timed(|| learn(&split, factors, sitting.threads, 0));
            model?;
            ours.push(seconds);
            if let Some(peer) = &mut rival {
                theirs.push(peer.number("fit", "s")?);
            }
        }
        let figure = format!("train.gowalla.ials-{factors}.s");
        let note = "iALS, at most 15 rounds, from ids to factors, not distilled";
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
    let test = split.folder.join("test.txt");
    for factors in FACTORS {
        let name = format!("als-{factors}");
        let mut rival = sitting.implicit(&split, &name, sitting.threads)?;
        let (mut ours, mut theirs) = ([vec![], vec![]], [vec![], vec![]]);
        for seed in SEEDS {
            let model = learn(&split, factors, sitting.threads, seed)?;
            let mut lists: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
            for &user in truth.keys() {
                let ids = model.recommend(&user.to_string(), K);
                let ids: Result<Vec<i64>, _> = ids.iter().map(|id| id.parse()).collect();
                lists.insert(user, ids?);
            }
            let found = judge(&lists, &truth, K);
            ours[0].push(found.recall);
            ours[1].push(found.ndcg);
            if let Some(peer) = &mut rival {
                peer.ask(&format!("fit {seed}"))?;
                let answer = peer.ask(&format!("quality {}", test.display()))?;
                theirs[0].push(peer::number(&answer, "recall")?);
                theirs[1].push(peer::number(&answer, "ndcg")?);
            }
        }
        for (n, metric) in ["recall", "ndcg"].into_iter().enumerate() {
            let figure = format!("quality.gowalla.ials-{factors}.{metric}@{K}");
            let note = format!(
                "iALS, at most 15 rounds, each history folded in; alpha 39 on top of 1, \
                 regularization 0.01, as the peer; mean of {} seeds",
                SEEDS.len()
            );
            let value = mean(&ours[n]);
            if rival.is_none() {
                figure::print(&figure, value, "1", &note);
                continue;
            }
            let rival = Rival {
                name: &format!("implicit-{name}"),
                value: mean(&theirs[n]),
                better: Better::Higher,
                setting: &format!("{}; mean of {} seeds", setting(&name), SEEDS.len()),
            };
            figure::print_with(&figure, value, "1", &note, &rival);
        }
    }
    Ok(())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
