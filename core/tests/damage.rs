//! Contract: a file that is cut, changed or forged is refused with a typed error, and whatever
//! does open answers without a panic.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::sync::LazyLock;

use proptest::prelude::*;
use support::tiny;
use tastemaker::control::Control;
use tastemaker::engine::{Engine, Request};
use tastemaker::evaluate::{EvaluateOptions, TestSet, evaluate};
use tastemaker::event::{Event, IdColumn};
use tastemaker::json::json;
use tastemaker::model::{BatchOptions, EdgeOptions, Model};
use tastemaker::profile::Profile;
use tastemaker::{Error, ErrorKind};

static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| tiny().as_bytes().to_vec());

fn expected(at: usize) -> ErrorKind {
    match at {
        0..8 => ErrorKind::NotASnapshot,
        8..12 => ErrorKind::UnsupportedVersion,
        _ => ErrorKind::CorruptSnapshot,
    }
}

#[test]
fn every_flipped_bit_of_a_snapshot_is_refused() {
    let mut bytes = FILE.clone();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            let error = Model::from_bytes(&bytes).unwrap_err();
            assert_eq!(error.kind(), expected(at), "byte {at}, bit {bit}: {error}");
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(Model::from_bytes(&bytes).is_ok());
}

#[test]
fn every_cut_of_a_snapshot_is_refused() {
    for len in 0..FILE.len() {
        let error = Model::from_bytes(&FILE[..len]).unwrap_err();
        let kind = if len < 8 {
            ErrorKind::NotASnapshot
        } else {
            ErrorKind::CorruptSnapshot
        };
        assert_eq!(error.kind(), kind, "cut to {len}: {error}");
    }
}

#[test]
fn two_files_spliced_at_any_section_are_refused() {
    let other = support::trained(
        &support::events(2, 3, 5, 14),
        None,
        &support::options(&json!({})),
    );
    let other = other.as_bytes();
    for at in (64..FILE.len().min(other.len())).step_by(64) {
        for (head, tail) in [(&FILE[..], other), (other, &FILE[..])] {
            let spliced = [&head[..at], &tail[at..]].concat();
            if spliced != *FILE && spliced != other {
                assert!(Model::from_bytes(&spliced).is_err(), "spliced at {at}");
            }
        }
    }
}

fn sample() -> Profile {
    let mut profile = Profile::new();
    for (item, kind, time) in [("日本", "view", -5), ("b", "save", 7), ("b", "view", 7)] {
        profile
            .record(&Event::new(item, kind, time).with_weight(0.5))
            .unwrap();
    }
    profile
}

#[test]
fn every_change_of_a_profile_is_refused() {
    let good = sample().to_bytes();
    for len in 0..good.len() {
        let error = Profile::from_bytes(&good[..len]).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::CorruptProfile,
            "cut to {len}: {error}"
        );
    }
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            let kind = match at {
                4..6 => ErrorKind::UnsupportedVersion,
                _ => ErrorKind::CorruptProfile,
            };
            let error = Profile::from_bytes(&bytes).unwrap_err();
            assert_eq!(error.kind(), kind, "byte {at}, bit {bit}: {error}");
        }
    }
}

fn read<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}

