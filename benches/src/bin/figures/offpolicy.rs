//! Estimates on the Open Bandit Dataset beside the published ones, and the time of 10 million rows.

use crate::sitting::Sitting;
use tastemaker_benches::peer::{Peer, number};
use tastemaker_benches::stats::median;
use tastemaker_benches::{Failure, figure};

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let python = sitting
        .python
        .as_deref()
        .ok_or("--python is needed for this group")?;
    let script = sitting.root.join("benches/peers/offpolicy_driver.py");
    let mut driver = Peer::start("python", python, &[&script, &sitting.data])?;
    let estimates = driver.ask("obd")?;
    for (field, name, note) in [
        (
            "ips",
            "offpolicy.obd.ipw",
            "random log to the Bernoulli Thompson policy, 10,000 rows; published .004553",
        ),
        ("dm", "offpolicy.obd.dm", "cell means by position and item"),
        (
            "dr",
            "offpolicy.obd.dr",
            "cell means by position and item, cross-fitted",
        ),
        ("snips", "offpolicy.obd.snips", ""),
        ("mrdr", "offpolicy.obd.mrdr", ""),
    ] {
        figure::print(name, number(&estimates, field)?, "", note);
    }
    let estimates = driver.ask("logistic")?;
    for (field, name, note) in [
        (
            "dm",
            "offpolicy.obd.logistic.dm",
            "predictions of a logistic regression on features of user and item, one a position, 5 folds; published .003545",
        ),
        (
            "dr",
            "offpolicy.obd.logistic.dr",
            "with the same predictions; published .004727",
        ),
    ] {
        figure::print(name, number(&estimates, field)?, "", note);
    }
    let commands = [
        (
            "weights",
            "offpolicy.10m.weights.python.s",
            "ips and snips of 10 million rows in NumPy columns, with gains and intervals; all processors",
        ),
        (
            "doubly_robust",
            "offpolicy.10m.doubly_robust.python.s",
            "ips, snips, dm and dr of the same rows, 20 actions in 50 cells, cross-fitted",
        ),
        (
            "numpy",
            "offpolicy.10m.weights.numpy.s",
            "the same as offpolicy.10m.weights in plain NumPy",
        ),
    ];
    // The first round warms up; then the three take turns.
    let mut times = vec![Vec::new(); commands.len()];
    for round in 0..=sitting.runs.max(3) {
        for ((command, _, _), times) in commands.iter().zip(&mut times) {
            let seconds = driver.number(command, "seconds")?;
            if round > 0 {
                times.push(seconds);
            }
        }
    }
    for ((_, name, note), times) in commands.iter().zip(&times) {
        figure::print(name, median(times), "s", note);
    }
    Ok(())
}
