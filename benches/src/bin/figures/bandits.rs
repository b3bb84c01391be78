//! What bandits lose against the best arm, on simulated arms and on a replay of logged rows,
//! beside Vowpal Wabbit; and how long a choice takes.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tastemaker::experiment::bandit::{Bandit, Request};

use crate::sitting::Sitting;
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::peer::Peer;
use tastemaker_benches::stats::{median, timed};
use tastemaker_benches::{Failure, figure::print as line};

/// The settings of the peer; the best of them stands beside ours.
const SETTINGS: [&str; 4] = ["epsilon", "bag", "cover", "squarecb"];
/// Milliseconds between two rounds, for policies that discount.
const STEP: i64 = 60_000;

/// SplitMix64 (Steele, Lea & Flood 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One run of a simulation: what every arm would give in every round.
struct World {
    rounds: usize,
    arms: usize,
    width: usize,
    means: Vec<f64>,
    rewards: Vec<f64>,
    contexts: Vec<f64>,
}

impl World {
    fn new(
        (rounds, arms, width): (usize, usize, usize),
        seed: u64,
        mean: impl Fn(usize, usize, &[f64]) -> f64,
    ) -> Self {
        let mut dice = Dice(seed);
        let mut world = Self {
            rounds,
            arms,
            width,
            means: Vec::new(),
            rewards: Vec::new(),
            contexts: Vec::new(),
        };
        for round in 0..rounds {
            let context: Vec<f64> = (0..width).map(|_| dice.share()).collect();
            for arm in 0..arms {
                let mean = mean(round, arm, &context);
                world.means.push(mean);
                world.rewards.push(f64::from(u8::from(dice.share() < mean)));
            }
            world.contexts.extend(context);
        }
        world
    }

    fn save(&self, file: &Path) -> Result<(), Failure> {
        let all = self.means.iter().chain(&self.rewards).chain(&self.contexts);
        let bytes: Vec<u8> = all.flat_map(|value| value.to_le_bytes()).collect();
        Ok(std::fs::write(file, bytes)?)
    }

    /// What a policy loses against the best arm of each round.
    fn regret(&self, definition: &Value) -> Result<f64, Failure> {
        let mut bandit = Bandit::from_json(definition)?;
        let mut regret = 0.0;
        for round in 0..self.rounds {
            let row = round * self.arms..(round + 1) * self.arms;
            let (means, rewards) = (&self.means[row.clone()], &self.rewards[row]);
            let context = &self.contexts[round * self.width..(round + 1) * self.width];
            let mut request = Request::new(round.to_string());
            let mut given = json!({"time": round as i64 * STEP});
            request.now = Some(round as i64 * STEP);
            if self.width > 0 {
                request.context = Some(json!(context));
                given["context"] = json!(context);
            }
            let arm: usize = bandit.choose(&request)?.choices[0].arm.parse()?;
            given["arm"] = arm.to_string().into();
            given["reward"] = rewards[arm].into();
            bandit.update_one(&given)?;
            regret += means.iter().fold(0.0f64, |best, mean| best.max(*mean)) - means[arm];
        }
        Ok(regret)
    }
}

fn definition(policy: &Value, arms: usize, more: &Value) -> Value {
    let keys: Vec<String> = (0..arms).map(|arm| arm.to_string()).collect();
    let mut out = json!({"key": "figures", "policy": policy, "arms": keys});
    for (name, value) in more.as_object().into_iter().flatten() {
        out[name] = value.clone();
    }
    out
}

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let mut peer = match &sitting.peers {
        None => None,
        Some(python) => {
            let driver = sitting.root.join("benches/peers/vw_driver.py");
            Some(Peer::start("vowpalwabbit", python, &[driver])?)
        }
    };
    simulations(sitting, peer.as_mut())?;
    replay(sitting, peer.as_mut())?;
    latency(sitting)
}

