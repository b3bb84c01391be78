//! How long training takes: from columns of ids to a model that can be saved.
//!
//! The peer starts from a matrix that is built already; we start from ids.

use crate::sitting::{Sitting, options, setting, train_on};
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::stats::{median, timed};
use tastemaker_benches::{Failure, peer::Peer};

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let gowalla = sitting.split("gowalla")?;
    let options = options(100, sitting.threads)?;
    let mut rival = sitting.implicit(&gowalla, "als-128", sitting.threads)?;
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for _ in 0..sitting.runs {
        let (model, seconds) = timed(|| train_on(&gowalla.train, &options));
        model?;
        ours.push(seconds);
        if let Some(peer) = &mut rival {
            theirs.push(fit(peer)?);
        }
    }
    let note = format!(
        "spectral, K=100, its default options, {} threads",
        sitting.threads
    );
    let seconds = median(&ours);
    if rival.is_none() {
        figure::print("train.gowalla.s", seconds, "s", &note);
        return Ok(());
    }
    let rival = Rival {
        name: "implicit-als-128",
        value: median(&theirs),
        better: Better::Lower,
        setting: setting("als-128"),
    };
    figure::print_with("train.gowalla.s", seconds, "s", &note, &rival);
    Ok(())
}

fn fit(peer: &mut Peer) -> Result<f64, Failure> {
    peer.number("fit", "s")
}
