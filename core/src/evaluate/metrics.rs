//! The metrics: what they are called, what they mean, and one user's values of them.

use serde_json::{Map, Value as Json};

/// One column of values for every user, at each cut-off.
const AT_CUTOFF: usize = 8;

/// Metrics at one cut-off `k`, as means over users.
///
/// With hits at ranks `r` (from 1) among the first `k` places, and `t` test items of the user:
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// hits / t.
    pub recall: f64,
    /// Σ 1/log₂(r + 1), divided by the same sum over the first min(k, t) ranks.
    pub ndcg: f64,
    /// 1 if there is a hit.
    pub hit_rate: f64,
    /// hits / k.
    pub precision: f64,
    /// Mean average precision: Σ over hits of precision at r, divided by min(k, t).
    pub map: f64,
    /// Mean reciprocal rank: 1 / rank of the first hit.
    pub mrr: f64,
    /// Mean self-information of the shown items in bits: −log₂ of an item's share of all
    /// popularity (Vargas & Castells 2011, doi:10.1145/2043932.2043955). An item without any
    /// popularity counts as the least popular one that has some.
    pub novelty: f64,
    /// Mean popularity of the shown items (ARP in Abdollahpouri et al. 2019,
    /// arXiv:1901.07555), in the unit of [`Model::popularity`](crate::model::Model::popularity).
    pub average_popularity: f64,
    /// The share of all items that were shown to somebody. Of all users together only.
    pub coverage: Option<f64>,
    /// How unequally the places went to the items: the Gini coefficient of how often each item
    /// was shown, from 0 (all alike) to nearly 1 (one item only). Of all users together only.
    pub gini: Option<f64>,
    /// Intra-list diversity: 1 − the mean similarity of all pairs of shown items (Ziegler et
    /// al. 2005, doi:10.1145/1060745.1060754). The similarity is the Jaccard index of the items'
    /// values of the chosen attributes; 0 where neither has one. A list of one item has
    /// diversity 0.
    pub diversity: Option<f64>,
    /// The chance that a test item stands before an item that is neither tested nor left out, if
    /// all items are ranked; ties count half. Items that the history says nothing about stand in
    /// the order of popularity, as they are served. It has no cut-off. A test item that cannot be
    /// shown counts 0, and 0.5 where there is no other item to compare with.
    pub auc: Option<f64>,
}

impl Metrics {
    /// The metrics that are known, by name, in a fixed order.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        let optional = [
            ("coverage", self.coverage),
            ("gini", self.gini),
            ("diversity", self.diversity),
            ("auc", self.auc),
        ];
        let mut list = vec![
            ("recall", self.recall),
            ("ndcg", self.ndcg),
            ("hit_rate", self.hit_rate),
            ("precision", self.precision),
            ("map", self.map),
            ("mrr", self.mrr),
            ("novelty", self.novelty),
            ("average_popularity", self.average_popularity),
        ];
        list.extend(optional.iter().filter_map(|&(name, v)| Some((name, v?))));
        list
    }

    pub(super) fn fields(&self) -> Map<String, Json> {
        let named = self.named().into_iter();
        named.map(|(n, v)| (n.to_owned(), Json::from(v))).collect()
    }

    /// The metrics as a JSON object, without those that are not known.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::Object(self.fields())
    }
}

/// Which column of a user's row holds what.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Ascending.
    pub(super) ks: Vec<usize>,
    pub(super) diversity: bool,
    pub(super) auc: bool,
}

impl Layout {
    pub(super) fn new(k: &[usize], diversity: bool, auc: bool) -> Self {
        let mut ks = k.to_vec();
        ks.sort_unstable();
        Self { ks, diversity, auc }
    }

    /// Columns of one cut-off.
    pub(super) fn step(&self) -> usize {
        AT_CUTOFF + usize::from(self.diversity)
    }

    /// Columns in all: those of the cut-offs, ascending, then the AUC.
    pub(super) fn width(&self) -> usize {
        self.ks.len() * self.step() + usize::from(self.auc)
    }

