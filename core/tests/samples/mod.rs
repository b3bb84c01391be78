//! Small indexes that have every section, their files taken apart and put together again, and every
//! question that an index answers. Used by the tests of damage, and by the fuzz targets.

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
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }
}

const WIDTH: usize = 5;

/// Small indexes that together have every section.
pub(crate) fn samples() -> Vec<(&'static str, VectorIndex)> {
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
        (
            "binary",
            build(json!({"metric": "l2", "kind": "binary"}), false, None),
        ),
        ("sketches", long(&graph("inner_product", "int8"), &mut dice)),
    ]
}

/// A few rows that are long enough for sketches.
fn long(options: &Value, dice: &mut Dice) -> VectorIndex {
    const ROWS: usize = 12;
    const LONG: usize = 512;
    let values: Vec<f32> = (0..ROWS * LONG)
        .map(|_| dice.below(2001) as f32 / 1000.0 - 1.0)
        .collect();
    let ids: Vec<i64> = (0..ROWS as i64).collect();
    let vectors = Vectors::new(&values, LONG).unwrap();
    let options = IndexOptions::from_json(options).unwrap();
    VectorIndex::build(IdColumn::Integer(&ids), vectors, &options, &Control::new()).unwrap()
}

/// Everything that reads an index. Errors are answers; panics are not. Scores of an index that
/// was verified are finite.
pub(crate) fn ask_all(index: &VectorIndex, verified: bool) {
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
            json!({"k": 1, "ef": 1}),
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

/// How a file is refused of which one bit is flipped, in the byte `at`.
pub(crate) fn expected(at: usize) -> ErrorKind {
    match at {
        0..8 => ErrorKind::NotASnapshot,
        8..12 => ErrorKind::UnsupportedVersion,
        _ => ErrorKind::CorruptSnapshot,
    }
}

/// A section: its code, its index and its content.
pub(crate) type Section = (u32, u32, Vec<u8>);

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}

pub(crate) fn sections(bytes: &[u8]) -> Vec<Section> {
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
pub(crate) fn file(like: &[u8], sections: &[Section]) -> Vec<u8> {
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
