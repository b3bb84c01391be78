//! Against the plain definition: dense `i64` sums, and sorting.

use super::add::mark_all;
use super::*;
use crate::integers::Integers;
use crate::lanes::Portable;
use crate::rows::Ids;

/// A linear congruential generator: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

struct Case {
    offsets: Vec<u32>,
    ids: Vec<u32>,
    /// The same in 16 bits, where all fit.
    narrow: Option<Vec<u16>>,
    weights: Vec<u16>,
    history: Vec<(u32, i32)>,
    members: Option<Vec<u64>>,
    expected: Vec<i64>,
}

impl Case {
    /// Rows with ids anywhere, at the borders of lines, or outside; factors of both signs.
    fn new(dice: &mut Dice, len: usize, foreign: bool) -> Self {
        let mut case = Self {
            offsets: vec![0],
            ids: Vec::new(),
            narrow: None,
            weights: Vec::new(),
            history: Vec::new(),
            members: None,
            expected: vec![0; len],
        };
        for _ in 0..1 + dice.below(12) {
            for _ in 0..dice.below(130).min(len) {
                let edge = [0, 15, 16, 1023, 1024, len / 2, len - 1][dice.below(7)];
                let id = [edge.min(len - 1), dice.below(len), dice.below(len)][dice.below(3)];
                // Once a row, so that no sum leaves `i32`.
                let start = case.offsets.last().map_or(0, |&start| start as usize);
                if case.ids[start..].contains(&(id as u32)) {
                    continue;
                }
                case.ids.push(id as u32);
                case.weights
                    .push([1, 65_535, dice.below(65_536) as u16][dice.below(3)]);
            }
            if foreign && dice.below(2) == 0 {
                case.ids
                    .push([len as u32, 65_535.max(len as u32), u32::MAX][dice.below(3)]);
                case.weights.push(9);
            }
            case.offsets.push(case.ids.len() as u32);
        }
        let rows = case.offsets.len() - 1;
        for _ in 0..dice.below(40) {
            // Rows that are not there, too; few distinct factors, so that sums tie.
            let row = dice.below(rows + 2);
            let factor = [1, 1, 2, 400, -1, -300][dice.below(6)];
            case.history.push((row as u32, factor));
            let (ids, weights) = case.rows().get(row as u32);
            let edges: Vec<_> = ids.iter().zip(weights.iter().copied()).collect();
            for (id, weight) in edges {
                if let Some(sum) = case.expected.get_mut(id as usize) {
                    *sum += i64::from(factor) * i64::from(weight);
                }
            }
        }
        case.narrow = case.ids.iter().map(|&id| u16::try_from(id).ok()).collect();
        if dice.below(2) == 0 {
            let words = len.div_ceil(64);
            let word = |_| (dice.below(1 << 31) as u64) << 33 | dice.below(1 << 31) as u64;
            let mut words: Vec<u64> = (0..words).map(word).collect();
            *words.last_mut().unwrap() &= u64::MAX >> (words.len() * 64 - len);
            case.members = Some(words);
        }
        case
    }

    fn rows(&self) -> Rows<'_> {
        Rows {
            offsets: &self.offsets,
            ids: Ids::Wide(&self.ids),
            weights: &self.weights,
        }
    }

    /// The rows in every width that they fit.
    fn widths(&self) -> Vec<Rows<'_>> {
        let narrow = self.narrow.as_ref().map(|ids| Rows {
            ids: Ids::Narrow(ids),
            ..self.rows()
        });
        [self.rows()].into_iter().chain(narrow).collect()
    }

    fn is_member(&self, id: usize) -> bool {
        self.members
            .as_ref()
            .is_none_or(|words| words[id / 64] >> (id % 64) & 1 == 1)
    }

    /// What a scan above a threshold has to report.
    fn above(&self, threshold: i32) -> Vec<(u32, i32)> {
        let sums = self.expected.iter().enumerate();
        sums.filter(|&(id, &sum)| sum > i64::from(threshold) && self.is_member(id))
            .map(|(id, &sum)| (id as u32, sum as i32))
            .collect()
    }
}

/// Lengths around the sizes of lines, groups of marks and pages.
const LENGTHS: [usize; 17] = [
    1, 15, 16, 17, 63, 64, 65, 1023, 1024, 1025, 8191, 8192, 8193, 16_384, 20_001, 65_535, 70_000,
];

fn cases(mut check: impl FnMut(&Case, usize, &mut Dice)) {
    let mut dice = Dice(7);
    for len in LENGTHS {
        let rounds = if cfg!(miri) { 1 } else { 40 };
        for round in 0..rounds {
            let case = Case::new(&mut dice, len, round % 3 == 0);
            check(&case, len, &mut dice);
        }
    }
}

