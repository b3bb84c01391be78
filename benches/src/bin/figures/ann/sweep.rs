//! Speeds at a recall: each side at several widths of search, in turns.

use std::collections::BTreeMap;

use tastemaker_benches::Failure;
use tastemaker_benches::stats::median;

/// The widths that are tried.
const WIDTHS: [usize; 22] = [
    10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57, 68, 80, 96, 128, 160, 226, 320, 452, 640, 905, 1280,
];

/// What one pass over the queries gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) recall: f64,
    pub(super) qps: f64,
}

/// Something that answers all queries at a width of search.
pub(super) trait Side {
    fn run(&mut self, ef: usize) -> Result<Outcome, Failure>;
}

/// A side's speed at a recall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) qps: f64,
    /// Whether some width reaches the recall. If not, the speed is that of the widest.
    pub(super) reached: bool,
    /// The widths around it and their recalls; the same twice where the narrowest is enough.
    pub(super) below: (usize, f64),
    pub(super) above: (usize, f64),
}

impl Reading {
    /// The measured recalls, in words.
    pub(super) fn told(&self, name: &str, wanted: f64) -> String {
        let ((low, from), (high, to)) = (self.below, self.above);
        if !self.reached {
            format!("{name} reaches {to:.4} at ef {high}, not {wanted}")
        } else if low == high {
            format!("{name} has recall {to:.4} at ef {high}")
        } else {
            format!("{name} has recall {from:.4} to {to:.4} at ef {low} to {high}")
        }
    }
}

/// The widths that reach the recalls, found by trying them one after the other; then medians of
/// `runs` passes at those, the sides in turns.
pub(super) fn readings(
    sides: &mut [&mut dyn Side],
    recalls: &[f64],
    runs: usize,
) -> Result<Vec<Vec<Reading>>, Failure> {
    let most = recalls.iter().copied().fold(0.0, f64::max);
    let mut recalls_of: Vec<Vec<(usize, f64)>> = Vec::new();
    for side in &mut *sides {
        let mut own = Vec::new();
        for ef in WIDTHS {
            let outcome = side.run(ef)?;
            own.push((ef, outcome.recall));
            if outcome.recall >= most {
                break;
            }
        }
        recalls_of.push(own);
    }
    let around: Vec<Vec<(usize, usize, bool)>> = recalls_of
        .iter()
        .map(|own| recalls.iter().map(|&recall| bracket(own, recall)).collect())
        .collect();
    let mut speeds: Vec<BTreeMap<usize, Vec<f64>>> = vec![BTreeMap::new(); sides.len()];
    for (speeds, around) in speeds.iter_mut().zip(&around) {
        for &(low, high, _) in around {
            speeds.entry(low).or_default();
            speeds.entry(high).or_default();
        }
    }
    for _ in 0..runs {
        for ((side, speeds), own) in sides.iter_mut().zip(&mut speeds).zip(&recalls_of) {
            for (&at, speeds) in speeds {
                speeds.push(side.run(own[at].0)?.qps);
            }
        }
    }
    let reading = |side: usize, at: usize| {
        let (low, high, reached) = around[side][at];
        let (own, speeds) = (&recalls_of[side], &speeds[side]);
        let (slow, fast) = (median(&speeds[&high]), median(&speeds[&low]));
        let (below, above) = (own[low], own[high]);
        let qps = if low == high {
            slow
        } else {
            let share = (recalls[at] - below.1) / (above.1 - below.1);
            (fast.ln() + share * (slow.ln() - fast.ln())).exp()
        };
        Reading {
            qps,
            reached,
            below,
            above,
        }
    };
    Ok((0..sides.len())
        .map(|side| (0..recalls.len()).map(|at| reading(side, at)).collect())
        .collect())
}

/// The places of the last width below a recall and of the first that reaches it.
fn bracket(own: &[(usize, f64)], recall: f64) -> (usize, usize, bool) {
    match own.iter().position(|&(_, reached)| reached >= recall) {
        Some(0) => (0, 0, true),
        Some(at) => (at - 1, at, true),
        None => (own.len() - 1, own.len() - 1, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl Side for Known {
        fn run(&mut self, ef: usize) -> Result<Outcome, Failure> {
            let recall = 1.0 - 1.0 / ef as f64;
            Ok(Outcome {
                recall,
                qps: 1000.0 / ef as f64,
            })
        }
    }

    #[test]
    fn speeds_are_read_between_widths() {
        let found = readings(&mut [&mut Known], &[0.5, 0.95, 0.97, 1.0], 3).unwrap();
        let [easy, on, between, beyond] = found[0][..] else {
            panic!()
        };
        assert!(easy.reached && (easy.qps - 100.0).abs() < 1e-9);
        assert!(on.reached && (on.qps - 50.0).abs() < 1e-9);
        assert!(between.reached && between.qps < 1000.0 / 28.0 && between.qps > 1000.0 / 34.0);
        assert_eq!((between.below.0, between.above.0), (28, 34));
        assert!(!beyond.reached && beyond.above.0 == 1280);
    }
}
