//! A ranking against its definition: dense `i64` sums of every edge, then one sort.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::KindTable;
use crate::id::IdTable;
use crate::model::graph;
use crate::snapshot::{Section, Writer};

/// A number from a seed and two positions, the same everywhere.
fn mixed(seed: u64, a: u64, b: u64) -> u64 {
    let mut x =
        seed ^ a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    for _ in 0..3 {
        x ^= x >> 31;
        x = x.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    }
    x ^ x >> 32
}

/// A model with a graph of random rows. Few distinct weights, so that many scores tie.
fn model(items: usize, degree: usize, seed: u64) -> Model {
    let mut writer = Writer::default();
    let ids: Vec<String> = (0..items).map(|i| format!("{i:06}")).collect();
    let table = IdTable::build(ids.iter().map(String::as_str)).unwrap();
    writer.add(Section::ItemOffsets, 0, &table.offsets);
    writer.add(Section::ItemBytes, 0, &table.bytes);
    writer.add(Section::ItemSlots, 0, &table.slots);
    let (mut offsets, mut neighbors, mut weights) = (vec![0u32], Vec::new(), Vec::new());
    for item in 0..items as u64 {
        let mut row: Vec<u32> = (0..degree as u64)
            .map(|n| (mixed(seed, item, n) % items as u64) as u32)
            .filter(|&other| u64::from(other) != item)
            .collect();
        row.sort_unstable();
        row.dedup();
        for other in row {
            neighbors.push(other);
            weights.push([1u16, 2, 300, 65_535][mixed(seed, item, u64::from(other)) as usize % 4]);
        }
        offsets.push(neighbors.len() as u32);
    }
    graph::write(&mut writer, items, &offsets, &neighbors, &weights);
    // Popular first: in the order of a permutation.
    let mut order: Vec<u32> = (0..items as u32).collect();
    order.sort_by_key(|&item| mixed(seed, 1 << 40, u64::from(item)));
    writer.add(Section::Popularity, 0, &vec![1f32; items]);
    writer.add(Section::PopularOrder, 0, &order);
    writer.add(Section::Active, 0, BitSet::full(items).words());
    let manifest = json!({
        "kinds": KindTable::default().to_json(), "half_life_ms": null,
        "graph": {"scale": 15}, "columns": [], "profiles": null,
    });
    writer.add(Section::Manifest, 0, manifest.to_string().as_bytes());
    Model::from_storage(writer.finish().unwrap()).unwrap()
}

fn naive(model: &Model, query: &Query<'_>, weights: &[Weighted]) -> Vec<Ranked> {
    let mut fixed = FixedPoint::default();
    fixed.set(weights);
    let mut sums = vec![0i64; model.item_count()];
    for &(item, factor) in &fixed.items {
        let (ids, row) = model.graph().row(item);
        for (id, &weight) in ids.iter().zip(row) {
            sums[id as usize] += i64::from(factor) * i64::from(weight);
        }
    }
    let mut place = vec![0; sums.len()];
    for (n, &item) in model.popular_order().iter().enumerate() {
        place[item as usize] = n;
    }
    let shown = |item: u32| {
        let at = weights.binary_search_by_key(&item, |w| w.item);
        let of_item = at.ok().map(|at| weights[at]);
        query.eligible.is_none_or(|set| set.contains(item as usize))
            && of_item.is_none_or(|w| !query.exclude_seen && w.weight >= 0.0)
    };
    let mut all: Vec<(u32, i64)> = (0..sums.len() as u32)
        .map(|item| (item, sums[item as usize]))
        .filter(|&(item, _)| shown(item))
        .collect();
    // For, silent, against; within them by score, or by popularity where all scores are zero.
    let group = |sum: i64| 1 - sum.signum();
    all.sort_by_key(|&(item, sum)| (group(sum), -sum, item));
    let silent = all.iter().position(|e| e.1 <= 0).unwrap_or(all.len());
    if silent < query.k {
        let end = all.iter().position(|e| e.1 < 0).unwrap_or(all.len());
        all[silent..end].sort_by_key(|&(item, _)| place[item as usize]);
    }
    all.truncate(query.k);
    let unit = model.graph().unit() * fixed.unit();
    let ranked = |(item, sum): (u32, i64)| Ranked {
        item,
        score: sum as f64 * unit,
        source: if sum == 0 {
            Source::Popular
        } else {
            Source::Graph
        },
    };
    all.into_iter().map(ranked).collect()
}