#[test]
fn sums_are_the_definition() {
    let mut sums = Sums::default();
    cases(|case, len, dice| {
        for rows in case.widths() {
            sums.resize(len);
            sums.add_rows(rows, &case.history);
            for (id, &expected) in case.expected.iter().enumerate() {
                assert_eq!(i64::from(sums.get(id as u32)), expected, "{id} of {len}");
            }
        }
        for id in [len as u32, u32::MAX] {
            assert_eq!(sums.get(id), 0);
        }
        let threshold = [0, 1, 65_535, 400 * 65_535, -1][dice.below(5)];
        let members = case.members.as_deref();
        let mut found = Vec::new();
        sums.above(threshold, members, &mut |id, sum| {
            if sum != 0 {
                found.push((id, sum));
            }
            threshold
        });
        let mut expected = case.above(threshold);
        expected.retain(|&(_, sum)| sum != 0);
        assert_eq!(found, expected, "above, {len}");
        found.clear();
        // Nothing was cleared; now it is.
        sums.take_above(threshold.max(0), members, &mut |id, sum| {
            found.push((id, sum));
            threshold.max(0)
        });
        assert_eq!(found, case.above(threshold.max(0)), "taken, {len}");
        assert!(
            (0..len as u32).all(|id| sums.get(id) == 0),
            "cleared, {len}"
        );
        let marks = sums.marks.iter().flat_map(|marks| marks.0);
        assert!(marks.take(len.div_ceil(LANES)).all(|mark| mark == 0));
    });
}

#[test]
fn the_bound_holds_and_is_close() {
    let mut sums = Sums::default();
    cases(|case, len, dice| {
        let mut best: Vec<i32> = case.above(0).iter().map(|&(_, sum)| sum).collect();
        best.sort_unstable_by(|a, b| b.cmp(a));
        for k in [1, 2, 20, 33, 1 + dice.below(600), len] {
            sums.resize(len);
            sums.add_rows(case.rows(), &case.history);
            if let Some(bound) = sums.kth_best_exceeds(k, case.members.as_deref()) {
                assert!(bound >= 0 && best.len() >= k, "k {k} of {len}");
                assert!(best[k - 1] > bound, "k {k} of {len}");
            }
        }
    });
    let mut dice = Dice(1);
    sums.resize(70_000);
    for _ in 0..2000 {
        sums.set(dice.below(70_000) as u32, 1 + dice.below(1 << 30) as i32);
    }
    for k in [1, 20, 100, 512] {
        let bound = sums.kth_best_exceeds(k, None).unwrap();
        let above = (0..70_000).filter(|&id| sums.get(id) > bound).count();
        assert!((k..=2 * k).contains(&above), "{above} for {k}");
    }
    assert_eq!(sums.kth_best_exceeds(513, None), None);
    assert_eq!(sums.kth_best_exceeds(0, None), None);
}

#[test]
fn an_excluded_sum_is_not_found() {
    let rows = Rows {
        offsets: &[0, 3],
        ids: Ids::Wide(&[1, 2, 900]),
        weights: &[5, 6, 7],
    };
    let mut sums = Sums::default();
    sums.resize(1000);
    sums.add_rows(rows, &[(0, 1)]);
    sums.set(2, i32::MIN);
    sums.set(700, i32::MIN);
    sums.set(1000, 1);
    assert_eq!(sums.kth_best_exceeds(2, None), Some(4));
    assert_eq!(sums.kth_best_exceeds(3, None), None);
    let mut found = Vec::new();
    sums.take_above(i32::MIN, None, &mut |id, sum| {
        found.push((id, sum));
        0
    });
    assert!(found.contains(&(1, 5)) && found.contains(&(900, 7)));
    assert!(found.iter().all(|&(_, sum)| sum != i32::MIN));
    assert_eq!(sums.get(700), 0);
}

#[test]
fn a_raised_threshold_holds_from_the_next_sum_on() {
    let mut sums = Sums::default();
    sums.resize(40);
    for (id, sum) in [(0, 1), (3, 5), (4, 4), (17, 6), (39, 5)] {
        sums.set(id, sum);
    }
    let mut seen = Vec::new();
    sums.take_above(0, None, &mut |_, sum| {
        seen.push(sum);
        sum
    });
    assert_eq!(seen, [1, 5, 6]);
}

#[test]
fn resizing_forgets() {
    let mut sums = Sums::default();
    for len in [40, 0, 3, 2000, 40] {
        sums.resize(len);
        assert!((0..2100).all(|id| sums.get(id) == 0));
        for id in 0..2100 {
            sums.set(id, 7);
        }
        assert_eq!((0..2100).filter(|&id| sums.get(id) == 7).count(), len);
    }
}

