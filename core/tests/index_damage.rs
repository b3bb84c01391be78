//! Contract: a file of a vector index that is cut, changed or forged is refused with a typed
//! error, and whatever does open answers without a panic, opened with or without a check.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::path::PathBuf;

use tastemaker::ErrorKind;
use tastemaker::catalog::Catalog;
use tastemaker::control::Control;
use tastemaker::event::IdColumn;
use tastemaker::index::{
    Changes, ClusterOptions, Example, IndexOptions, SearchOptions, Strategy, Target, VectorIndex,
    Vectors,
};
use tastemaker::json::{Value, json};

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }
}

const WIDTH: usize = 5;

/// Small indexes that together have every section.
fn samples() -> Vec<(&'static str, VectorIndex)> {
    let mut dice = Dice(7);
    let ids: Vec<String> = (0..40).map(|row| format!("item-{}", row % 33)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let numbers: Vec<i64> = (0..40).collect();
    let mut values: Vec<f32> = (0..40 * WIDTH)
        .map(|_| dice.below(2001) as f32 / 1000.0 - 1.0)
        .collect();
    // Rows that are the same, which the graph folds.
    values.copy_within(0..4 * WIDTH, 20 * WIDTH);
    let mut catalog = Catalog::new();
    for id in ids.iter().take(20) {
        let attributes = json!({"price": id.len(), "title": id, "tags": ["a", id], "open": true});
        catalog.add(id, &attributes).unwrap();
    }
    let vectors = Vectors::new(&values, WIDTH).unwrap();
    let build = |options: Value, numbered: bool, catalog: Option<&Catalog>| {
        let options = IndexOptions::from_json(&options).unwrap();
        let ids = if numbered {
            IdColumn::Integer(&numbers)
        } else {
            IdColumn::Text(&ids)
        };
        match catalog {
            None => VectorIndex::build(ids, vectors, &options, &Control::new()),
            Some(c) => {
                VectorIndex::build_with_attributes(ids, vectors, c, &options, &Control::new())
            }
        }
        .unwrap()
    };
    let graph = |metric: &str, storage: &str| json!({"metric": metric, "storage": storage, "kind": "hnsw", "m": 4, "ef_construction": 8});
    vec![
        (
            "exact",
            build(json!({"kind": "exact"}), false, Some(&catalog)),
        ),
        ("cosine", build(graph("cosine", "f32"), true, None)),
        ("l2", build(graph("l2", "f16"), true, None)),
        (
            "inner product",
            build(graph("inner_product", "int8"), false, Some(&catalog)),
        ),
    ]
}

/// Everything that reads an index. Errors are answers; panics are not. Scores of an index that
/// was verified are finite.
fn ask_all(index: &VectorIndex, verified: bool) {
    let query: Vec<f32> = (0..index.dimension())
        .map(|at| 1.0 - at as f32 / 4.0)
        .collect();
    let first = index.id(0).unwrap_or("").to_owned();
    let last = index
        .id(index.len().saturating_sub(1) as u32)
        .unwrap_or("")
        .to_owned();
    let item = Example::Item(&first);
    let targets = [
        Target::vector(&query),
        Target::item(&last),
        Target::recommend(
            vec![item, Example::Vector(&query)],
            vec![Example::Item(&last)],
        ),
        Target::Recommend {
            positive: vec![item],
            negative: vec![Example::Item(&last)],
            strategy: Strategy::BestScore,
        },
        Target::Discover {
            target: None,
            context: vec![(item, Example::Item(&last))],
        },
    ];
    for target in &targets {
        for options in [
            json!({"k": 3}),
            json!({"k": 50, "ef": 100}),
            json!({"k": 2, "exact": true, "trace": true}),
            json!({"k": 4, "filter": {"price": {"$gt": 5}}}),
            json!({"k": 4, "allow": [first, last], "deny": ["item-3", "7"]}),
            json!({"k": 3, "diversity": 0.5, "min_score": -1e30}),
        ] {
            // An id of a damaged file may be one that nobody can ask for.
            let Ok(options) = SearchOptions::from_json(&options) else {
                continue;
            };
            if let Ok(found) = index.search(target, &options)
                && verified
            {
                for neighbor in &found.items {
                    assert!(neighbor.score.is_finite(), "{neighbor:?}");
                    assert!(index.id(neighbor.item).is_some(), "{neighbor:?}");
                }
            }
        }
    }
    let control = Control::new();
    let _ = (
        index.vectors(&first),
        index.attributes(&last),
        index.kind(),
        index.manifest(),
    );
    let _ = index.knn_graph(&SearchOptions::top(3), 1, &control);
    let _ = index.duplicates(0.9, 1, &control);
    let clusters = ClusterOptions {
        clusters: 3,
        ..ClusterOptions::default()
    };
    let _ = index.cluster(&clusters, &control);
    let _ = index.export_edge();
    let vectors = Vectors::new(&query, index.dimension()).unwrap();
    let changes = Changes {
        ids: IdColumn::Text(&["new"]),
        vectors,
        catalog: None,
        remove: &[&first],
    };
    if let Ok(updated) = index.update(&changes, 1, &control) {
        let _ = updated
            .index
            .search(&Target::vector(&query), &SearchOptions::top(5));
    }
}

fn expected(at: usize) -> ErrorKind {
    match at {
        0..8 => ErrorKind::NotASnapshot,
        8..12 => ErrorKind::UnsupportedVersion,
        _ => ErrorKind::CorruptSnapshot,
    }
}

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

/// A section: its code, its index and its content.
type Section = (u32, u32, Vec<u8>);

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}

fn sections(bytes: &[u8]) -> Vec<Section> {
    let count = u32::from_le_bytes(number(bytes, 12)) as usize;
    (64..64 + count * 32)
        .step_by(32)
        .map(|entry| {
            let start = u64::from_le_bytes(number(bytes, entry + 8)) as usize;
            let len = u64::from_le_bytes(number(bytes, entry + 16)) as usize;
            let code = u32::from_le_bytes(number(bytes, entry));
            let index = u32::from_le_bytes(number(bytes, entry + 4));
            (code, index, bytes[start..start + len].to_vec())
        })
        .collect()
}

/// A file with these sections, every checksum of it right.
fn file(like: &[u8], sections: &[Section]) -> Vec<u8> {
    let hash = xxhash_rust::xxh3::xxh3_64;
    let mut bytes = like[..64].to_vec();
    bytes[12..16].copy_from_slice(&(sections.len() as u32).to_le_bytes());
    let table_end = (64 + sections.len() * 32).next_multiple_of(64);
    let mut table = Vec::new();
    let mut body = Vec::new();
    for (code, index, content) in sections {
        let start = (table_end + body.len()) as u64;
        body.extend(content);
        body.resize(body.len().next_multiple_of(64), 0);
        let sum = hash(&body[start as usize - table_end..]);
        table.extend(code.to_le_bytes());
        table.extend(index.to_le_bytes());
        for word in [start, content.len() as u64, sum] {
            table.extend(word.to_le_bytes());
        }
    }
    bytes.extend(table);
    bytes.resize(table_end, 0);
    bytes.extend(body);
    let length = bytes.len() as u64;
    bytes[16..24].copy_from_slice(&length.to_le_bytes());
    let table = hash(&bytes[64..table_end]);
    bytes[24..32].copy_from_slice(&table.to_le_bytes());
    let header = hash(&bytes[..56]);
    bytes[56..64].copy_from_slice(&header.to_le_bytes());
    bytes
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
