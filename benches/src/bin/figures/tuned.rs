//! How good the lists are when the library chooses the trainers.
//!
//! The protocol stands in the name of a figure. `train-only`: the options are the defaults, and
//! what is chosen is chosen on events held out of train. The list of candidates, and how they
//! are judged, were designed with results on gowalla's and ml-1m's test sets known.
//! `dev-users`: chosen on the test items of the users whose number is divisible by five, and
//! reported for the others: the mean of five seeds of the random starts, because two seeds
//! differ by more than the last digits say.

use serde_json::{Value, json};
use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::model::Model;
use tastemaker::train::{TrainOptions, train, tune};

use crate::quality::{borrowed, measure, texts};
use crate::recommend::LIMITS;
use crate::sitting::Sitting;
use tastemaker_benches::Failure;
use tastemaker_benches::data::{Pairs, Split};
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::metrics::Metrics;

/// The best published model of each split, with recall and NDCG at 20: BARS (openbenchmark.github.io).
const BEST: [(&str, &str, f64, f64); 2] = [
    ("gowalla", "published-bspm-em", 0.1920, 0.1597),
    ("ml-1m", "published-simplex", 0.2802, 0.2670),
];

/// The seeds of the models whose mean the second protocol reports.
const SEEDS: std::ops::Range<u64> = 0..5;

/// Prints the figures.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let gowalla = sitting.split("gowalla")?;
    train_only(sitting, &gowalla, "gowalla")?;
    dev_users(sitting, &gowalla)?;
    train_only(sitting, &sitting.split("ml-1m")?, "ml-1m")?;
    train_only(sitting, &citations(sitting)?, "citeulike")?;
    crate::movies::print(sitting)
}

/// Trains on ids as texts of fixed width.
fn learn(pairs: &Pairs, options: &Value) -> Result<Model, Failure> {
    let (users, items) = (texts(&pairs.users), texts(&pairs.items));
    let (users, items) = (borrowed(&users), borrowed(&items));
    let columns = EventColumns::new(IdColumn::Text(&users), IdColumn::Text(&items));
    let options = TrainOptions::from_json(options)?;
    let model = train(&columns, None, &options, &Control::new())?;
    // What is measured is the file: written, and read again.
    Ok(Model::from_bytes(model.as_bytes())?)
}

fn train_only(sitting: &Sitting, split: &Split, name: &str) -> Result<(), Failure> {
    let model = learn(&split.train, &json!({ "threads": sitting.threads }))?;
    let tuning = &model.manifest()["tuning"];
    let chosen = tuning["chosen"].as_u64().unwrap_or(0) as usize;
    let note = format!(
        "default options (K=100); chosen on events of train held out by {}: {}",
        tuning["protocol"].as_str().unwrap_or("nothing"),
        tuning["trials"][chosen]["trainer"].as_str().unwrap_or("")
    );
    let figure = format!("{name}.train-only");
    lines(sitting, &model, split, &figure, name, &note)?;
    // The same trainers; what changes is which items of a history an answer adds up.
    for limit in LIMITS {
        let bounded = learn(
            &split.train,
            &json!({
                "trainer": model.manifest()["options"]["trainer"],
                "max_history_items": limit,
                "threads": sitting.threads,
            }),
        )?;
        let figure = format!("{figure}.history-{limit}");
        let note = format!("max_history_items {limit}; the rest as without");
        lines(sitting, &bounded, split, &figure, name, &note)?;
    }
    Ok(())
}

pub(crate) fn lines(
    sitting: &Sitting,
    model: &Model,
    split: &Split,
    figure: &str,
    set: &str,
    note: &str,
) -> Result<(), Failure> {
    let ours = measure(model, split, 20, false, sitting.threads)?;
    let popular = measure(model, split, 20, true, sitting.threads)?;
    print_lines(&ours, &popular, figure, set, note);
    Ok(())
}

