//! Long work: progress to a Python callable, and Ctrl-C.
//!
//! The work runs on a thread of its own. The calling thread waits, and every
//! [`TICK`] it looks for signals and reports progress, so that Ctrl-C stops the
//! work promptly however rarely a stage reports, and the callable always runs on
//! the thread that started the work (notebooks need that).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use tastemaker::control::{Control, Progress};
use tastemaker::{Error, ErrorKind, Result};

use crate::error::{from_panic, raise};

/// How often the calling thread wakes while the work runs.
const TICK: Duration = Duration::from_millis(100);

/// As large as the main thread of a process usually has.
const STACK_BYTES: usize = 8 << 20;

/// Where the work stands, as the calling thread last heard.
#[derive(Default)]
struct Latest {
    stage: String,
    done: u64,
    total: u64,
    fresh: bool,
}

/// Runs `work` detached from the interpreter and returns what it returns.
///
/// `progress(stage, done, total)` may return `False` to cancel; what it raises cancels too and is
/// passed on, as is `KeyboardInterrupt`.
pub(crate) fn watched<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Control<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    let cancel = AtomicBool::new(false);
    let latest = Mutex::new(Latest::default());
    let wanted = progress.is_some();
    let listen = |p: Progress<'_>| {
        if let Ok(mut latest) = latest.try_lock() {
            if latest.stage != p.stage {
                p.stage.clone_into(&mut latest.stage);
            }
            (latest.done, latest.total, latest.fresh) = (p.done, p.total, true);
        }
    };
    thread::scope(|scope| {
        let (finished, wait) = channel::<()>();
        let (cancel_flag, listen) = (&cancel, &listen);
        let worker = thread::Builder::new()
            .name("tastemaker".into())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, move || {
                // Dropped at the end of the work, and also when it panics: that wakes the waiter.
                let _finished = finished;
                let control = Control::new().with_cancel(cancel_flag);
                let control = if wanted {
                    control.with_progress(listen)
                } else {
                    control
                };
                work(&control)
            });
        let worker = worker.map_err(|error| {
            raise(
                py,
                &Error::new(
                    ErrorKind::Io,
                    format!("no thread could be started: {error}"),
                )
                .with_source(error),
            )
        })?;
        let mut interruption = None;
        let mut wait = wait;
        loop {
            // A receiver is not shared between threads: it moves in and out.
            let (ended, back) = py.detach(move || {
                (
                    wait.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout),
                    wait,
                )
            });
            wait = back;
            if ended {
                break;
            }
            if interruption.is_none() {
                interruption = py
                    .check_signals()
                    .and_then(|()| report(&latest, progress, &cancel))
                    .err();
                if interruption.is_some() {
                    cancel.store(true, Ordering::Relaxed);
                }
            }
        }
        let outcome = py
            .detach(|| worker.join())
            .unwrap_or_else(|payload| Err(from_panic(&*payload)));
        match (interruption, outcome) {
            (Some(error), _) => Err(error),
            (None, Ok(value)) => report(&latest, progress, &cancel).map(|()| value),
            (None, Err(error)) => Err(raise(py, &error)),
        }
    })
}

fn report(
    latest: &Mutex<Latest>,
    progress: Option<&Bound<'_, PyAny>>,
    cancel: &AtomicBool,
) -> PyResult<()> {
    let Some(progress) = progress else {
        return Ok(());
    };
    let (stage, done, total) = {
        let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::take(&mut latest.fresh) {
            return Ok(());
        }
        (latest.stage.clone(), latest.done, latest.total)
    };
    let answer = progress.call1((stage, done, total))?;
    if answer.extract::<bool>().is_ok_and(|go_on| !go_on) {
        cancel.store(true, Ordering::Relaxed);
    }
    Ok(())
}