    pub(super) fn largest(&self) -> usize {
        self.ks.last().copied().unwrap_or(1)
    }

    /// Reads the metrics of the cut-off at position `at` out of a row.
    pub(super) fn metrics(&self, row: &[f64], at: usize) -> Metrics {
        let start = at * self.step();
        let value = |column: usize| row.get(start + column).copied().unwrap_or(0.0);
        Metrics {
            recall: value(0),
            ndcg: value(1),
            hit_rate: value(2),
            precision: value(3),
            map: value(4),
            mrr: value(5),
            novelty: value(6),
            average_popularity: value(7),
            coverage: None,
            gini: None,
            diversity: self.diversity.then(|| value(AT_CUTOFF)),
            auc: self
                .auc
                .then(|| row.get(self.width() - 1).copied().unwrap_or(0.0)),
        }
    }

    /// The names and the columns of the cut-off at position `at`.
    pub(super) fn columns(&self, at: usize) -> Vec<(&'static str, usize)> {
        // A row that holds the number of each of its columns.
        let row: Vec<f64> = (0..self.width()).map(|c| c as f64).collect();
        let named = self.metrics(&row, at).named().into_iter();
        named.map(|(name, c)| (name, c as usize)).collect()
    }
}

/// The gains 1/log₂(rank + 1) and their running sums.
pub(crate) struct Gains {
    gain: Vec<f64>,
    ideal: Vec<f64>,
}

impl Gains {
    pub(crate) fn new(ranks: usize) -> Self {
        let gain: Vec<f64> = (1..=ranks)
            .map(|rank| 1.0 / libm::log2(rank as f64 + 1.0))
            .collect();
        let mut sum = 0.0;
        let ideal = gain.iter().map(|g| {
            sum += g;
            sum
        });
        let ideal = ideal.collect();
        Self { gain, ideal }
    }
}

/// Recall and NDCG at `k` of a list, of which `hits` says place by place whether it is one of the
/// `tested` items; 0 where there are none. `gains` are for `k` ranks at least.
pub(crate) fn recall_and_ndcg(
    hits: impl Iterator<Item = bool>,
    k: usize,
    tested: usize,
    gains: &Gains,
) -> (f64, f64) {
    let mut tally = Tally::default();
    for hit in hits {
        let place = Place {
            hit,
            ..Place::default()
        };
        tally.add(place, gains);
    }
    let mut row = [0.0; AT_CUTOFF];
    tally.write(k, tested, gains, &mut row);
    let [recall, ndcg, ..] = row;
    (recall, ndcg)
}

/// What the places of a list add up to, place by place.
#[derive(Default)]
pub(super) struct Tally {
    places: usize,
    hits: usize,
    dcg: f64,
    precisions: f64,
    first: usize,
    novelty: f64,
    popularity: f64,
    similarity: f64,
}

/// What one place adds besides a hit.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) hit: bool,
    pub(super) novelty: f64,
    pub(super) popularity: f64,
    /// The similarities to all places above, added up.
    pub(super) similarity: f64,
}

impl Tally {
    pub(super) fn add(&mut self, place: Place, gains: &Gains) {
        self.places += 1;
        self.novelty += place.novelty;
        self.popularity += place.popularity;
        self.similarity += place.similarity;
        if place.hit {
            self.hits += 1;
            self.dcg += gains.gain.get(self.places - 1).copied().unwrap_or(0.0);
            self.precisions += self.hits as f64 / self.places as f64;
            if self.first == 0 {
                self.first = self.places;
            }
        }
    }