/// The history: distinct items, with weights for and against, ascending.
fn history(model: &Model, size: usize, against: usize, seed: u64) -> Vec<Weighted> {
    let items = model.item_count() as u64;
    let mut weights: Vec<Weighted> = (0..size as u64)
        .map(|n| Weighted {
            item: (mixed(seed, 7, n) % items) as u32,
            weight: match mixed(seed, 8, n) as usize % 100 {
                0 => 0.0,
                dice if dice < against => -1.5,
                dice => [1.0, 1.0, 0.25, 4.0][dice % 4],
            },
        })
        .collect();
    weights.sort_by_key(|w| w.item);
    weights.dedup_by_key(|w| w.item);
    weights
}

fn check(model: &Model, query: &Query<'_>, weights: &[Weighted], workspace: &mut Workspace) {
    workspace.weights = weights.to_vec();
    let counts = rank_weights(model, query, workspace);
    let expected = naive(model, query, weights);
    assert_eq!(
        workspace.ranked,
        expected,
        "{} items, {query:?}",
        model.item_count()
    );
    let of = |wanted: &dyn Fn(&Ranked) -> bool| expected.iter().filter(|r| wanted(r)).count();
    assert_eq!(counts.graph, of(&|r| r.score > 0.0));
    assert_eq!(counts.popular, of(&|r| r.score == 0.0));
    assert_eq!(counts.pushed_away, of(&|r| r.score < 0.0));
}

#[test]
fn a_ranking_is_the_definition_at_every_size() {
    let mut workspace = Workspace::new();
    for items in [
        1, 2, 63, 64, 65, 1023, 1024, 1025, 8191, 8193, 65_536, 65_537, 70_000,
    ] {
        let model = model(items, 40, items as u64);
        for size in [0, 1, 5, 300] {
            let weights = history(&model, size, 20, size as u64);
            let mut some = BitSet::empty(items);
            (0..items)
                .filter(|i| i % 3 != 1)
                .for_each(|i| some.insert(i));
            for (k, exclude_seen, eligible) in [
                (1, true, None),
                (20, true, None),
                (20, false, Some(&some)),
                (100, true, Some(&some)),
                (items.min(9000), false, None),
            ] {
                let query = Query {
                    k,
                    now: None,
                    exclude_seen,
                    eligible,
                    baseline: false,
                };
                check(&model, &query, &weights, &mut workspace);
            }
        }
    }
}

proptest! {
    /// One workspace for all of them: what one request leaves behind must not reach the next.
    #[test]
    fn a_ranking_is_the_definition(
        items in 1usize..3000,
        degree in 0usize..60,
        seed in any::<u64>(),
        requests in prop::collection::vec(
            (0usize..60, 0usize..101, any::<u64>(), any::<bool>(), prop::option::of(1u64..40), any::<prop::sample::Index>()),
            1..6,
        ),
    ) {
        let model = model(items, degree, seed);
        let mut workspace = Workspace::new();
        for (size, against, seed, exclude_seen, every, k) in requests {
            let mut set = BitSet::empty(items);
            (0..items)
                .filter(|&i| mixed(seed, 9, i as u64).is_multiple_of(every.unwrap_or(1)))
                .for_each(|i| set.insert(i));
            let k = 1 + k.index(if seed % 2 == 0 { 30 } else { items + 2 });
            let query = Query { k, now: None, exclude_seen, eligible: every.map(|_| &set), baseline: false };
            check(&model, &query, &history(&model, size, against, seed), &mut workspace);
        }
    }
}