fn put(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// Computes every checksum anew, so that only the content can give a forgery away.
fn seal(bytes: &mut [u8]) {
    let hash = xxhash_rust::xxh3::xxh3_64;
    let count = u32::from_le_bytes(read(bytes, 12)) as usize;
    let table_end = (64 + count * 32).next_multiple_of(64);
    for entry in (64..64 + count * 32).step_by(32) {
        let start = u64::from_le_bytes(read(bytes, entry + 8)) as usize;
        let len = u64::from_le_bytes(read(bytes, entry + 16)) as usize;
        let sum = hash(&bytes[start..start + len.next_multiple_of(64)]);
        put(bytes, entry + 24, sum);
    }
    let table = hash(&bytes[64..table_end]);
    put(bytes, 24, table);
    let header = hash(&bytes[..56]);
    put(bytes, 56, header);
}

/// Everything that reads a model. Errors are answers; panics are not.
fn exercise(model: &Model) -> Result<(), Error> {
    let _ = format!("{model:?} {}", model.manifest());
    let ids: Vec<String> = (0..model.item_count() as u32 + 1)
        .filter_map(|i| model.item_id(i).map(str::to_owned))
        .collect();
    for (index, id) in ids.iter().enumerate() {
        let _ = (
            model.item_index(id),
            model.attributes(id),
            model.neighbors(id),
        );
        let _ = model.popularity(index as u32);
    }
    let users: Vec<String> = model.user_ids().map(str::to_owned).collect();
    for user in &users {
        let _ = model.profile(user);
    }
    let engine = Engine::new(model.clone());
    let user = users.first().map_or("u0", String::as_str);
    for filter in [
        json!(null),
        json!({"price": {"$lt": 2}}),
        json!({"tags": {"$in": ["t1"]}, "title": {"$regex": "1$"}, "open": true}),
        json!({"tags": {"$elemMatch": {"$gt": "t0"}}, "since": {"$gte": 0}, "where.lat": null}),
    ] {
        let request =
            json!({"user_id": user, "k": 4, "explain": true, "trace": true, "filter": filter});
        let answer = engine.recommend(&Request::from_json(&request)?)?;
        for item in &answer.items {
            let sum = item.reasons.iter().fold(0.0, |sum, r| sum + r.contribution);
            assert_eq!(sum.to_bits(), item.score.to_bits(), "{answer:?}");
        }
        let _ = answer.to_json().to_string();
    }
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let _ = model.recommend_users(&users, &BatchOptions::default(), &Control::new())?;
    let pairs: Vec<&str> = users.iter().map(|_| "item 1").collect();
    let test = TestSet::new(IdColumn::Text(&users), IdColumn::Text(&pairs));
    let options = EvaluateOptions {
        auc: true,
        resamples: 2,
        ..EvaluateOptions::default()
    };
    let _ = evaluate(model, &test, &options, &Control::new());
    let _ = model.export_edge(&EdgeOptions::default())?;
    engine.record(user, &Event::new("item 1", "view", 1))?;
    engine.erase(user)?;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    /// Bytes of the content change and the checksums follow: the file is refused, or it opens
    /// and answers.
    #[test]
    fn forged_content_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, any::<u8>()), 1..4),
    ) {
        let mut bytes = FILE.clone();
        let count = u32::from_le_bytes(read(&bytes, 12)) as usize;
        for (section, at, value) in &changes {
            let entry = 64 + section.index(count) * 32;
            let start = u64::from_le_bytes(read(&bytes, entry + 8)) as usize;
            let len = u64::from_le_bytes(read(&bytes, entry + 16)) as usize;
            if len > 0 {
                // Values that mean something stand beside random ones.
                let value = [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff].get(*value as usize).copied().unwrap_or(*value);
                bytes[start + (at * 7) % len] = value;
            }
        }
        seal(&mut bytes);
        match Model::from_bytes(&bytes) {
            Ok(model) => {
                let _ = exercise(&model);
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::CorruptSnapshot, "{}", error),
        }
    }

    /// The same for the table: codes, indices, offsets and lengths.
    #[test]
    fn forged_tables_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..24, any::<u8>()), 1..3),
    ) {
        let mut bytes = FILE.clone();
        let count = u32::from_le_bytes(read(&bytes, 12)) as usize;
        let original = bytes.clone();
        for (section, at, value) in &changes {
            bytes[64 + section.index(count) * 32 + at] = *value;
        }
        // Checksums of sections as they were; those of the table and the header follow.
        let table_end = (64 + count * 32).next_multiple_of(64);
        let table = xxhash_rust::xxh3::xxh3_64(&bytes[64..table_end]);
        put(&mut bytes, 24, table);
        let header = xxhash_rust::xxh3::xxh3_64(&bytes[..56]);
        put(&mut bytes, 56, header);
        match Model::from_bytes(&bytes) {
            Ok(model) => {
                let _ = exercise(&model);
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::CorruptSnapshot, "{}", error),
        }
        prop_assert_eq!(original.len(), bytes.len());
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 1..600), keep in 0usize..120) {
        let mut bytes = FILE[..keep].to_vec();
        bytes.extend(&noise);
        prop_assert!(Model::from_bytes(&bytes).is_err());
        let mut profile = sample().to_bytes();
        profile.truncate(keep);
        profile.extend(&noise);
        prop_assert!(Profile::from_bytes(&profile).is_err());
    }

    #[test]
    fn forged_profiles_are_refused_or_canonical(
        at in 6usize..60, value in any::<u8>(), cut in prop::option::of(8usize..60),
    ) {
        let mut bytes = sample().to_bytes();
        bytes.truncate(cut.unwrap_or(bytes.len() - 8).min(bytes.len() - 8));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        let sum = xxhash_rust::xxh3::xxh3_64(&bytes).to_le_bytes();
        bytes.extend(sum);
        match Profile::from_bytes(&bytes) {
            Ok(profile) => prop_assert_eq!(profile.to_bytes(), bytes, "what opens is in canonical form"),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::CorruptProfile, "{}", error),
        }
    }
}