fn print_lines(ours: &Metrics, popular: &Metrics, figure: &str, set: &str, note: &str) {
    let best = BEST.iter().find(|row| row.0 == set);
    for (metric, value, popular, best) in [
        (
            "recall@20",
            ours.recall,
            popular.recall,
            best.map(|b| (b.1, b.2)),
        ),
        ("ndcg@20", ours.ndcg, popular.ndcg, best.map(|b| (b.1, b.3))),
    ] {
        let figure = format!("quality.{figure}.{metric}");
        figure::print(&figure, value, "1", note);
        let rival = |name, value, setting| Rival {
            name,
            value,
            better: Better::Higher,
            setting,
        };
        if let Some((name, value_of_best)) = best {
            let rival = rival(name, value_of_best, "as published for the whole test set");
            figure::print_with(&figure, value, "1", "", &rival);
        }
        let rival = rival("popularity", popular, "popularity in train, same users");
        figure::print_with(&figure, value, "1", "", &rival);
    }
}

fn dev_users(sitting: &Sitting, split: &Split) -> Result<(), Failure> {
    let part = |dev: bool| -> Pairs {
        let rows = split.test.users.iter().zip(&split.test.items);
        let (users, items) = rows
            .filter(|(user, _)| (*user % 5 == 0) == dev)
            .map(|(user, item)| (*user, *item))
            .unzip();
        Pairs { users, items }
    };
    let dev = part(true);
    let (users, items) = (texts(&split.train.users), texts(&split.train.items));
    let (users, items) = (borrowed(&users), borrowed(&items));
    let columns = EventColumns::new(IdColumn::Text(&users), IdColumn::Text(&items));
    let (users, items) = (texts(&dev.users), texts(&dev.items));
    let (users, items) = (borrowed(&users), borrowed(&items));
    let options = json!({
        "neighbors": 200, "threads": sitting.threads, "tune": {"k": 20, "budget_s": 300},
    });
    let options = TrainOptions::from_json(&options)?;
    let given = (&IdColumn::Text(&users), &IdColumn::Text(&items));
    let tuning = tune(&columns, None, &options, Some(given), &Control::new())?;
    let rest = Split {
        test: part(false),
        ..split.clone()
    };
    let mut popular = Metrics::default();
    let mut served = Vec::new();
    for seed in SEEDS {
        let options = TrainOptions {
            trainer: tuning.trainer.clone(),
            seed,
            ..options.clone()
        };
        let model = train(&columns, None, &options, &Control::new())?;
        served.push(measure(&model, &rest, 20, false, sitting.threads)?);
        if seed == SEEDS.start {
            popular = measure(&model, &rest, 20, true, sitting.threads)?;
        }
    }
    let mean =
        |of: &dyn Fn(&Metrics) -> f64| served.iter().map(of).sum::<f64>() / served.len() as f64;
    let ours = Metrics {
        recall: mean(&|one| one.recall),
        ndcg: mean(&|one| one.ndcg),
        hit_rate: mean(&|one| one.hit_rate),
    };
    let each: Vec<String> = served
        .iter()
        .map(|one| format!("{:.5}/{:.5}", one.recall, one.ndcg))
        .collect();
    let chosen = tuning.report["chosen"].as_u64().unwrap_or(0) as usize;
    let note = format!(
        "K=200; chosen on the test items of a fifth of the users, reported for the others; the mean of seeds {} to {} (recall/NDCG {}): {}",
        SEEDS.start,
        SEEDS.end - 1,
        each.join(", "),
        tuning.report["trials"][chosen]["trainer"]
            .as_str()
            .unwrap_or("")
    );
    print_lines(&ours, &popular, "gowalla.dev-users", "gowalla", &note);
    Ok(())
}

/// CiteULike: the events of warm articles, every fifth by number held out as a test.
fn citations(sitting: &Sitting) -> Result<Split, Failure> {
    let folder = sitting.data.join("citeulike-cold");
    let file = folder.join("train.csv");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let (mut train, mut test) = (Pairs::default(), Pairs::default());
    for line in text.lines() {
        let mut words = line.split(',').map(|word| word.trim().parse::<i64>());
        let (Some(Ok(user)), Some(Ok(item))) = (words.next(), words.next()) else {
            continue;
        };
        // A hash of the pair, so that the test is a fifth of everybody's events.
        let mixed = (user as u64 ^ (item as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let side = if mixed.is_multiple_of(5) {
            &mut test
        } else {
            &mut train
        };
        side.users.push(user);
        side.items.push(item);
    }
    Ok(Split {
        train,
        test,
        folder,
    })
}
