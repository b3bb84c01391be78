//! Sketches of long rows: what they hold, and that they change no more than they should.

use super::*;
use crate::index::{Changes, Plan, sketch};
use crate::snapshot::{Piece, Section, Sections, Storage, VERSION, join};

/// So many that a search walks.
const ROWS: usize = 6000;
const WIDTH: usize = 520;

fn hnsw(metric: Metric) -> IndexOptions {
    IndexOptions {
        ef_construction: 60,
        threads: 2,
        ..options(metric, Kind::Hnsw)
    }
}

/// Clusters whose values have other means, as those of texts do.
fn values() -> Vec<f32> {
    let mut values = clustered(ROWS, WIDTH, 30, 21);
    for row in values.chunks_mut(WIDTH) {
        for (at, value) in row.iter_mut().enumerate().filter(|(at, _)| at % 7 == 0) {
            *value += (at % 5) as f32;
        }
    }
    values
}

/// The index with some of its sections changed, or left out.
fn rewritten(
    index: &VectorIndex,
    change: impl Fn(u32, &[u8]) -> Option<Vec<u8>>,
) -> crate::error::Result<Storage> {
    let sections = Sections::open(Storage::copy(index.as_bytes())).unwrap();
    let all = sections.pieces();
    let changed: Vec<_> = all
        .filter_map(|(key, piece)| Some((key, change(key.0, &piece.data[..piece.len])?)))
        .collect();
    let pieces = changed.iter().map(|(key, data)| (*key, Piece::new(data)));
    join(&pieces.collect(), VERSION)
}

fn section(index: &VectorIndex, code: Section) -> Vec<u8> {
    let sections = Sections::open(Storage::copy(index.as_bytes())).unwrap();
    sections.slice(&sections.range(code, 0)).to_vec()
}

const SKETCHES: u32 = Section::IndexSketches as u32;
const THRESHOLDS: u32 = Section::IndexThresholds as u32;

/// Read byte by byte as `docs/index-format.md` says, and computed as it says.
#[test]
fn sketches_are_what_the_format_says() {
    let values = values();
    let index = index(&numbered(ROWS), &values, WIDTH, &hnsw(Metric::L2));
    let codes = section(&index, Section::IndexCodes);
    let thresholds = section(&index, Section::IndexThresholds);
    let sketches = section(&index, Section::IndexSketches);
    let stride = 576;
    assert_eq!(codes.len(), ROWS * stride);
    for (at, &threshold) in thresholds.iter().enumerate() {
        let sum: f64 = (0..ROWS)
            .map(|row| f64::from(codes[row * stride + at]))
            .sum();
        assert_eq!(threshold, (sum / ROWS as f64 + 0.5).floor() as u8);
    }
    // Sixteen bytes of numbers, 65 of bits: two cache lines.
    assert_eq!(sketches.len(), ROWS * 128);
    for row in (0..ROWS).step_by(37) {
        let sketch = &sketches[row * 128..][..128];
        let apart = |at: usize| f64::from(codes[row * stride + at]) - f64::from(thresholds[at]);
        let square: f64 = (0..WIDTH).map(|at| apart(at) * apart(at)).sum();
        let sum: f64 = (0..WIDTH).map(|at| apart(at).abs()).sum();
        let with: f64 = (0..WIDTH)
            .map(|at| apart(at) * (f64::from(thresholds[at]) - 128.0))
            .sum();
        // The cosine of the angle between the row and its signs.
        let cosine = sum / (square * WIDTH as f64).sqrt();
        let spread =
            (square * (1.0 - cosine * cosine) / (cosine * cosine) / (WIDTH as f64 - 1.0)).sqrt();
        for (n, expected) in [square / sum, spread, with, 0.0].into_iter().enumerate() {
            let found = f32::from_le_bytes(sketch[4 * n..][..4].try_into().unwrap());
            assert!(
                (f64::from(found) - expected).abs() <= 1e-6 * expected.abs(),
                "{n}"
            );
        }
        for at in 0..(128 - 16) * 8 {
            let bit = sketch[16 + at / 8] >> (at % 8) & 1;
            assert_eq!(bit == 1, at < WIDTH && apart(at) > 0.0);
        }
    }
    let narrow = clustered(100, 511, 3, 1);
    let narrow = self::index(&numbered(100), &narrow, 511, &hnsw(Metric::L2));
    assert!(section(&narrow, Section::IndexSketches).is_empty());
}

/// The bound on an inner product: seldom too low, and no higher than it must be.
#[test]
fn most_is_seldom_less_than_the_truth() {
    let values = values();
    for metric in METRICS {
        let index = index(&numbered(ROWS), &values, WIDTH, &hnsw(metric));
        let codes = section(&index, Section::IndexCodes);
        let view = index.inner.view();
        let sketches = view.sketches.unwrap();
        let mut query = sketch::SketchQuery::default();
        // A query whose step is another one.
        let asked: Vec<i8> = codes[..WIDTH]
            .iter()
            .enumerate()
            .map(|(at, &c)| ((i32::from(c) - 128) / 2 + (at % 3) as i32) as i8)
            .collect();
        query.set(&sketches, &asked, 0.5);
        let ids: Vec<u32> = (0..ROWS as u32).collect();
        let mut dots = vec![0; ROWS];
        tastemaker_kernels::bit_row_dots(&query.bits, sketches.rows, &ids, &mut dots);
        let (mut below, mut over, mut apart) = (0, 0.0, 0.0);
        let truth = |row: usize| -> f64 {
            let row = &codes[row * 576..][..WIDTH];
            let pairs = row.iter().zip(&asked);
            pairs
                .map(|(&c, &q)| (f64::from(c) - 128.0) * f64::from(q))
                .sum()
        };
        let mean = (0..ROWS).map(truth).sum::<f64>() / ROWS as f64;
        for (row, &dot) in dots.iter().enumerate() {
            let most = f64::from(query.most(sketches.rows.row(row as u32), dot));
            below += usize::from(most < truth(row));
            over += most - truth(row);
            apart += (truth(row) - mean).abs();
        }
        // One and a half spreads: 7 of 100.
        let below = below as f64 / ROWS as f64;
        assert!((0.01..0.13).contains(&below), "{metric:?}: {below}");
        assert!(over < apart, "{metric:?}: {over} {apart}");
    }
}

