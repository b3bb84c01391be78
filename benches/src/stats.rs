//! Medians and percentiles of measured times.

use std::time::Instant;

/// The middle value, or the mean of the two middle ones.
///
/// # Panics
/// Never: an empty list gives NaN.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    match sorted.get(count / 2) {
        None => f64::NAN,
        Some(upper) if count % 2 == 1 => *upper,
        Some(upper) => f64::midpoint(sorted[count / 2 - 1], *upper),
    }
}

/// The nearest-rank percentile, `share` in 0..1.
#[must_use]
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

/// Runs `work` once; its result, and the seconds it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

/// Runs work of one thread once; its result, and the seconds that a core spent on it. What else
/// the machine does meanwhile does not count, except through the caches. Exact to a millisecond;
/// where the system does not tell, it is the time on the wall.
pub fn timed_on_core<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let spent = || -> Option<f64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
    };
    let before = spent();
    let (result, wall) = timed(work);
    let seconds = before.zip(spent()).map(|(before, after)| after - before);
    (
        result,
        seconds.filter(|&seconds| seconds > 0.0).unwrap_or(wall),
    )
}

/// The microseconds that each call took, one a value of `inputs`.
pub fn each_us<T>(inputs: &[T], mut call: impl FnMut(&T)) -> Vec<f64> {
    inputs
        .iter()
        .map(|input| {
            let start = Instant::now();
            call(input);
            start.elapsed().as_nanos() as f64 / 1e3
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn middle_and_rank() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), 50.0);
        assert_eq!(percentile(&values, 0.99), 99.0);
        assert_eq!(percentile(&values, 1.0), 100.0);
    }
}
