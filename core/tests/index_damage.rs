//! Contract: a file of a vector index that is cut, changed or forged is refused with a typed
//! error, and whatever does open answers without a panic, opened with or without a check.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::path::PathBuf;

use samples::{Dice, ask_all, expected, file, samples, sections};
use tastemaker::ErrorKind;
use tastemaker::index::VectorIndex;
use tastemaker::json::json;

mod samples;

#[test]
fn every_flipped_bit_is_refused() {
    for (name, index) in samples() {
        let mut bytes = index.as_bytes().to_vec();
        for at in 0..bytes.len() {
            // All bits of the header and the table, one of each byte behind them.
            let bits = if at < 1024 { 0..8 } else { at % 8..at % 8 + 1 };
            for bit in bits {
                bytes[at] ^= 1 << bit;
                let error = VectorIndex::from_bytes(&bytes).unwrap_err();
                assert_eq!(
                    error.kind(),
                    expected(at),
                    "{name}, byte {at}, bit {bit}: {error}"
                );
                bytes[at] ^= 1 << bit;
            }
        }
        ask_all(&VectorIndex::from_bytes(&bytes).unwrap(), true);
    }
}

#[test]
fn every_cut_is_refused() {
    for (name, index) in samples() {
        let bytes = index.as_bytes();
        for len in 0..bytes.len() {
            let error = VectorIndex::from_bytes(&bytes[..len]).unwrap_err();
            let kind = if len < 8 {
                ErrorKind::NotASnapshot
            } else {
                ErrorKind::CorruptSnapshot
            };
            assert_eq!(error.kind(), kind, "{name}, cut to {len}: {error}");
        }
        let longer = [bytes, &[0; 64]].concat();
        assert!(VectorIndex::from_bytes(&longer).is_err(), "{name}");
    }
}

/// Opens a forged file both ways; whatever opens is asked everything.
fn forged(name: &str, bytes: &[u8], path: &PathBuf) {
    match VectorIndex::from_bytes(bytes) {
        Ok(index) => ask_all(&index, true),
        Err(error) => assert!(
            matches!(
                error.kind(),
                ErrorKind::CorruptSnapshot | ErrorKind::NotASnapshot
            ),
            "{name}: {error}"
        ),
    }
    std::fs::write(path, bytes).unwrap();
    if let Ok(index) = VectorIndex::open_unverified(path) {
        ask_all(&index, false);
    }
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tastemaker-{name}-{}", std::process::id()))
}

#[test]
fn a_file_put_together_again_is_the_file() {
    for (name, index) in samples() {
        let bytes = index.as_bytes();
        assert!(file(bytes, &sections(bytes)) == bytes, "{name}");
    }
}

#[test]
fn forged_contents_under_right_checksums_do_no_harm() {
    let path = path("forged-contents");
    let mut dice = Dice(1);
    for (name, index) in samples() {
        let bytes = index.as_bytes();
        let rows = index.rows() as u32;
        let whole = sections(bytes);
        for at in 0..whole.len() {
            let (code, _, content) = &whole[at];
            for _ in 0..if content.len() > 64 { 40 } else { 12 } {
                let mut forgery = whole.clone();
                let content = &mut forgery[at].2;
                if content.is_empty() {
                    continue;
                }
                for _ in 0..=dice.below(3) {
                    let odd = [
                        0,
                        1,
                        rows - 1,
                        rows,
                        rows + 1,
                        u32::MAX,
                        1 << 31,
                        0x7fc0_0000,
                        dice.next() as u32,
                    ];
                    let word = odd[dice.below(odd.len())].to_le_bytes();
                    let start = dice.below(content.len()) / 4 * 4;
                    let end = content.len().min(start + 4);
                    content[start..end].copy_from_slice(&word[..end - start]);
                }
                forged(
                    &format!("{name}, section {code}"),
                    &file(bytes, &forgery),
                    &path,
                );
            }
        }
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn forged_lists_of_sections_do_no_harm() {
    let path = path("forged-sections");
    let mut dice = Dice(2);
    for (name, index) in samples() {
        let bytes = index.as_bytes();
        let whole = sections(bytes);
        for at in 0..whole.len() {
            let len = whole[at].2.len();
            for new in [
                0,
                1,
                len.saturating_sub(4),
                len.saturating_sub(1),
                len + 4,
                len + 64,
                2 * len,
            ] {
                let mut forgery = whole.clone();
                forgery[at].2.resize(new, dice.next() as u8);
                forged(
                    &format!("{name}, section {} of {new}", whole[at].0),
                    &file(bytes, &forgery),
                    &path,
                );
            }
            let mut without = whole.clone();
            without.remove(at);
            forged(
                &format!("{name} without {}", whole[at].0),
                &file(bytes, &without),
                &path,
            );
            let other = dice.below(whole.len());
            let mut swapped = whole.clone();
            swapped[at].2.clone_from(&whole[other].2);
            forged(
                &format!("{name}, {} is {other}", whole[at].0),
                &file(bytes, &swapped),
                &path,
            );
        }
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn forged_manifests_do_no_harm() {
    let path = path("forged-manifests");
    for (name, index) in samples() {
        let bytes = index.as_bytes();
        let whole = sections(bytes);
        let manifest = index.manifest();
        let keys: Vec<String> = manifest.as_object().unwrap().keys().cloned().collect();
        let odd = [
            json!(null),
            json!(0),
            json!(1),
            json!(-1),
            json!(4_294_967_295u32),
            json!(u64::MAX),
            json!(1e300),
            json!(1e-300),
            json!("hnsw"),
            json!("exact"),
            json!([]),
            json!({}),
            json!(true),
        ];
        let mut changed = Vec::new();
        for key in &keys {
            for value in &odd {
                let mut forgery = manifest.clone();
                forgery[key] = value.clone();
                changed.push(forgery);
            }
            let mut forgery = manifest.clone();
            forgery.as_object_mut().unwrap().remove(key);
            changed.push(forgery);
        }
        for (key, value) in manifest["options"].as_object().unwrap() {
            for odd in odd.iter().chain([
                &json!("l2"),
                &json!("cosine"),
                &json!("inner_product"),
                &json!("f16"),
                &json!("int8"),
            ]) {
                let mut forgery = manifest.clone();
                forgery["options"][key] = odd.clone();
                assert!(!value.is_array());
                changed.push(forgery);
            }
        }
        for forgery in changed {
            let mut sections = whole.clone();
            sections[0].2 = forgery.to_string().into_bytes();
            forged(
                &format!("{name}: {forgery}"),
                &file(bytes, &sections),
                &path,
            );
        }
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn damage_that_nobody_looked_for_gives_answers_or_errors() {
    let path = path("unverified");
    let mut dice = Dice(3);
    for (name, index) in samples() {
        let whole = index.as_bytes();
        std::fs::write(&path, whole).unwrap();
        VectorIndex::open_unverified(&path)
            .unwrap()
            .verify()
            .unwrap();
        for _ in 0..300 {
            let mut bytes = whole.to_vec();
            for _ in 0..=dice.below(4) {
                let at = dice.below(bytes.len());
                bytes[at] = dice.next() as u8;
            }
            std::fs::write(&path, &bytes).unwrap();
            if let Ok(index) = VectorIndex::open_unverified(&path) {
                ask_all(&index, false);
                if bytes != whole {
                    let error = index.verify().unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::CorruptSnapshot, "{name}");
                }
            }
        }
    }
    std::fs::remove_file(path).unwrap();
}
