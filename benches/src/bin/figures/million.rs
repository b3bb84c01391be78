//! How fast answers come from a catalog of a million items, K=64: made data, the same in every
//! run, because no public set of this size may be passed on.

use serde_json::json;
use tastemaker::engine::{Engine, Request};
use tastemaker::train::TrainOptions;

use crate::sitting::{Sitting, train_on};
use tastemaker_benches::Failure;
use tastemaker_benches::data::Pairs;
use tastemaker_benches::figure;
use tastemaker_benches::stats::{each_us, median, percentile};

const ITEMS: u64 = 1_000_000;
/// Items of one taste; they are spread over the whole catalog.
const GROUPS: u64 = 2000;
/// Groups that a user takes items of.
const TASTES: u64 = 4;
const USERS: u64 = 300_000;
/// Every tenth user is asked for.
const STEP: u64 = 10;

/// Prints the group's figures of the large catalog.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let options = TrainOptions::from_json(&json!({
        "neighbors": 64,
        "trainer": {"name": "cooccurrence", "weighting": "cosine"},
        "threads": sitting.threads,
        "user_id_type": "integer",
        "item_id_type": "integer",
    }))?;
    let model = train_on(&events(), &options)?;
    let edges = model.manifest()["counts"]["edges"].as_f64().unwrap_or(0.0);
    let engine = Engine::new(model);
    let requests: Vec<Request> = (0..USERS)
        .step_by(STEP as usize)
        .map(|user| Request::for_user(user.to_string(), 20))
        .collect();
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..sitting.runs {
        let mut answers = 0;
        let times = each_us(&requests, |request| {
            answers += engine
                .recommend(request)
                .map_or(0, |answer| answer.items.len());
        });
        if answers != 20 * requests.len() {
            return Err(format!("{answers} items for {} users", requests.len()).into());
        }
        p50.push(percentile(&times, 0.5));
        p99.push(percentile(&times, 0.99));
    }
    let note = format!(
        "Engine::recommend, stored user, made catalog of {ITEMS} items with {:.1} neighbours \
         each (K=64), histories of about 11 to 130 items, top 20, one thread",
        edges / ITEMS as f64
    );
    figure::print("recommend.million.us.p50", median(&p50), "us", &note);
    figure::print("recommend.million.us.p99", median(&p99), "us", &note);
    Ok(())
}

/// Users who take items of some groups, few mostly and sometimes many; every item is taken.
fn events() -> Pairs {
    let mut pairs = Pairs::default();
    let mut state = 1u64;
    let mut dice = move || {
        // Knuth's generator; the high half is what is random.
        state = state.wrapping_mul(6_364_136_223_846_793_005);
        state = state.wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let per_group = ITEMS / GROUPS;
    let per_crowd = USERS / GROUPS;
    let mut take = |user: u64, group: u64, place: u64| {
        pairs.users.push(user as i64);
        pairs.items.push((place * GROUPS + group) as i64);
    };
    for user in 0..USERS {
        let group = user % GROUPS;
        for place in (user / GROUPS..per_group).step_by(per_crowd as usize) {
            take(user, group, place);
        }
        let share = dice() as f64 / (1u64 << 31) as f64;
        for _ in 0..8 + (120.0 * share.powi(4)) as u64 {
            let taste = (group + dice() % TASTES * 571) % GROUPS;
            take(user, taste, dice() % per_group);
        }
    }
    pairs
}