fn simulations(sitting: &Sitting, mut peer: Option<&mut Peer>) -> Result<(), Failure> {
    let file = sitting.scratch.join("bandit.f64");
    let runs = sitting.runs.max(10) as u64;
    let bernoulli = |_: usize, arm: usize, _: &[f64]| if arm == 3 { 0.5 } else { 0.4 };
    let moving = |round: usize, arm: usize, _: &[f64]| {
        if arm == round / 2_500 % 5 { 0.6 } else { 0.4 }
    };
    let linear = |_: usize, arm: usize, context: &[f64]| {
        let own = context.get(arm).copied().unwrap_or(0.5);
        (0.2 + 0.6 * own).clamp(0.0, 1.0)
    };
    type Mean<'a> = &'a dyn Fn(usize, usize, &[f64]) -> f64;
    /// Name, sizes, means, policies, note.
    type Setting<'a> = (
        &'a str,
        (usize, usize, usize),
        Mean<'a>,
        Vec<(&'a str, Value)>,
        &'a str,
    );
    let names = json!({"context": ["f0", "f1", "f2", "f3", "f4"]});
    let day = json!({"half_life": 500 * STEP});
    let sampling = json!("beta_thompson");
    let worlds: [Setting<'_>; 3] = [
        (
            "bernoulli",
            (10_000, 10, 0),
            &bernoulli,
            vec![
                ("beta_thompson", definition(&sampling, 10, &Value::Null)),
                ("ucb1", definition(&json!("ucb1"), 10, &Value::Null)),
                (
                    "ucb_tuned",
                    definition(&json!("ucb_tuned"), 10, &Value::Null),
                ),
                (
                    "epsilon_greedy",
                    definition(
                        &json!({"name": "epsilon_greedy", "epsilon": 0.05}),
                        10,
                        &Value::Null,
                    ),
                ),
            ],
            "10,000 rounds, 10 arms: one pays with 0.5, nine with 0.4; against the best arm",
        ),
        (
            "moving",
            (10_000, 5, 0),
            &moving,
            vec![
                ("beta_thompson.discounted", definition(&sampling, 5, &day)),
                ("beta_thompson", definition(&sampling, 5, &Value::Null)),
                ("ucb1.discounted", definition(&json!("ucb1"), 5, &day)),
            ],
            "10,000 rounds, 5 arms; the one that pays with 0.6 changes every 2,500 rounds, the others pay with 0.4; discounted: half-life of 500 rounds; against the best arm of each round",
        ),
        (
            "linear",
            (5_000, 5, 5),
            &linear,
            vec![
                (
                    "linear_thompson",
                    definition(
                        &json!({"name": "linear_thompson", "noise_sd": 0.5}),
                        5,
                        &json!({"features": names}),
                    ),
                ),
                (
                    "linucb",
                    definition(
                        &json!({"name": "linucb", "alpha": 0.5}),
                        5,
                        &json!({"features": names}),
                    ),
                ),
            ],
            "5,000 rounds, 5 arms, 5 features between 0 and 1: arm i pays with 0.2 + 0.6 times feature i; against the best arm of each round",
        ),
    ];
    for (name, sizes, mean, policies, note) in worlds {
        let mut ours = vec![Vec::new(); policies.len()];
        let mut theirs = vec![Vec::new(); SETTINGS.len()];
        for run in 0..runs {
            let world = World::new(sizes, run + 1, mean);
            for ((_, policy), found) in policies.iter().zip(&mut ours) {
                let mut policy = policy.clone();
                // Another key: other choices.
                policy["key"] = format!("run {run}").into();
                found.push(world.regret(&policy)?);
            }
            // The peer is slow: the first runs are enough to see where it stands.
            if let Some(peer) = peer.as_deref_mut().filter(|_| run < 5) {
                world.save(&file)?;
                for (setting, found) in SETTINGS.iter().zip(&mut theirs) {
                    let (rounds, arms, width) = sizes;
                    let command = format!(
                        "play {setting} {run} {} {rounds} {arms} {width}",
                        file.display()
                    );
                    found.push(peer.number(&command, "regret")?);
                }
            }
        }
        let rival = best(&theirs);
        for ((policy, _), found) in policies.iter().zip(&ours) {
            let figure = format!("bandit.{name}.{policy}.regret");
            let note = format!("{note}; mean of {runs} runs");
            match rival {
                None => line(&figure, average(found), "rewards", &note),
                Some((value, setting)) => {
                    let setting = format!(
                        "vowpalwabbit 9.11.2, the best of four settings ({}), --{setting}, the first 5 runs",
                        SETTINGS.join(", ")
                    );
                    let rival = Rival {
                        name: "vowpalwabbit",
                        value,
                        better: Better::Lower,
                        setting: &setting,
                    };
                    figure::print_with(&figure, average(found), "rewards", &note, &rival);
                }
            }
        }
    }
    Ok(())
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The setting with the lowest mean, if there are any values.
fn best(values: &[Vec<f64>]) -> Option<(f64, &'static str)> {
    let means = values
        .iter()
        .zip(SETTINGS)
        .filter(|(list, _)| !list.is_empty());
    means
        .map(|(list, setting)| (average(list), setting))
        .min_by(|a, b| a.0.total_cmp(&b.0))
}

/// Arms and clicks of the rows of the random policy.
fn logged(folder: &Path) -> Result<Vec<(usize, f64)>, Failure> {
    let file: PathBuf = folder.join("obd/random/all/all.csv");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place = |name: &str| {
        let found = header.iter().position(|column| *column == name);
        found.ok_or_else(|| format!("{}: no column {name}", file.display()))
    };
    let (arm, click) = (place("item_id")?, place("click")?);
    lines
        .map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            let cell = |at: usize| cells.get(at).copied().ok_or("a short row");
            Ok((cell(arm)?.parse()?, cell(click)?.parse()?))
        })
        .collect()
}