/// Rows of twelve dimensions in many: a walk has a way to go.
fn flat(rows: usize) -> Vec<f32> {
    const INNER: usize = 12;
    let mut numbers = Numbers(31);
    let basis: Vec<f32> = (0..INNER * WIDTH).map(|_| numbers.normal()).collect();
    let mut out = vec![0.0; rows * WIDTH];
    for row in out.chunks_mut(WIDTH) {
        for direction in basis.chunks(WIDTH) {
            let length = numbers.normal();
            for (to, value) in row.iter_mut().zip(direction) {
                *to += length * value;
            }
        }
    }
    out
}

#[test]
fn with_and_without_sketches_a_search_finds_the_same() {
    let values = flat(ROWS);
    let ids = numbered(ROWS);
    let mut numbers = Numbers(5);
    for metric in METRICS {
        let with = index(&ids, &values, WIDTH, &hnsw(metric));
        let plain = rewritten(&with, |code, bytes| {
            (code != SKETCHES && code != THRESHOLDS).then(|| bytes.to_vec())
        });
        // A file without them is one of before they were invented.
        let plain = VectorIndex::from_bytes(plain.unwrap().bytes()).unwrap();
        let search = SearchOptions {
            ef: Some(30),
            trace: true,
            ..top(10)
        };
        let (mut same, mut right) = (0.0, 0.0);
        for n in 0..40 {
            let row = &values[n * 31 * WIDTH..][..WIDTH];
            let query: Vec<f32> = row.iter().map(|v| v + 0.2 * numbers.normal()).collect();
            let truth = naive(metric, &ids, &values, &query, 10, &|_| true);
            let found = with.search(&near(&query), &search).unwrap();
            let trace = found.trace.unwrap();
            assert_eq!(trace.plan, Plan::Hnsw);
            let other = plain.search(&near(&query), &search).unwrap();
            right += recall(&ids_of(&with, &found), &truth);
            same += recall(&ids_of(&plain, &other), &truth);
        }
        assert!(
            right > 0.95 * 40.0 && right > same - 0.4,
            "{metric:?}: {right} {same}"
        );
    }
}

#[test]
fn threads_updates_and_edges_keep_them() {
    let values = values();
    let ids = numbered(ROWS);
    let first = index(
        &ids,
        &values,
        WIDTH,
        &IndexOptions {
            threads: 1,
            ..hnsw(Metric::Cosine)
        },
    );
    let other = index(
        &ids,
        &values,
        WIDTH,
        &IndexOptions {
            threads: 7,
            ..hnsw(Metric::Cosine)
        },
    );
    assert_eq!(first.hash(), other.hash());
    let edge = first.export_edge().unwrap();
    for code in [Section::IndexSketches, Section::IndexThresholds] {
        assert_eq!(section(&edge, code), section(&first, code));
    }
    let changes = Changes {
        ids: IdColumn::Integer(&[]),
        vectors: Vectors::new(&[], WIDTH).unwrap(),
        catalog: None,
        remove: &["3", "700"],
    };
    let updated = first.update(&changes, 2, &Control::new()).unwrap().index;
    let sketches = section(&updated, Section::IndexSketches);
    assert_eq!(sketches.len(), (ROWS - 2) * 128);
    // As if they were made of the codes that are there now.
    let view = updated.inner.view();
    let workers = crate::parallel::Workers {
        threads: 1,
        control: &Control::new(),
    };
    let codes = section(&updated, Section::IndexCodes);
    let again = sketch::Stored::of_kind(Kind::Hnsw, &codes, WIDTH, &workers)
        .unwrap()
        .unwrap();
    assert_eq!(
        again.borrowed().unwrap().words,
        view.sketches.unwrap().words
    );
}

#[test]
fn damage_is_refused_or_does_no_harm() {
    let values = values();
    let index = index(&numbered(ROWS), &values, WIDTH, &hnsw(Metric::InnerProduct));
    for (code, len, fill) in [
        (SKETCHES, 128, 0xff),
        (SKETCHES, 128, 0),
        (SKETCHES, 128 * ROWS, 0xff),
        (THRESHOLDS, 1, 0),
    ] {
        let damaged = rewritten(&index, |at, bytes| {
            let mut bytes = bytes.to_vec();
            if at == code && fill == 0 {
                // Cut short.
                bytes.truncate(bytes.len() - len);
            } else if at == code {
                bytes[..len].fill(fill);
            }
            Some(bytes)
        });
        let damaged = damaged.unwrap();
        let e = VectorIndex::from_bytes(damaged.bytes()).unwrap_err();
        assert_eq!(e.kind(), crate::ErrorKind::CorruptSnapshot);
        if let Ok(index) = VectorIndex::from_storage(damaged, false) {
            for ef in [10, 100] {
                let search = SearchOptions {
                    ef: Some(ef),
                    ..top(10)
                };
                let found = index.search(&near(&values[..WIDTH]), &search).unwrap();
                assert_eq!(found.items.len(), 10);
            }
        }
    }
}