/// There may be room for ids outside, which nothing reads.
#[test]
fn ids_outside_leave_nothing_behind() {
    let inside = 19_999;
    let ids = [inside, 20_000, 20_015, 20_016, 30_000, 65_535];
    let rows = Rows {
        offsets: &[0, 6],
        ids: Ids::Narrow(&ids),
        weights: &[7; 6],
    };
    // Once with marks, and once with more edges than are worth marks.
    for times in [1, 300] {
        let mut sums = Sums::default();
        sums.resize(20_000);
        let history = vec![(0, 1); times];
        assert_eq!(mark_all(20_000, rows, &history), times > 1);
        for round in 0..2 {
            sums.add_rows(rows, &history);
            let expected = 7 * times as i32;
            assert!(ids[1..].iter().all(|&id| sums.get(u32::from(id)) == 0));
            let mut found = Vec::new();
            sums.above(-1, None, &mut |id, sum| {
                found.extend((sum != 0).then_some((id, sum)));
                -1
            });
            assert_eq!(found, [(u32::from(inside), expected)]);
            assert_eq!(sums.kth_best_exceeds(1, None), Some(expected - 1));
            assert_eq!(sums.kth_best_exceeds(2, None), None);
            if round == 0 {
                sums.clear();
            }
        }
        for len in [40_000, 65_536, 70_000, 30_001, 20_000] {
            sums.resize(len);
            assert!((0..70_000).all(|id| sums.get(id) == 0), "{len}");
            sums.above(-1, None, &mut |id, sum| {
                assert_eq!(sum, 0, "{id} of {len}");
                -1
            });
            sums.add_rows(rows, &history);
        }
    }
}

/// The copies of the integer lanes, and of the kernels, against plain Rust.
#[test]
fn every_copy_is_the_same() {
    fn same(isa: impl Integers) {
        let mut dice = Dice(3);
        for _ in 0..500 {
            let marks = std::array::from_fn(|_| [0, 0, 1, 255][dice.below(4)]);
            assert_eq!(isa.marked(&marks), Portable.marked(&marks));
            let mut number = || [i32::MIN, -1, 0, 1, 5, i32::MAX][dice.below(6)];
            let (line, most) = (
                std::array::from_fn(|_| number()),
                std::array::from_fn(|_| number()),
            );
            let threshold = number();
            let bits = dice.below(65_536) as u16;
            assert_eq!(
                isa.above(&line, threshold),
                Portable.above(&line, threshold)
            );
            let (mut one, mut other) = (most, most);
            isa.raise(&mut one, &line, bits);
            Portable.raise(&mut other, &line, bits);
            assert_eq!(one, other);
            let marks = (0..4).fold(0, |word, _| word << 16 | dice.below(65_536) as u64);
            for word in [marks, marks & marks >> 7, 0, u64::MAX, 1 << 63] {
                let mut to = [0; 64];
                isa.places(word, 128, &mut to);
                let expected = (0..64).filter(|i| word >> i & 1 == 1).map(|i| 128 + i);
                assert!(to.into_iter().take(word.count_ones() as usize).eq(expected));
            }
            for i in 0..LANES {
                let kept = bits >> i & 1 == 1 && line[i] > most[i];
                assert_eq!(one[i], if kept { line[i] } else { most[i] });
                assert_eq!(
                    isa.above(&line, threshold) >> i & 1 == 1,
                    line[i] > threshold
                );
            }
        }
    }
    same(Portable);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use crate::lanes::x86::{Avx2, Avx512};
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 was detected just above.
            same(unsafe { Avx2::new() });
        }
        if std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: AVX-512F and BW were detected just above.
            same(unsafe { Avx512::new() });
        }
    }
}