/// The replay method (Li et al. 2011): a logged row counts if the policy would have shown what
/// was shown.
fn replay(sitting: &Sitting, mut peer: Option<&mut Peer>) -> Result<(), Failure> {
    const PASSES: usize = 40;
    let rows = logged(&sitting.data)?;
    let arms = rows.iter().map(|(arm, _)| arm + 1).max().unwrap_or(0);
    let mut by_arm = vec![(0.0, 0.0); arms];
    for &(arm, click) in &rows {
        by_arm[arm].0 += 1.0;
        by_arm[arm].1 += click;
    }
    let of_best = by_arm
        .iter()
        .map(|(shown, clicks)| clicks / shown)
        .fold(0.0, f64::max);
    let mean = rows.iter().map(|(_, click)| click).sum::<f64>() / rows.len() as f64;
    let file = sitting.scratch.join("replay.f64");
    let (mut matched, mut clicks) = (0.0, 0.0);
    let mut theirs = vec![(0.0, 0.0); SETTINGS.len()];
    for run in 0..5u64 {
        let mut dice = Dice(run);
        let mut stream = Vec::with_capacity(rows.len() * PASSES);
        for _ in 0..PASSES {
            let mut order: Vec<usize> = (0..rows.len()).collect();
            for at in (1..order.len()).rev() {
                order.swap(at, (dice.next() % (at as u64 + 1)) as usize);
            }
            stream.extend(order.into_iter().map(|at| rows[at]));
        }
        let mut policy = definition(
            &json!({"name": "beta_thompson", "prior": [1, 100]}),
            arms,
            &Value::Null,
        );
        policy["key"] = format!("run {run}").into();
        let mut bandit = Bandit::from_json(&policy)?;
        for (at, (arm, click)) in stream.iter().enumerate() {
            let request = Request::new(at.to_string());
            let chosen: usize = bandit.choose(&request)?.choices[0].arm.parse()?;
            if chosen == *arm {
                bandit.update_one(&json!({"arm": arm.to_string(), "reward": click}))?;
                matched += 1.0;
                clicks += click;
            }
        }
        if let Some(peer) = peer.as_deref_mut().filter(|_| run == 0) {
            let columns = stream.iter().map(|(arm, _)| *arm as f64);
            let all = columns.chain(stream.iter().map(|(_, click)| *click));
            let bytes: Vec<u8> = all.flat_map(f64::to_le_bytes).collect();
            std::fs::write(&file, bytes)?;
            // The other settings take minutes with 80 arms.
            for (setting, found) in SETTINGS.iter().zip(&mut theirs).take(1) {
                let command = format!(
                    "replay {setting} {run} {} {} {arms}",
                    file.display(),
                    stream.len()
                );
                let answer = peer.ask(&command)?;
                let number = |name| tastemaker_benches::peer::number(&answer, name);
                *found = (number("matched")?, number("reward")?);
            }
        }
    }
    line(
        "bandit.obd.random.ctr",
        mean,
        "clicks a view",
        "the random policy's own rows",
    );
    line(
        "bandit.obd.best_arm.ctr",
        of_best,
        "clicks a view",
        "the best of 80 arms, chosen with hindsight from some 125 rows each: an upper bound that is too high",
    );
    let note = format!(
        "replay of the random policy's 10,000 rows (80 arms, positions as one), {PASSES} shuffled passes, 5 runs, {matched} rows matched; prior Beta(1, 100)"
    );
    let (value, (their_rows, their_clicks)) = (clicks / matched, theirs[0]);
    if their_rows > 0.0 {
        let rival = Rival {
            name: "vowpalwabbit",
            value: their_clicks / their_rows,
            better: Better::Higher,
            setting: "vowpalwabbit 9.11.2, --cb_explore 80 --epsilon 0.05, the first run",
        };
        figure::print_with(
            "bandit.obd.beta_thompson.ctr",
            value,
            "clicks a view",
            &note,
            &rival,
        );
    } else {
        line(
            "bandit.obd.beta_thompson.ctr",
            value,
            "clicks a view",
            &note,
        );
    }
    line(
        "bandit.obd.beta_thompson.regret",
        of_best - value,
        "clicks a view",
        "below the best arm with hindsight",
    );
    Ok(())
}

