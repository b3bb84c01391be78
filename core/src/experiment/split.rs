//! An exact split of a population that is known as a whole.

use super::share;
use crate::error::{Error, ErrorKind, Result, shown};
use crate::event::IdColumn;
use crate::id::check_id;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Splits a known population exactly by weights: 10,000 ids at 0.4, 0.3 and 0.3 give 4,000,
/// 3,000 and 3,000.
///
/// The answer is one number an id, in the order of `ids`: the place of its weight. It depends on
/// the set of ids, the weights and the salt alone, not on the order in which the ids come. Where
/// the shares are not whole, the units that are left over go to the largest remainders, the
/// earlier weight first. With an id more or less, others may change sides at the borders; who
/// joins later is a matter for an experiment.
///
/// The ids are put in the order of their XXH3/64, its seed the XXH3/64 of
/// `tastemaker/3/split/` and the salt (ties by bytes), and handed out from the first weight on.
/// The weights enter as whole multiples of 2⁻⁵³, so that the quotas are integer arithmetic.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for no weights, weights below 0, above 1 or not a number, a sum
/// that is not 1 within 1e-9, and an id that comes twice; [`ErrorKind::InvalidId`] for an empty or
/// too long id; [`ErrorKind::LimitExceeded`] for 2³² ids and more.
///
/// # Cost
/// n log n; 24 bytes an id.
///
/// ```
/// use tastemaker::{event::IdColumn, experiment::split_exact};
///
/// let ids: Vec<i64> = (0..10_000).collect();
/// let arms = split_exact(&IdColumn::Integer(&ids), &[0.4, 0.3, 0.3], "spring mail")?;
/// let count = |arm| arms.iter().filter(|a| **a == arm).count();
/// assert_eq!([count(0), count(1), count(2)], [4_000, 3_000, 3_000]);
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn split_exact(ids: &IdColumn<'_>, weights: &[f64], salt: &str) -> Result<Vec<u32>> {
    share::bounds("weights", weights)?;
    let count = ids.len();
    if u32::try_from(count).is_err() || u32::try_from(weights.len()).is_err() {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("{count} ids, {} weights; fewer than 2^32", weights.len()),
        ));
    }
    let seed = xxh3_64(format!("tastemaker/3/split/{salt}").as_bytes());
    let mut order = Vec::with_capacity(count);
    for row in 0..count {
        let id = ids.get(row).unwrap_or_default();
        check_id("ids", &id).map_err(|error| error.context(format!("row {row}")))?;
        order.push((xxh3_64_with_seed(id.as_bytes(), seed), row as u32));
    }
    let id = |row: u32| ids.get(row as usize).unwrap_or_default();
    order.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0)
            .then_with(|| id(a.1).as_bytes().cmp(id(b.1).as_bytes()))
    });
    for pair in order.windows(2) {
        if let [(a, first), (b, second)] = *pair
            && a == b
            && id(first) == id(second)
        {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "ids[{}] is {} again; each unit comes once",
                    first.max(second),
                    shown(&id(first))
                ),
            ));
        }
    }
    let quotas = quotas(count as u64, weights);
    let mut arms = vec![0u32; count];
    let mut next = order.iter();
    for (arm, quota) in quotas.iter().enumerate() {
        for (_, row) in next.by_ref().take(*quota as usize) {
            if let Some(place) = arms.get_mut(*row as usize) {
                *place = arm as u32;
            }
        }
    }
    Ok(arms)
}

/// How many units each weight gets: the whole part of its share, and one more for the largest
/// remainders.
fn quotas(count: u64, weights: &[f64]) -> Vec<u64> {
    const UNIT: f64 = 9_007_199_254_740_992.0;
    let whole: Vec<u128> = weights.iter().map(|w| (w * UNIT) as u128).collect();
    let total: u128 = whole.iter().sum::<u128>().max(1);
    let share = |weight: &u128| u128::from(count) * weight;
    let mut quotas: Vec<u64> = whole.iter().map(|w| (share(w) / total) as u64).collect();
    let mut by_remainder: Vec<usize> = (0..whole.len()).collect();
    by_remainder.sort_by_key(|&arm| {
        let remainder = whole.get(arm).map_or(0, |w| share(w) % total);
        (std::cmp::Reverse(remainder), arm)
    });
    let given: u64 = quotas.iter().sum();
    for arm in by_remainder.into_iter().take((count - given) as usize) {
        if let Some(quota) = quotas.get_mut(arm) {
            *quota += 1;
        }
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_exact_and_the_largest_remainders_get_the_rest() {
        assert_eq!(quotas(10_000, &[0.4, 0.3, 0.3]), [4_000, 3_000, 3_000]);
        assert_eq!(quotas(10, &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]), [4, 3, 3]);
        assert_eq!(quotas(7, &[0.29, 0.71]), [2, 5]);
        assert_eq!(quotas(0, &[0.5, 0.5]), [0, 0]);
        assert_eq!(quotas(1, &[0.0, 1.0]), [0, 1]);
        for count in 0..500 {
            let quotas = quotas(count, &[0.07, 0.13, 0.21, 0.59]);
            assert_eq!(quotas.iter().sum::<u64>(), count);
            for (quota, weight) in quotas.iter().zip([0.07, 0.13, 0.21, 0.59]) {
                assert!((*quota as f64 - weight * count as f64).abs() < 1.0);
            }
        }
    }

    #[test]
    fn the_order_of_the_ids_does_not_matter() {
        let ids: Vec<String> = (0..1_000).map(|i| format!("user-{i}")).collect();
        let forward: Vec<&str> = ids.iter().map(String::as_str).collect();
        let backward: Vec<&str> = forward.iter().rev().copied().collect();
        let weights = [0.5, 0.2, 0.3];
        let a = split_exact(&IdColumn::Text(&forward), &weights, "s").unwrap();
        let mut b = split_exact(&IdColumn::Text(&backward), &weights, "s").unwrap();
        b.reverse();
        assert_eq!(a, b);
        let other = split_exact(&IdColumn::Text(&forward), &weights, "t").unwrap();
        assert_ne!(a, other);
    }

    #[test]
    fn repeats_and_empty_ids_are_refused() {
        let split = |ids: &[&str]| split_exact(&IdColumn::Text(ids), &[1.0], "").unwrap_err();
        assert_eq!(split(&["a", "b", "a"]).kind(), ErrorKind::InvalidArgument);
        assert_eq!(split(&["a", ""]).kind(), ErrorKind::InvalidId);
    }
}
