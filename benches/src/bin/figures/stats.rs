//! How long an experiment's rows take to become a report, from NumPy columns.

use crate::sitting::Sitting;
use tastemaker_benches::peer::Peer;
use tastemaker_benches::stats::median;
use tastemaker_benches::{Failure, figure};

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let python = sitting
        .python
        .as_deref()
        .ok_or("--python is needed for this group")?;
    let script = sitting.root.join("benches/peers/stats_driver.py");
    let mut driver = Peer::start("python", python, &[&script])?;
    for (command, name, note) in [
        (
            "units",
            "stats.10m.python.s",
            "summarize and analyze: 10 million rows of 1 million users, NumPy columns, all processors",
        ),
        (
            "rows",
            "stats.10m.rows.python.s",
            "the same, each row a unit",
        ),
    ] {
        // The first round warms up, and does not count.
        driver.number(command, "seconds")?;
        let times = (0..sitting.runs.max(5))
            .map(|_| driver.number(command, "seconds"))
            .collect::<Result<Vec<f64>, Failure>>()?;
        figure::print(name, median(&times), "s", note);
    }
    Ok(())
}
