//! From the core's errors, and from panics, to the classes of `tastemaker.errors`.
//!
//! The table from code to class is in Python (`tastemaker.errors.error_for`), in one place. A
//! panic inside the core is a defect: it arrives as `InternalError`, never as a `BaseException`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tastemaker::{Error, ErrorKind, Result};

/// The exception for one error of the core.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    static ERROR_FOR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let instance = ERROR_FOR
        .import(py, "tastemaker.errors", "error_for")
        .and_then(|error_for| error_for.call1((error.code(), error.message())));
    match instance {
        Ok(instance) => PyErr::from_value(instance),
        Err(failure) => failure,
    }
}

/// An error that the binding itself finds while it converts types.
pub(crate) fn invalid(py: Python<'_>, kind: ErrorKind, message: impl Into<String>) -> PyErr {
    raise(py, &Error::new(kind, message))
}

/// Turns what a panic left behind into an error of the core.
pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown cause".to_owned());
    Error::new(
        ErrorKind::Internal,
        format!("a defect of tastemaker, please report it: {text}"),
    )
}

/// Runs work of the core with the interpreter attached: for what takes a microsecond or two,
/// where letting go of the interpreter would cost more than it gives.
pub(crate) fn attached<T>(py: Python<'_>, work: impl FnOnce() -> Result<T>) -> PyResult<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| raise(py, &error)),
        Err(payload) => Err(raise(py, &from_panic(&*payload))),
    }
}

/// Runs work of the core with the interpreter detached, so that other threads run meanwhile.
pub(crate) fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    let outcome =
        py.detach(|| catch_unwind(AssertUnwindSafe(work)).map_err(|payload| from_panic(&*payload)));
    outcome
        .and_then(|result| result)
        .map_err(|error| raise(py, &error))
}
