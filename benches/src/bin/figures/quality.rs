//! How good the lists are: the full test users of each split, with what they
//! have in train left out, served from the saved graph with its quantised weights.

use std::collections::BTreeMap;

use serde_json::json;
use tastemaker::control::Control;
use tastemaker::evaluate::{EvaluateOptions, TestSet, evaluate};
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::model::{BatchOptions, Model};

use tastemaker::train::{TrainOptions, train};

use crate::sitting::Sitting;
use tastemaker_benches::data::{Pairs, Split};
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::metrics::{Metrics, by_user, judge};
use tastemaker_benches::{Failure, peer};

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let gowalla = sitting.split("gowalla")?;
    set(sitting, &gowalla, "gowalla", &[20, 50])?;
    set(sitting, &sitting.split("ml-1m")?, "ml-1m", &[20])
}

fn set(sitting: &Sitting, split: &Split, name: &str, cuts: &[usize]) -> Result<(), Failure> {
    let model = learn(split, sitting.threads)?;
    // What is measured is the file: written, and read again.
    let model = Model::from_bytes(model.as_bytes())?;
    let note = "spectral, K=100, its default options";
    let served = measure(&model, split, 20, false, sitting.threads)?;
    check(&model, split, &served, sitting.threads)?;
    let popularity = |k| measure(&model, split, k, true, sitting.threads);
    figure::print(
        &format!("quality.{name}.recall@20"),
        served.recall,
        "1",
        note,
    );
    figure::print(&format!("quality.{name}.ndcg@20"), served.ndcg, "1", note);
    figure::print(
        &format!("quality.{name}.hit_rate@20"),
        served.hit_rate,
        "1",
        note,
    );
    for &k in cuts {
        let metrics = popularity(k)?;
        let published = if name == "gowalla" {
            PUBLISHED.iter().find(|row| row.0 == k)
        } else {
            None
        };
        let values = [
            ("recall", metrics.recall, published.map(|row| row.1)),
            ("ndcg", metrics.ndcg, published.map(|row| row.2)),
            ("hit_rate", metrics.hit_rate, published.map(|row| row.3)),
        ];
        for (metric, value, published) in values {
            let figure = format!("quality.{name}.popularity.{metric}@{k}");
            match published {
                Some(published) => {
                    let rival = Rival {
                        name: "published-log",
                        value: published,
                        better: Better::Higher,
                        setting: "popularity in train, published with five decimals",
                    };
                    figure::print_with(&figure, value, "1", "", &rival);
                }
                None => figure::print(&figure, value, "1", ""),
            }
        }
    }
    peers(sitting, split, name, &served)
}

fn learn(split: &Split, threads: u64) -> Result<Model, Failure> {
    let options = json!({ "neighbors": 100, "trainer": "spectral", "threads": threads });
    learn_by(split, &TrainOptions::from_json(&options)?)
}

/// Trains on ids as texts of fixed width.
pub(crate) fn learn_by(split: &Split, options: &TrainOptions) -> Result<Model, Failure> {
    let (users, items) = (texts(&split.train.users), texts(&split.train.items));
    let (users, items) = (borrowed(&users), borrowed(&items));
    let columns = EventColumns::new(IdColumn::Text(&users), IdColumn::Text(&items));
    Ok(train(&columns, None, options, &Control::new())?)
}

pub(crate) fn texts(ids: &[i64]) -> Vec<String> {
    ids.iter().copied().map(Pairs::text).collect()
}

pub(crate) fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// The published log of ranking gowalla by popularity: k, recall, NDCG, hit rate.
const PUBLISHED: [(usize, f64, f64, f64); 2] = [
    (20, 0.04163, 0.03169, 0.20383),
    (50, 0.06237, 0.03789, 0.27768),
];

/// The lists that the model serves, judged by this package's own metrics.
pub(crate) fn measure(
    model: &Model,
    split: &Split,
    k: usize,
    baseline: bool,
    threads: u64,
) -> Result<Metrics, Failure> {
    let users = split.test.distinct_users();
    let names = texts(&users);
    let names = borrowed(&names);
    let options = json!({ "k": k, "threads": threads, "baseline": baseline });
    let options = BatchOptions::from_json(&options)?;
    let batch = model.recommend_users(&names, &options, &Control::new())?;
    let mut lists: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (row, item) in batch.user_row.iter().zip(&batch.item) {
        let id = model.item_id(*item).ok_or("an item without an id")?;
        lists
            .entry(users[*row as usize])
            .or_default()
            .push(id.parse()?);
    }
    Ok(judge(
        &lists,
        &by_user(&split.test.users, &split.test.items),
        k,
    ))
}

/// The core's `evaluate` must say the same as the metrics of this package.
fn check(model: &Model, split: &Split, served: &Metrics, threads: u64) -> Result<(), Failure> {
    let options = json!({ "k": 20, "threads": threads, "resamples": 0 });
    let options = EvaluateOptions::from_json(&options)?;
    let (users, items) = (texts(&split.test.users), texts(&split.test.items));
    let (users, items) = (borrowed(&users), borrowed(&items));
    let test = TestSet::new(IdColumn::Text(&users), IdColumn::Text(&items));
    let evaluation = evaluate(model, &test, &options, &Control::new())?.to_json();
    let pairs = [
        ("recall", served.recall),
        ("ndcg", served.ndcg),
        ("hit_rate", served.hit_rate),
    ];
    for (metric, value) in pairs {
        let theirs = peer::number(&evaluation["model"], metric)?;
        if (theirs - value).abs() > 1e-9 {
            return Err(format!("evaluate says {metric} {theirs}, and it is {value}").into());
        }
    }
    Ok(())
}

fn peers(sitting: &Sitting, split: &Split, name: &str, served: &Metrics) -> Result<(), Failure> {
    let test = split.folder.join("test.txt");
    for model in ["als-64", "als-128", "cosine"] {
        let Some(mut peer) = sitting.implicit(split, model, sitting.threads)? else {
            return Ok(());
        };
        peer.ask("fit")?;
        let answer = peer.ask(&format!("quality {}", test.display()))?;
        for (metric, value) in [("recall", served.recall), ("ndcg", served.ndcg)] {
            let rival = Rival {
                name: &format!("implicit-{model}"),
                value: peer::number(&answer, metric)?,
                better: Better::Higher,
                setting: crate::sitting::setting(model),
            };
            figure::print_with(
                &format!("quality.{name}.{metric}@20"),
                value,
                "1",
                "",
                &rival,
            );
        }
    }
    Ok(())
}
