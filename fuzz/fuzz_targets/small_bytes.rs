//! Everything else that is read from bytes: profiles, decision logs, bandits, matrices, conditions
//! and options. The first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tastemaker::condition::Condition;
use tastemaker::engine::Request;
use tastemaker::experiment::bandit::Bandit;
use tastemaker::experiment::log::{DecisionLog, LogOptions};
use tastemaker::index::{ImportedVectors, IndexOptions, SearchOptions};
use tastemaker::json::{self, Value};
use tastemaker::profile::Profile;
use tastemaker::train::TrainOptions;

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else {
        return;
    };
    match which % 6 {
        0 => {
            if let Ok(profile) = Profile::from_bytes(bytes) {
                assert!(
                    Profile::from_bytes(&profile.to_bytes()).is_ok_and(|again| again == profile)
                );
            }
        }
        1 => {
            let _ = DecisionLog::from_bytes(bytes, &LogOptions::default());
        }
        2 => {
            let _ = Bandit::from_bytes(bytes);
        }
        3 => {
            let _ = ImportedVectors::from_fvecs(bytes);
        }
        4 => {
            let _ = ImportedVectors::from_safetensors(bytes, None);
        }
        _ => {
            let Ok(value) = json::from_slice::<Value>(bytes) else {
                return;
            };
            let _ = Condition::parse(&value);
            let _ = Request::from_json(&value);
            let _ = IndexOptions::from_json(&value);
            let _ = SearchOptions::from_json(&value);
            let _ = TrainOptions::from_json(&value);
        }
    }
});
