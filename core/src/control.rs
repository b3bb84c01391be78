//! Progress and cancellation of long work, injected by the caller.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// Where long work stands: `done` of `total` steps of a named stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The stage, for people: `"subspace"`, `"graph"`, ….
    pub stage: &'a str,
    /// Steps of this stage that are done.
    pub done: u64,
    /// Steps of this stage in all.
    pub total: u64,
}

/// How a caller watches and stops long work. The default does neither.
///
/// The callback comes from whichever thread does the work, possibly from several, and may come
/// often: throttle in the callback. The flag is looked at several times a second.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use tastemaker::control::Control;
/// let stop = AtomicBool::new(false);
/// let show = |p: tastemaker::control::Progress<'_>| eprintln!("{} {}/{}", p.stage, p.done, p.total);
/// let control = Control::new().with_progress(&show).with_cancel(&stop);
/// # let _ = control;
/// ```
#[derive(Clone, Copy, Default)]
pub struct Control<'a> {
    progress: Option<&'a (dyn Fn(Progress<'_>) + Sync)>,
    cancel: Option<&'a AtomicBool>,
}

impl<'a> Control<'a> {
    /// No progress, no cancellation.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `report` as the work goes on.
    #[must_use]
    pub fn with_progress(mut self, report: &'a (dyn Fn(Progress<'_>) + Sync)) -> Self {
        self.progress = Some(report);
        self
    }

    /// Stops the work with [`ErrorKind::Cancelled`] soon after `flag` becomes true.
    #[must_use]
    pub fn with_cancel(mut self, flag: &'a AtomicBool) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// The same cancellation without progress, for a part of a larger work.
    pub(crate) fn quiet(&self) -> Self {
        Self {
            progress: None,
            cancel: self.cancel,
        }
    }

    pub(crate) fn report(&self, stage: &str, done: u64, total: u64) {
        if let Some(report) = self.progress {
            report(Progress { stage, done, total });
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self.cancel {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::new(
                ErrorKind::Cancelled,
                "the work was cancelled by the caller",
            )),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control")
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel.is_some())
            .finish()
    }
}
