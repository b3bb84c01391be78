//! From events to integer weights: kind, decay, sum by item, fixed point.

use crate::event::KindTable;

/// The most that the events on one item can count together, for or against.
pub(crate) const ITEM_LIMIT: f64 = 4.0;

/// The sum of absolute integer weights stays at or below this, so that a score, a sum of
/// products with `u16` weights, stays within `i32`.
const BUDGET: f64 = 32_767.0;

/// One event, with everything resolved that a model resolves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Signal {
    pub(crate) item: u32,
    /// Position in the model's table of kinds; [`Signal::NO_KIND`] counts as nothing.
    pub(crate) kind: u8,
    pub(crate) weight: f32,
    pub(crate) timestamp: i64,
}

impl Signal {
    /// A kind that the model does not know: the item counts as seen, and no more.
    pub(crate) const NO_KIND: u8 = u8::MAX;
}

/// What a history says about one of its items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weighted {
    pub(crate) item: u32,
    pub(crate) weight: f64,
}

/// Sums the evidence of each item: kind's rule × decay, clamped to ±[`ITEM_LIMIT`], ascending by
/// item. `signals` come in canonical order (time, item, kind) and are left sorted by item.
///
/// Decay is `2^(-age / half_life)`; age counts back from `now`, or from the newest event where
/// no time is given. An event from the future has age 0.
pub(crate) fn fold(
    signals: &mut [Signal],
    kinds: &KindTable,
    half_life_ms: Option<f64>,
    now: Option<i64>,
    out: &mut Vec<Weighted>,
) {
    out.clear();
    let reference = match (half_life_ms, now) {
        (Some(_), None) => signals.iter().map(|s| s.timestamp).max().unwrap_or(0),
        _ => now.unwrap_or(0),
    };
    if !signals.is_sorted_by_key(|s| s.item) {
        // Stable: within an item the canonical order, and so the order of the sum, stays.
        signals.sort_by_key(|s| s.item);
    }
    out.reserve(signals.len());
    // Most events are like the one before, and its evidence was a division.
    let mut last = (Signal::NO_KIND, 0.0, 0.0);
    for signal in signals.iter() {
        if (signal.kind, signal.weight) != (last.0, last.1) {
            let rule = kinds.rule(signal.kind as usize);
            let evidence = rule.map_or(0.0, |rule| rule.evidence(f64::from(signal.weight)));
            last = (signal.kind, signal.weight, evidence);
        }
        let evidence = last.2;
        let decay = match half_life_ms {
            Some(half_life) => {
                let age = (reference.saturating_sub(signal.timestamp)).max(0) as f64;
                libm::exp2(-age / half_life)
            }
            None => 1.0,
        };
        let value = evidence * decay;
        match out.last_mut() {
            Some(last) if last.item == signal.item => last.weight += value,
            _ => out.push(Weighted {
                item: signal.item,
                weight: value,
            }),
        }
    }
    for weighted in out.iter_mut() {
        weighted.weight = weighted.weight.clamp(-ITEM_LIMIT, ITEM_LIMIT);
    }
}

/// A history as integers times a power of two.
#[derive(Clone, Debug, Default)]
pub(crate) struct FixedPoint {
    /// (item, weight · 2^shift), without zeros, ascending by item.
    pub(crate) items: Vec<(u32, i32)>,
    shift: i32,
}

impl FixedPoint {
    /// Integers, without zeros and ascending by item, that are multiples of `2^-shift`.
    pub(crate) fn of(items: Vec<(u32, i32)>, shift: i32) -> Self {
        Self { items, shift }
    }

    /// The value of an integer weight of 1.
    pub(crate) fn unit(&self) -> f64 {
        libm::ldexp(1.0, -self.shift)
    }

