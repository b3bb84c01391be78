//! Contract: one engine serves many threads. Answers are whole, and nothing is lost.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use support::{Dice, catalog, events, options, trained};
use tastemaker::engine::{
    Engine, GroupRequest, Request, ScoreRequest, SimilarRequest, SimilarUsersRequest,
};
use tastemaker::event::Event;
use tastemaker::json::{Value, json};
use tastemaker::model::Model;
use tastemaker::profile::Profile;

const THREADS: u64 = 8;

fn models() -> [Model; 3] {
    let build = |seed, items: usize| {
        let order: Vec<usize> = (0..items).collect();
        trained(
            &events(seed, 40, items, 700),
            Some(&catalog(&order)),
            &options(&json!({"trainer": {"name": "spectral", "rank": 8}})),
        )
    };
    [build(1, 40), build(2, 150), build(3, 12)]
}

#[test]
fn nothing_is_lost_and_every_answer_is_whole() {
    let models = models();
    let engine = Engine::new(models[0].clone());
    let accepted = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                engine.swap(models[n % 3].clone());
                n += 1;
                std::thread::yield_now();
            }
        });
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (engine, accepted, models) = (&engine, &accepted, &models);
                scope.spawn(move || {
                    let mut dice = Dice::new(thread);
                    for n in 0..400i64 {
                        // Users that all threads share, and times that no two threads do.
                        let user = format!("shared {}", dice.below(5));
                        let event = Event::new(format!("item {}", dice.below(50)), "view", n * 10 + thread as i64);
                        let recorded = engine.record(&user, &event).unwrap();
                        assert!(recorded.changed);
                        accepted.fetch_add(1, Ordering::Relaxed);
                        let request = json!({
                            "user_id": user, "k": 7, "explain": true, "filter": {"price": {"$lt": 100}},
                        });
                        let answer = engine.recommend(&Request::from_json(&request).unwrap()).unwrap();
                        let model = models.iter().find(|m| m.hash() == answer.model);
                        let model = model.expect("an answer names its model");
                        for item in &answer.items {
                            assert_eq!(model.item_id(item.item), Some(item.item_id.as_str()));
                            let sum = item.reasons.iter().fold(0.0, |sum, r| sum + r.contribution);
                            assert_eq!(sum.to_bits(), item.score.to_bits());
                        }
                        // Erased users are this thread's own.
                        let own = format!("own {thread}");
                        engine.record(&own, &event).unwrap();
                        if n % 3 == 0 {
                            assert!(engine.erase(&own).unwrap());
                            assert!(engine.profile(&own).unwrap().is_empty());
                        }
                    }
                })
            })
            .collect();
        let results: Vec<_> = workers
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        stop.store(true, Ordering::Relaxed);
        swapper.join().unwrap();
        for result in results {
            result.unwrap();
        }
    });
    let kept: usize = (0..5)
        .map(|n| engine.profile(&format!("shared {n}")).unwrap().len())
        .sum();
    assert_eq!(kept as u64, accepted.load(Ordering::Relaxed));
    assert_eq!(kept as u64, THREADS * 400);
}

#[test]
fn answers_under_load_are_the_answers_of_a_quiet_engine() {
    let model = models()[1].clone();
    let users: Vec<String> = model.user_ids().map(str::to_owned).collect();
    let ask = |engine: &Engine, user: &str| engine.recommend(&Request::for_user(user, 9)).unwrap();
    let quiet = Engine::new(model.clone());
    let expected: BTreeMap<&str, _> = users.iter().map(|u| (u.as_str(), ask(&quiet, u))).collect();
    let engine = Engine::new(model.clone());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (engine, users, expected, model) = (&engine, &users, &expected, &model);
            scope.spawn(move || {
                let mut dice = Dice::new(thread + 100);
                for _ in 0..300 {
                    let user = &users[dice.below(users.len())];
                    assert_eq!(&ask(engine, user), &expected[user.as_str()]);
                    // What the profile has already changes nothing.
                    engine
                        .merge_profile(user, &model.profile(user).unwrap())
                        .unwrap();
                    engine.merge_profile(user, &Profile::new()).unwrap();
                }
            });
        }
    });
    assert_eq!(engine.user_count(), 0, "nothing was recorded");
}

/// What each question answers about a user, as JSON.
fn ask_all(engine: &Engine, user: &str, other: &str) -> [Value; 4] {
    let similar = json!({"item_ids": ["item 3", "item 8"], "k": 6, "explain": true});
    let score = json!({"user_id": user, "item_ids": ["item 1", "item 2", "none"], "explain": true});
    let group =
        json!({"members": [{"user_id": user}, {"user_id": other}], "k": 6, "explain": true});
    let users = json!({"user_id": user, "k": 6});
    let similar = SimilarRequest::from_json(&similar).unwrap();
    let score = ScoreRequest::from_json(&score).unwrap();
    let group = GroupRequest::from_json(&group).unwrap();
    let users = SimilarUsersRequest::from_json(&users).unwrap();
    [
        engine.similar_items(&similar).unwrap().to_json(),
        engine.score_items(&score).unwrap().to_json(),
        engine.recommend_group(&group).unwrap().to_json(),
        engine.similar_users(&users).unwrap().to_json(),
    ]
}

#[test]
fn the_other_questions_are_answered_under_load_as_in_a_quiet_engine() {
    let models = models();
    let users: Vec<String> = models[1].user_ids().map(str::to_owned).collect();
    let pair = |at: usize| (users[at].as_str(), users[(at + 1) % users.len()].as_str());
    let quiet = models.each_ref().map(|model| {
        let engine = Engine::new(model.clone());
        let answers = (0..users.len()).map(|at| ask_all(&engine, pair(at).0, pair(at).1));
        answers.collect::<Vec<_>>()
    });
    let engine = Engine::new(models[0].clone());
    let running = AtomicU64::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (engine, quiet, models, running, users) =
                (&engine, &quiet, &models, &running, &users);
            let pair = &pair;
            scope.spawn(move || {
                // Counted down also where an assertion fails, so that the loop below ends.
                let _one = Countdown(running);
                let mut dice = Dice::new(thread + 300);
                for _ in 0..200 {
                    let at = dice.below(users.len());
                    let answers = ask_all(engine, pair(at).0, pair(at).1);
                    for (number, answer) in answers.iter().enumerate() {
                        let hash = answer["model"].as_str().unwrap();
                        let model = models.iter().position(|m| m.hash() == hash).unwrap();
                        assert_eq!(answer, &quiet[model][at][number]);
                    }
                    // Users of their own come and go beside.
                    let own = format!("own {thread}");
                    engine
                        .record(&own, &Event::new("item 3", "view", 1))
                        .unwrap();
                    engine.erase(&own).unwrap();
                }
            });
        }
        let mut n = 0;
        while running.load(Ordering::Relaxed) > 0 {
            engine.swap(models[n % 3].clone());
            n += 1;
            std::thread::yield_now();
        }
    });
}

struct Countdown<'a>(&'a AtomicU64);

impl Drop for Countdown<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_running_request_keeps_the_model_that_it_began_with() {
    let models = models();
    let engine = Engine::new(models[0].clone());
    let before = engine.model();
    engine.swap(models[1].clone());
    assert_eq!(before.hash(), models[0].hash());
    assert_eq!(engine.model().hash(), models[1].hash());
    drop(engine);
    assert_eq!(
        before.item_id(0),
        models[0].item_id(0),
        "a model outlives its engine"
    );
}
