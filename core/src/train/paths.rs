//! What each user came by, in the order of time.

use super::TrainOptions;
use crate::rank::{ITEM_LIMIT, Signal};

/// One item at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) item: u32,
    /// Numbered within the user; what happened at the same time shares one, for it has no order.
    pub(crate) moment: u32,
    pub(crate) timestamp: i64,
    /// The evidence of the events on the item at the moment, decayed, at most [`ITEM_LIMIT`].
    pub(crate) weight: f32,
}

/// The steps of all users, one user after the other.
#[derive(Default)]
pub(crate) struct Paths {
    steps: Vec<Step>,
    /// Where each user's steps end.
    ends: Vec<usize>,
    /// By item: its steps, and the ends of the paths that they are in.
    starts: Vec<usize>,
    places: Vec<(usize, usize)>,
}

impl Paths {
    /// Adds a user's events. `kept` are the items, ascending, that count for the user; `signals`
    /// are left in the order of time.
    pub(super) fn add(
        &mut self,
        signals: &mut [Signal],
        kept: &[u32],
        newest: Option<i64>,
        options: &TrainOptions,
    ) {
        signals.sort_by_key(|s| (s.timestamp, s.item));
        let first = self.steps.len();
        for signal in signals.iter() {
            let evidence = options
                .kinds
                .rule(signal.kind as usize)
                .map_or(0.0, |rule| rule.evidence(f64::from(signal.weight)));
            if evidence <= 0.0 || kept.binary_search(&signal.item).is_err() {
                continue;
            }
            let age = newest.map_or(0, |newest| newest.saturating_sub(signal.timestamp));
            let decay = options.half_life_ms().map_or(1.0, |half_life| {
                libm::exp2(-(age.max(0) as f64) / half_life)
            });
            let value = (evidence * decay) as f32;
            let moment = match self.steps.get_mut(first..).and_then(<[Step]>::last_mut) {
                None => 0,
                Some(last) if last.timestamp == signal.timestamp && last.item == signal.item => {
                    last.weight = (last.weight + value).min(ITEM_LIMIT as f32);
                    continue;
                }
                Some(last) if last.timestamp == signal.timestamp => last.moment,
                Some(last) => last.moment + 1,
            };
            self.steps.push(Step {
                item: signal.item,
                moment,
                timestamp: signal.timestamp,
                weight: value.min(ITEM_LIMIT as f32),
            });
        }
        self.ends.push(self.steps.len());
    }

    /// Lists the steps by item.
    pub(super) fn finish(&mut self, items: usize) {
        self.starts = vec![0; items + 1];
        for step in &self.steps {
            if let Some(count) = self.starts.get_mut(step.item as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        let mut next = self.starts.clone();
        self.places = vec![(0, 0); self.steps.len()];
        let mut place = 0;
        for &end in &self.ends {
            for step in self.steps.get(place..end).unwrap_or(&[]) {
                if let Some(slot) = next.get_mut(step.item as usize) {
                    if let Some(to) = self.places.get_mut(*slot) {
                        *to = (place, end);
                    }
                    *slot += 1;
                }
                place += 1;
            }
        }
    }

    /// Whether nothing asked for the order of time, or there are no times.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Each step of an item with what comes at the same moment or later in its path, by user and
    /// by time.
    pub(crate) fn of(&self, item: u32) -> impl Iterator<Item = (&Step, &[Step])> {
        self.places_of(item)
            .iter()
            .filter_map(|&(place, end)| self.steps.get(place..end)?.split_first())
    }

    /// Each step of an item with what comes at the same moment or earlier in its path, by user
    /// and by time.
    pub(crate) fn to(&self, item: u32) -> impl Iterator<Item = (&Step, &[Step])> {
        self.places_of(item).iter().filter_map(|&(place, _)| {
            let path = self.ends.partition_point(|&end| end <= place);
            let start = match path.checked_sub(1) {
                Some(before) => *self.ends.get(before)?,
                None => 0,
            };
            self.steps.get(start..=place)?.split_last()
        })
    }

    fn places_of(&self, item: u32) -> &[(usize, usize)] {
        let item = item as usize;
        let range = match (self.starts.get(item), self.starts.get(item + 1)) {
            (Some(&start), Some(&end)) => start..end,
            _ => 0..0,
        };
        self.places.get(range).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(item: u32, timestamp: i64, kind: u8) -> Signal {
        Signal {
            item,
            kind,
            weight: 1.0,
            timestamp,
        }
    }

    #[test]
    fn a_path_is_in_time_and_what_is_simultaneous_has_no_order() {
        let options = TrainOptions::default();
        let kind = |name: &str| options.kinds.position(name).unwrap() as u8;
        let (view, dismiss) = (kind("view"), kind("dismiss"));
        let mut paths = Paths::default();
        let mut signals = [
            signal(2, 30, view),
            signal(0, 10, view),
            signal(1, 10, view),
            signal(3, 20, dismiss),
            signal(9, 25, view),
            signal(0, 40, view),
        ];
        paths.add(&mut signals, &[0, 1, 2, 3], Some(40), &options);
        paths.add(&mut [signal(2, 5, view)], &[2], Some(40), &options);
        paths.add(&mut [], &[], Some(40), &options);
        paths.finish(4);
        let seen: Vec<(u32, u32)> = paths.steps.iter().map(|s| (s.item, s.moment)).collect();
        assert_eq!(seen, [(0, 0), (1, 0), (2, 1), (0, 2), (2, 0)]);
        let rests: Vec<Vec<u32>> = paths
            .of(0)
            .map(|(_, rest)| rest.iter().map(|s| s.item).collect())
            .collect();
        assert_eq!(rests, [vec![1, 2, 0], vec![]]);
        assert_eq!(paths.of(2).count(), 2);
        let befores: Vec<Vec<u32>> = [0, 2]
            .into_iter()
            .flat_map(|item| paths.to(item))
            .map(|(_, before)| before.iter().map(|s| s.item).collect())
            .collect();
        assert_eq!(befores, [vec![], vec![0, 1, 2], vec![0, 1], vec![]]);
        assert_eq!(paths.to(77).count(), 0);
        assert_eq!(paths.of(3).count(), 0);
        assert_eq!(paths.of(77).count(), 0);
    }
}
