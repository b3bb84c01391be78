//! How alike two histories are: the cosine of their weights.

use super::history::Weighted;

/// A folded history times the power of two that brings its largest absolute weight to `[1, 2)`:
/// what decay has made tiny is as good as what it has not, and no square is lost.
///
/// False if the history says nothing; it is then empty.
pub(crate) fn scale(weights: &mut Vec<Weighted>) -> bool {
    let largest = weights.iter().map(|w| w.weight.abs()).fold(0.0, f64::max);
    if largest <= 0.0 {
        weights.clear();
        return false;
    }
    let exponent = libm::ilogb(largest);
    for weighted in weights.iter_mut() {
        weighted.weight = libm::ldexp(weighted.weight, -exponent);
    }
    true
}

/// The sum of squares, ascending by item.
pub(crate) fn square(weights: &[Weighted]) -> f64 {
    weights.iter().map(|w| w.weight * w.weight).sum()
}

/// The cosine of a history with the one that lies in `asking` by item, whose sum of squares is
/// `asking_square`; `None` unless it is positive. Both are scaled.
pub(crate) fn cosine(asking: &[f64], asking_square: f64, other: &[Weighted]) -> Option<f64> {
    let at = |item: u32| asking.get(item as usize).copied().unwrap_or(0.0);
    let dot: f64 = other.iter().map(|w| at(w.item) * w.weight).sum();
    (dot > 0.0).then(|| (dot / (asking_square * square(other)).sqrt()).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(list: &[(u32, f64)]) -> Vec<Weighted> {
        let list = list.iter();
        list.map(|&(item, weight)| Weighted { item, weight })
            .collect()
    }

    fn alike(a: &[(u32, f64)], b: &[(u32, f64)]) -> Option<f64> {
        let (mut a, mut b) = (weights(a), weights(b));
        scale(&mut a);
        scale(&mut b);
        let mut dense = vec![0.0; 10];
        for w in &a {
            dense[w.item as usize] = w.weight;
        }
        cosine(&dense, square(&a), &b)
    }

    #[test]
    fn by_hand() {
        assert_eq!(alike(&[(1, 3.0), (2, 4.0)], &[(2, 1.0)]), Some(0.8));
        assert_eq!(alike(&[(1, 3.0), (2, 4.0)], &[(2, 1e-300)]), Some(0.8));
        assert_eq!(alike(&[(1, 1.0)], &[(2, 1.0)]), None);
        assert_eq!(alike(&[(1, 1.0)], &[(1, -1.0)]), None);
        assert_eq!(alike(&[(1, -2.0)], &[(1, -1.0), (3, 0.0)]), Some(1.0));
        assert_eq!(alike(&[(1, 0.0)], &[(1, 1.0)]), None);
        assert_eq!(alike(&[], &[]), None);
    }

    #[test]
    fn a_history_is_wholly_like_itself() {
        for n in 1..200u32 {
            let list: Vec<(u32, f64)> = (0..n % 10 + 1)
                .map(|i| (i, 0.1 * f64::from(n) + f64::from(i)))
                .collect();
            assert_eq!(alike(&list, &list), Some(1.0), "{list:?}");
        }
    }
}
