//! What training with default options costs on data that is large or odd: seconds, and the peak
//! of resident memory, that of the columns included. Made data, the same in every run.

use serde_json::json;
use tastemaker::train::TrainOptions;

use crate::sitting::{Sitting, train_on};
use tastemaker_benches::Failure;
use tastemaker_benches::data::Pairs;
use tastemaker_benches::figure;
use tastemaker_benches::stats::timed;

/// Makes the pairs of one set.
type Make = fn() -> Pairs;

const SETS: [(&str, &str, Make); 8] = [
    (
        "10m",
        "10 M events of 200,000 users on 50,000 items",
        || tastes(200_000, 50_000, 50),
    ),
    (
        "one-item-users",
        "a million users with one item each, of 20,000",
        || tastes(1_000_000, 20_000, 1),
    ),
    (
        "one-user-items",
        "a million items, each of one user, 50 items a user",
        || pairs((0..1_000_000).map(|item| (item / 50, item))),
    ),
    (
        "everybody-alike",
        "20,000 users who all have the same 300 items",
        || pairs((0..6_000_000).map(|row| (row / 300, row % 300))),
    ),
    (
        "long-user",
        "one user with 100,000 items beside 2,000 users with 50",
        || {
            let mut all = tastes(2_000, 100_000, 50);
            all.users.extend([1_000_000; 100_000]);
            all.items.extend(0..100_000);
            all
        },
    ),
    (
        "long-users",
        "2,000 users with 2,048 items each, of 100,000",
        || tastes(2_000, 100_000, 2_048),
    ),
    (
        "repeats",
        "5 M rows, of which all but 50,000 are repeats",
        || {
            let once = tastes(1_000, 2_000, 50);
            pairs((0..100).flat_map(|_| once.users.iter().copied().zip(once.items.iter().copied())))
        },
    ),
    (
        "few-events",
        "a thousand events on 300,000 items of a catalog",
        || {
            let mut all = tastes(100, 300_000, 10);
            all.users.extend(1_000..301_000);
            all.items.extend(0..300_000);
            all
        },
    ),
];

/// Prints the group: each set in a process of its own, so that what an earlier one left in the
/// allocator does not count.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    for (name, _, _) in SETS {
        let status = std::process::Command::new(std::env::current_exe()?)
            .arg(format!("trials.{name}"))
            .arg("--data")
            .arg(&sitting.data)
            .args(["--threads", &sitting.threads.to_string()])
            .status()?;
        if !status.success() {
            return Err(format!("trials.{name}: {status}").into());
        }
    }
    Ok(())
}

/// Prints the figures of one set.
pub(crate) fn one(sitting: &Sitting, wanted: &str) -> Result<(), Failure> {
    let set = SETS.iter().find(|(name, _, _)| *name == wanted);
    let (name, what, make) = set.ok_or_else(|| format!("no set {wanted:?}"))?;
    let made = make();
    let options = TrainOptions::from_json(&json!({ "threads": sitting.threads }))?;
    let (model, seconds) = timed(|| train_on(&made, &options));
    let peak = peak_mb();
    let model = model?;
    let tuning = &model.manifest()["tuning"];
    let chosen = tuning["chosen"].as_u64().unwrap_or(0) as usize;
    let chosen = tuning["trials"][chosen]["trainer"].as_str();
    let note = format!(
        "{what}; default options, {} threads; chosen: {}",
        sitting.threads,
        chosen
            .or_else(|| tuning["reason"].as_str())
            .unwrap_or_default(),
    );
    figure::print(&format!("trials.{name}.s"), seconds, "s", &note);
    if let Some(peak) = peak {
        let note = "peak of the process, with the columns";
        figure::print(&format!("trials.{name}.peak_mb"), peak, "MB", note);
    }
    Ok(())
}

/// The peak of resident memory in MB, where the system tells.
pub(crate) fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

fn pairs(rows: impl Iterator<Item = (i64, i64)>) -> Pairs {
    let (users, items) = rows.unzip();
    Pairs { users, items }
}

/// Users of tastes, who mostly take popular items of their own taste.
fn tastes(users: u64, items: u64, each: u64) -> Pairs {
    let tastes = (items / 500).max(1);
    let mut state = 1u64;
    let mut dice = move || {
        // Knuth's generator; the high half is what is random.
        state = state.wrapping_mul(6_364_136_223_846_793_005);
        state = state.wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    let mut all = Pairs::default();
    for user in 0..users {
        // Some are busier than others; the mean is about `each`.
        let busy = if each == 1 || each > 1000 {
            1.0
        } else {
            0.25 + 3.0 * dice().powi(3)
        };
        for _ in 0..((each as f64 * busy) as u64).max(1) {
            let taste = if dice() < 0.7 {
                user % tastes
            } else {
                (dice() * tastes as f64) as u64
            };
            // Few items of a taste have most of its events.
            let place = (dice().powi(3) * (items / tastes) as f64) as u64;
            all.users.push(user as i64);
            all.items.push((place * tastes + taste) as i64);
        }
    }
    all
}