    /// Writes the columns of the cut-off `k`, for a user with `tested` test items.
    pub(super) fn write(&self, k: usize, tested: usize, gains: &Gains, out: &mut [f64]) {
        let reachable = k.min(tested).max(1);
        let ideal = gains.ideal.get(reachable - 1).copied().unwrap_or(1.0);
        let places = self.places.max(1) as f64;
        let pairs = self.places * self.places.saturating_sub(1) / 2;
        let values = [
            self.hits as f64 / tested.max(1) as f64,
            self.dcg / ideal,
            f64::from(u8::from(self.hits > 0)),
            self.hits as f64 / k as f64,
            self.precisions / reachable as f64,
            if self.first > 0 {
                1.0 / self.first as f64
            } else {
                0.0
            },
            self.novelty / places,
            self.popularity / places,
            if pairs > 0 {
                1.0 - self.similarity / pairs as f64
            } else {
                0.0
            },
        ];
        for (slot, value) in out.iter_mut().zip(values) {
            *slot = value;
        }
    }
}

/// The Gini coefficient of counts, which are put in ascending order: integers, then one division.
pub(super) fn gini(counts: &mut [u32]) -> f64 {
    counts.sort_unstable();
    let n = counts.len() as i128;
    let mut weighted: i128 = 0;
    let mut total: i128 = 0;
    for (i, &count) in counts.iter().enumerate() {
        weighted += (2 * (i as i128 + 1) - n - 1) * i128::from(count);
        total += i128::from(count);
    }
    if total == 0 {
        return 0.0;
    }
    weighted as f64 / (n * total) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_by_hand() {
        let layout = Layout::new(&[4], true, false);
        let gains = Gains::new(4);
        let mut tally = Tally::default();
        // Hits at ranks 2 and 4 of 4, three test items; places 2 and 3 are alike.
        for (rank, hit) in [false, true, false, true].into_iter().enumerate() {
            tally.add(
                Place {
                    hit,
                    novelty: rank as f64,
                    popularity: 3.0,
                    similarity: if rank == 2 { 1.0 } else { 0.0 },
                },
                &gains,
            );
        }
        let mut row = vec![0.0; layout.width()];
        tally.write(4, 3, &gains, &mut row);
        let m = layout.metrics(&row, 0);
        // 1/log2(3) and 1/log2(5).
        let (two, four) = (0.630_929_753_571_457_4, 0.430_676_558_073_393_06);
        assert!((m.recall - 2.0 / 3.0).abs() < 1e-12);
        assert!((m.ndcg - (two + four) / (1.0 + two + 0.5)).abs() < 1e-12);
        assert!((m.precision - 0.5).abs() < 1e-12);
        assert!((m.map - (0.5 + 0.5) / 3.0).abs() < 1e-12);
        assert!((m.mrr - 0.5).abs() < 1e-12);
        assert!((m.hit_rate - 1.0).abs() < 1e-12);
        assert!((m.novelty - 1.5).abs() < 1e-12);
        assert!((m.average_popularity - 3.0).abs() < 1e-12);
        assert!((m.diversity.unwrap() - 5.0 / 6.0).abs() < 1e-12);
        assert_eq!((m.coverage, m.auc), (None, None));
    }

    #[test]
    fn nothing_shown_and_nothing_tested_are_zero_not_nan() {
        let gains = Gains::new(0);
        let mut row = [f64::NAN; 9];
        Tally::default().write(5, 0, &gains, &mut row);
        assert_eq!(row, [0.0; 9]);
    }

    #[test]
    fn columns_are_told_by_name() {
        let layout = Layout::new(&[5, 1], true, true);
        assert_eq!(layout.ks, [1, 5]);
        let columns = layout.columns(1);
        assert_eq!(columns.first(), Some(&("recall", 9)));
        assert_eq!(columns.get(8), Some(&("diversity", 17)));
        assert_eq!(columns.get(9), Some(&("auc", 18)));
        assert_eq!(layout.width(), 19);
    }

    #[test]
    fn gini_by_hand() {
        assert_eq!(gini(&mut [3, 3, 3]), 0.0);
        assert_eq!(gini(&mut [0, 0, 0, 8]), 0.75);
        // Mean absolute difference over twice the mean: (2·(1+2+1)/9) / (2·2).
        assert!((gini(&mut [3, 1, 2]) - 8.0 / 9.0 / 4.0).abs() < 1e-15);
        assert_eq!(gini(&mut []), 0.0);
    }
}
