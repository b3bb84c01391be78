//! Progress out of, and cancellation into, work on another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use napi::Status;
use napi::bindgen_prelude::FnArgs;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tastemaker::control::{Control, Progress};

use crate::error::Result;

/// At most one report in this time; the first and last of a stage always pass.
const INTERVAL: Duration = Duration::from_millis(100);

/// What the façade's progress function takes: stage, done, total.
pub(crate) type Report = FnArgs<(String, f64, f64)>;

/// A progress function that other threads may call, without keeping the process alive.
pub(crate) type ProgressFn = ThreadsafeFunction<Report, (), Report, Status, false, true>;

/// A flag that stops a running task at its next check.
#[napi]
#[derive(Default)]
pub struct CancelFlag {
    flag: Arc<AtomicBool>,
}

#[napi]
impl CancelFlag {
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the task to stop.
    #[napi(catch_unwind)]
    pub fn cancel(&self) -> Result<()> {
        self.flag.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl CancelFlag {
    pub(crate) fn shared(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }
}

/// Passes reports on to JavaScript, thinned out so that they cost nothing.
struct Throttle {
    report: ProgressFn,
    last: Mutex<Option<(String, Instant)>>,
}

impl Throttle {
    fn call(&self, progress: &Progress<'_>) {
        #[expect(
            clippy::disallowed_methods,
            reason = "throttles reports; no result depends on it"
        )]
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = progress.done >= progress.total
            || last.as_ref().is_none_or(|(stage, at)| {
                stage != progress.stage || now.duration_since(*at) >= INTERVAL
            });
        if due {
            *last = Some((progress.stage.to_owned(), now));
            let report = (
                progress.stage.to_owned(),
                progress.done as f64,
                progress.total as f64,
            );
            self.report
                .call(report.into(), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

/// Runs `work` under a control made from the flag and the progress function.
pub(crate) fn controlled<T>(
    flag: &AtomicBool,
    report: Option<ProgressFn>,
    work: impl FnOnce(&Control<'_>) -> T,
) -> T {
    let control = Control::new().with_cancel(flag);
    match report {
        None => work(&control),
        Some(report) => {
            let throttle = Throttle {
                report,
                last: Mutex::new(None),
            };
            let call = |progress: Progress<'_>| throttle.call(&progress);
            work(&control.with_progress(&call))
        }
    }
}
