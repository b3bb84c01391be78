//! Progress out of, and cancellation into, work that blocks the thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tastemaker::control::{Control, Progress};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The façade's progress function, which does not throw.
    pub type Report;

    #[wasm_bindgen(method)]
    fn call(this: &Report, receiver: &JsValue, stage: &str, done: f64, total: f64);
}

thread_local! {
    /// The progress function of the work that runs now. The core's callback must be `Sync`, which
    /// a handle to a JavaScript function is not; a slot of the only thread is.
    static CURRENT: RefCell<Option<Report>> = const { RefCell::new(None) };
}

/// A flag that stops running work at its next check.
#[wasm_bindgen]
#[derive(Default)]
pub struct CancelFlag {
    flag: Arc<AtomicBool>,
}

#[wasm_bindgen]
impl CancelFlag {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop: from its own progress function, as nothing else runs meanwhile.
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` under a control made from the flag and the progress function.
pub(crate) fn controlled<T>(
    cancel: &CancelFlag,
    report: Option<Report>,
    work: impl FnOnce(&Control<'_>) -> T,
) -> T {
    let control = Control::new().with_cancel(&cancel.flag);
    if report.is_none() {
        return work(&control);
    }
    let call = |progress: Progress<'_>| {
        CURRENT.with_borrow(|report| {
            if let Some(report) = report {
                let (done, total) = (progress.done as f64, progress.total as f64);
                report.call(&JsValue::UNDEFINED, progress.stage, done, total);
            }
        });
    };
    let previous = CURRENT.replace(report);
    let result = work(&control.with_progress(&call));
    CURRENT.set(previous);
    result
}
