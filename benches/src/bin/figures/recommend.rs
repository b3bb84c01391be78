//! How fast answers come, on gowalla with K=100 and 20 items an answer: one user
//! at a time on one thread, with whole histories and with at most 64 or 128 items of each, and all
//! users at once; then from a million items.

use serde_json::json;
use tastemaker::control::Control;
use tastemaker::engine::{Engine, Request};
use tastemaker::model::{BatchOptions, Model};
use tastemaker::train::TrainOptions;

use crate::million;
use crate::sitting::{Sitting, options, setting, train_on};
use tastemaker_benches::Failure;
use tastemaker_benches::data::Split;
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::peer::{Peer, number};
use tastemaker_benches::stats::{each_us, median, percentile, timed};

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let gowalla = sitting.split("gowalla")?;
    let given = options(100, sitting.threads)?;
    let model = train_on(&gowalla.train, &given)?;
    let mut models = vec![model.clone()];
    for limit in LIMITS {
        let bounded = TrainOptions {
            max_history_items: Some(limit),
            ..given.clone()
        };
        models.push(train_on(&gowalla.train, &bounded)?);
    }
    let users: Vec<String> = gowalla
        .train
        .distinct_users()
        .iter()
        .map(i64::to_string)
        .collect();
    single(sitting, &gowalla, models, &users)?;
    batch(sitting, &gowalla, &model, &users)?;
    drop(model);
    million::print(sitting)
}

/// The most items of a history that count, where a model bounds them.
pub(crate) const LIMITS: [usize; 2] = [64, 128];

/// The median over the rounds of each round's percentiles.
#[derive(Default)]
struct Spread {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Spread {
    fn push(&mut self, p50: f64, p99: f64) {
        self.p50.push(p50);
        self.p99.push(p99);
    }

    /// The median of the rounds' ratios.
    fn ratio(&self) -> f64 {
        let rounds = self.p99.iter().zip(&self.p50);
        median(&rounds.map(|(p99, p50)| p99 / p50).collect::<Vec<_>>())
    }
}

/// A peer's model, the command that measures it, and what the command is.
const SINGLE: [(&str, &str, &str, &str); 4] = [
    (
        "implicit-cosine",
        "cosine",
        "single",
        "as documented: recommend(user, user_items[user])",
    ),
    (
        "implicit-cosine-sliced",
        "cosine",
        "single-sliced",
        "the user's row cut out beforehand",
    ),
    (
        "implicit-als-64",
        "als-64",
        "single",
        "as documented: recommend(user, user_items[user])",
    ),
    (
        "implicit-als-64-sliced",
        "als-64",
        "single-sliced",
        "the user's row cut out beforehand",
    ),
];

fn single(
    sitting: &Sitting,
    gowalla: &Split,
    models: Vec<Model>,
    users: &[String],
) -> Result<(), Failure> {
    let engines: Vec<Engine> = models.into_iter().map(Engine::new).collect();
    let requests = users
        .iter()
        .map(|user| Request::from_json(&json!({ "user_id": user, "k": 20 })))
        .collect::<Result<Vec<_>, _>>()?;
    let mut cosine = fitted(sitting, gowalla, "cosine", 1)?;
    let mut als = fitted(sitting, gowalla, "als-64", 1)?;
    let mut ours = Spread::default();
    let mut bounded: [Spread; LIMITS.len()] = Default::default();
    let mut theirs: [Spread; 4] = Default::default();
    for _ in 0..sitting.runs {
        for (engine, spread) in engines
            .iter()
            .zip([&mut ours].into_iter().chain(&mut bounded))
        {
            let mut answers = 0;
            let times = each_us(&requests, |request| {
                answers += engine
                    .recommend(request)
                    .map_or(0, |answer| answer.items.len());
            });
            if answers != 20 * users.len() {
                return Err(format!("{answers} items for {} users", users.len()).into());
            }
            spread.push(percentile(&times, 0.5), percentile(&times, 0.99));
        }
        for ((_, name, command, _), spread) in SINGLE.iter().zip(&mut theirs) {
            let peer = if *name == "cosine" {
                &mut cosine
            } else {
                &mut als
            };
            if let Some(peer) = peer {
                let answer = peer.ask(command)?;
                spread.push(number(&answer, "p50")?, number(&answer, "p99")?);
            }
        }
    }
    let note = "Engine::recommend, stored user, K=100, top 20, one thread";
    let p50 = median(&ours.p50);
    let p99 = median(&ours.p99);
    figure::print("recommend.gowalla.us.p50", p50, "us", note);
    figure::print("recommend.gowalla.us.p99", p99, "us", note);
    figure::print("recommend.gowalla.us.p99_by_p50", ours.ratio(), "1", note);
    for (limit, spread) in LIMITS.iter().zip(&bounded) {
        let note = format!("{note}, max_history_items {limit}");
        for (name, value, unit) in [
            ("p50", median(&spread.p50), "us"),
            ("p99", median(&spread.p99), "us"),
            ("p99_by_p50", spread.ratio(), "1"),
        ] {
            let name = format!("recommend.gowalla.history-{limit}.us.{name}");
            figure::print(&name, value, unit, &note);
        }
    }
    for ((name, model, _, how), spread) in SINGLE.iter().zip(&theirs) {
        if spread.p50.is_empty() {
            continue;
        }
        let setting = format!("{}; {how}", setting(model));
        let rival = |values: &[f64]| median(values);
        for (figure, value, values) in [
            ("recommend.gowalla.us.p50", p50, &spread.p50),
            ("recommend.gowalla.us.p99", p99, &spread.p99),
        ] {
            let rival = Rival {
                name,
                value: rival(values),
                better: Better::Lower,
                setting: &setting,
            };
            figure::print_with(figure, value, "us", note, &rival);
        }
    }
    Ok(())
}

fn batch(
    sitting: &Sitting,
    gowalla: &Split,
    model: &Model,
    users: &[String],
) -> Result<(), Failure> {
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let threads = sitting.threads;
    let options = BatchOptions::from_json(&json!({ "k": 20, "threads": threads }))?;
    let mut peers = Vec::new();
    for name in ["cosine", "als-64", "als-128"] {
        if let Some(peer) = fitted(sitting, gowalla, name, threads)? {
            peers.push((name, peer, Vec::new()));
        }
    }
    let mut ours = Vec::new();
    for _ in 0..sitting.runs {
        let (batch, seconds) = timed(|| model.recommend_users(&names, &options, &Control::new()));
        if batch?.item.len() != 20 * names.len() {
            return Err("a user got fewer than 20 items".into());
        }
        ours.push(names.len() as f64 / seconds);
        for (_, peer, rates) in &mut peers {
            let answer = peer.ask("batch")?;
            rates.push(number(&answer, "users")? / number(&answer, "s")?);
        }
    }
    let figure = "recommend.gowalla.users_per_s";
    let note = format!("recommend_users, K=100, top 20, {threads} threads");
    let value = median(&ours);
    figure::print(figure, value, "users/s", &note);
    for (name, _, rates) in &peers {
        let rival = Rival {
            name: &format!("implicit-{name}"),
            value: median(rates),
            better: Better::Higher,
            setting: setting(name),
        };
        figure::print_with(figure, value, "users/s", &note, &rival);
    }
    Ok(())
}

/// A peer that has learnt its model.
fn fitted(
    sitting: &Sitting,
    gowalla: &Split,
    model: &str,
    threads: u64,
) -> Result<Option<Peer>, Failure> {
    let mut peer = sitting.implicit(gowalla, model, threads)?;
    if let Some(peer) = &mut peer {
        peer.ask("fit")?;
    }
    Ok(peer)
}