    /// Chooses the largest shift at which the weights fit the budget, and rounds them.
    ///
    /// The shift depends on the set of weights only. The rounding of n weights adds at most n/2
    /// to the sum of their absolute values, which the budget sets aside.
    pub(crate) fn set(&mut self, weights: &[Weighted]) {
        self.items.clear();
        self.shift = 0;
        let total: f64 = weights.iter().map(|w| w.weight.abs()).sum();
        let room = BUDGET - weights.len().div_ceil(2) as f64;
        if total.is_nan() || total <= 0.0 || room < 1.0 {
            return;
        }
        // However long ago it was, a history keeps its full precision: decay changes all weights
        // by nearly one factor. The bound keeps every score a normal number.
        self.shift = libm::ilogb(room / total).clamp(-40, 900);
        while libm::ldexp(total, self.shift) > room {
            self.shift -= 1;
        }
        let factor = libm::ldexp(1.0, self.shift);
        self.items.extend(
            weights
                .iter()
                .map(|w| (w.item, nearest(w.weight * factor)))
                .filter(|&(_, quantum)| quantum != 0),
        );
    }
}

/// The nearest integer, half to even, of a number within ±2^51: adding 1.5 · 2^52 leaves no room
/// for what is behind the point, and rounds as `libm::rint` does, without a call.
#[inline]
pub(crate) fn nearest(x: f64) -> i32 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    ((x + SHIFT) - SHIFT) as i32
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::rank) fn signal(item: u32, kind: &str, timestamp: i64) -> Signal {
        let kind = KindTable::default().position(kind).unwrap() as u8;
        Signal {
            item,
            kind,
            weight: 1.0,
            timestamp,
        }
    }

    fn folded(signals: &[Signal], half_life: Option<f64>, now: Option<i64>) -> Vec<(u32, f64)> {
        let mut out = Vec::new();
        fold(
            &mut signals.to_vec(),
            &KindTable::default(),
            half_life,
            now,
            &mut out,
        );
        out.iter().map(|w| (w.item, w.weight)).collect()
    }

    #[test]
    fn kinds_decay_and_limits() {
        let day = 86_400_000;
        let signals = [
            signal(1, "view", 0),
            signal(2, "save", day),
            signal(1, "dismiss", day),
        ];
        assert_eq!(folded(&signals, None, None), [(1, 0.0), (2, 2.0)]);
        assert_eq!(
            folded(&signals, Some(day as f64), None),
            [(1, -0.5), (2, 2.0)]
        );
        assert_eq!(
            folded(&signals, Some(day as f64), Some(2 * day)),
            [(1, -0.25), (2, 1.0)]
        );
        assert_eq!(
            folded(&signals, Some(day as f64), Some(-5)),
            [(1, 0.0), (2, 2.0)]
        );
        let many: Vec<Signal> = (0..10).map(|t| signal(3, "book", t)).collect();
        assert_eq!(folded(&many, None, None), [(3, ITEM_LIMIT)]);
        let stranger = Signal {
            item: 7,
            kind: Signal::NO_KIND,
            weight: 1.0,
            timestamp: 0,
        };
        assert_eq!(folded(&[stranger], None, None), [(7, 0.0)]);
    }

    #[test]
    fn numbers_are_rounded_as_libm_does() {
        let halves = (-70_000i32..70_000).map(|n| f64::from(n) / 4.0);
        let near = halves.flat_map(|x| [x, x.next_up(), x.next_down()]);
        for x in near.chain([1e-300, -1e-300, -0.0, 1e9, -1e9 + 0.5]) {
            assert_eq!(nearest(x), libm::rint(x) as i32, "{x}");
        }
    }

    proptest! {
        #[test]
        fn the_budget_holds_and_the_weights_are_close(
            weights in prop::collection::vec(-4.0f64..4.0, 1..2048),
            tiny in 0i32..800,
        ) {
            let weights: Vec<Weighted> = weights
                .iter()
                .enumerate()
                .map(|(i, w)| Weighted { item: i as u32, weight: libm::ldexp(*w, -tiny) })
                .collect();
            let mut fixed = FixedPoint::default();
            fixed.set(&weights);
            let sum: i64 = fixed.items.iter().map(|&(_, q)| i64::from(q.abs())).sum();
            prop_assert!(sum <= 32_767);
            let largest = weights.iter().map(|w| w.weight.abs()).fold(0.0, f64::max);
            for &(item, q) in &fixed.items {
                let error = (f64::from(q) * fixed.unit() - weights[item as usize].weight).abs();
                prop_assert!(error <= fixed.unit() / 2.0);
                prop_assert!(error <= largest);
            }
        }
    }
}