#[test]
fn every_copy_of_the_kernels_is_the_definition() {
    type Add = fn(&mut [Line], &mut [Marks], usize, Rows<'_>, &[(u32, i32)]);
    type List = fn(usize, &[Marks], &mut [u32]) -> usize;
    type Maxima = fn(&[Line], &[u32], Option<&[u64]>, usize, &mut [Line]);
    type Scan = fn(&mut [Line], &[u32], Option<&[u64]>, i32, bool, &mut dyn FnMut(u32, i32) -> i32);
    let copies: [(Add, List, Maxima, Scan); 3] = [
        (add_rows, list_marked, lane_maxima, scan),
        (
            add_rows::portable,
            list_marked::portable,
            lane_maxima::portable,
            scan::portable,
        ),
        (
            add_rows::narrow,
            list_marked::narrow,
            lane_maxima::narrow,
            scan::narrow,
        ),
    ];
    cases(|case, len, _| {
        let widths = case.widths();
        let both = widths
            .iter()
            .flat_map(|&rows| copies.map(|copy| (rows, copy)));
        for (rows, (add, list, maxima, scan)) in both {
            let mut lines = vec![ZEROS; len.div_ceil(LANES)];
            let mut marks = vec![Marks([0; GROUP]); len.div_ceil(LANES * GROUP)];
            let members = case.members.as_deref();
            add(&mut lines, &mut marks, len, rows, &case.history);
            let mut touched = vec![0; lines.len() + GROUP];
            let count = list(lines.len(), &marks, &mut touched);
            touched.truncate(count);
            let marked = flat_marks(&mut marks).iter().take(lines.len()).enumerate();
            let marked = marked
                .filter(|&(_, &mark)| mark != 0)
                .map(|(n, _)| n as u32);
            assert!(touched.iter().copied().eq(marked), "{len}");
            let largest = case.above(0).iter().map(|&(_, sum)| sum).max();
            for places in [4, 8] {
                let mut most = [ZEROS; 8];
                maxima(&lines, &touched, members, 1, &mut most[..places]);
                assert_eq!(flat(&mut most).iter().max().copied(), largest.or(Some(0)));
                let whole = most;
                maxima(&lines, &touched, members, 3, &mut most[..places]);
                assert_eq!(flat(&mut most), flat(&mut whole.clone()));
            }
            let mut found = Vec::new();
            scan(&mut lines, &touched, members, 0, true, &mut |id, sum| {
                found.push((id, sum));
                0
            });
            assert_eq!(found, case.above(0));
            assert!(flat(&mut lines).iter().all(|&sum| sum == 0));
        }
    });
}

/// A history that touches every line, and one that touches few of them.
#[test]
fn long_and_short_histories_find_the_same() {
    // Of the 4000 lines, a third is looked at for the bound.
    let len = 64_000;
    let mut dice = Dice(5);
    let (mut offsets, mut ids, mut weights) = (vec![0u32], Vec::new(), Vec::new());
    for _ in 0..200 {
        let mut row: Vec<u16> = (0..100).map(|_| dice.below(len) as u16).collect();
        row.sort_unstable();
        row.dedup();
        weights.extend(row.iter().map(|_| 1 + dice.below(65_535) as u16));
        ids.extend(row);
        offsets.push(ids.len() as u32);
    }
    let wide: Vec<u32> = ids.iter().map(|&id| u32::from(id)).collect();
    let rows = Rows {
        offsets: &offsets,
        ids: Ids::Narrow(&ids),
        weights: &weights,
    };
    let odd: Vec<u64> = vec![0x5555_5555_5555_5555; len / 64];
    let mut sums = Sums::default();
    for (length, all_marked) in [(1, false), (20, false), (60, true), (200, true)] {
        let history: Vec<(u32, i32)> = (0..length).map(|row| (row, 3)).collect();
        assert_eq!(mark_all(len, rows, &history), all_marked, "{length}");
        for (rows, members) in [
            (rows, None),
            (
                Rows {
                    ids: Ids::Wide(&wide),
                    ..rows
                },
                Some(odd.as_slice()),
            ),
        ] {
            sums.resize(len);
            sums.add_rows(rows, &history);
            let mut naive = vec![0i32; len];
            for &(row, factor) in &history {
                let (ids, weights) = rows.get(row);
                for (id, &weight) in ids.iter().zip(weights) {
                    naive[id as usize] += factor * i32::from(weight);
                }
            }
            let shown = |id: usize| members.is_none() || id.is_multiple_of(2);
            let mut best: Vec<i32> = (0..len)
                .filter(|&id| shown(id))
                .map(|id| naive[id])
                .collect();
            best.sort_unstable_by(|a, b| b.cmp(a));
            for k in [1, 20, 33, 200] {
                let bound = sums.kth_best_exceeds(k, members);
                assert!(bound.is_none_or(|bound| bound >= 0 && best[k - 1] > bound));
                assert!(
                    bound.is_some() || best[k - 1] <= 0 || k > 20,
                    "{k} of {length}"
                );
                if let Some(bound) = bound {
                    let above = best.iter().take_while(|&&sum| sum > bound).count();
                    assert!(above <= 8 * k + 20, "{above} for {k} of {length}");
                }
            }
            let mut found = Vec::new();
            sums.take_above(0, members, &mut |id, sum| {
                found.push((id as usize, sum));
                0
            });
            let expected: Vec<(usize, i32)> = naive.iter().copied().enumerate().collect();
            let expected = expected
                .into_iter()
                .filter(|&(id, sum)| sum > 0 && shown(id));
            assert!(found.into_iter().eq(expected));
            assert!((0..len as u32).all(|id| sums.get(id) == 0));
        }
    }
}