fn latency(sitting: &Sitting) -> Result<(), Failure> {
    let names: Vec<String> = (0..10).map(|i| format!("f{i}")).collect();
    let features = json!({"features": {"context": names}});
    let linear = |model: &str| json!({"name": "linear_thompson", "model": model});
    let ours = [
        (
            "beta_thompson",
            definition(&json!("beta_thompson"), 10, &Value::Null),
            "10 arms, nothing changed since the last choice",
        ),
        (
            "beta_thompson.after_update",
            definition(&json!("beta_thompson"), 10, &Value::Null),
            "10 arms, one reward and one choice: quadrature anew",
        ),
        (
            "ucb1",
            definition(&json!("ucb1"), 10, &Value::Null),
            "10 arms, nothing changed since the last choice",
        ),
        (
            "linear_thompson",
            definition(&linear("disjoint"), 10, &features),
            "10 arms, 10 features, an arm's own coefficients: quadrature each time",
        ),
        (
            "linear_thompson.shared",
            definition(&linear("shared"), 10, &features),
            "10 arms, 10 features, shared coefficients: 1,000 draws each time",
        ),
        (
            "linucb",
            definition(&json!("linucb"), 10, &features),
            "10 arms, 10 features",
        ),
    ];
    for (name, definition, note) in ours {
        let mut bandit = Bandit::from_json(&definition)?;
        let has_features = definition.get("features").is_some();
        let context = json!([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]);
        let mut dice = Dice(7);
        let reward = |dice: &mut Dice| {
            let arm = dice.next() % 10;
            let reward = f64::from(u8::from(dice.share() < 0.3 + 0.01 * arm as f64));
            let mut given = json!({"arm": arm.to_string(), "reward": reward});
            if has_features {
                given["context"] = (0..10).map(|_| dice.share()).collect();
            }
            given
        };
        for _ in 0..500 {
            bandit.update_one(&reward(&mut dice))?;
        }
        let updates = name.ends_with("after_update");
        let count = if has_features || updates { 500 } else { 20_000 };
        let requests: Vec<Request> = (0..count)
            .map(|at| {
                let mut request = Request::new(format!("view-{at}"));
                request.context = has_features.then(|| context.clone());
                request
            })
            .collect();
        let rewards: Vec<Value> = (0..count).map(|_| reward(&mut dice)).collect();
        let mut times = Vec::new();
        for round in 0..sitting.runs.max(5) + 1 {
            let (result, seconds) = timed(|| {
                for (request, reward) in requests.iter().zip(&rewards) {
                    if updates {
                        bandit.update_one(reward)?;
                    }
                    black_box(bandit.choose(black_box(request))?);
                }
                Ok::<_, tastemaker::Error>(())
            });
            result?;
            if round > 0 {
                times.push(seconds / count as f64 * 1e9);
            }
        }
        let figure = format!("bandit.choose.{name}.rust.ns");
        line(&figure, median(&times), "ns", note);
    }
    Ok(())
}
