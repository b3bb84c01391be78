//! Carries the core's error codes over to JavaScript, as the `code` of the thrown error.

use napi::Status;
use napi::bindgen_prelude::{Env, JsError};
use tastemaker::{Error, ErrorKind};

/// The `code` of a thrown error: the core's own, or `internal` for what Node-API reports.
pub struct Code(&'static str);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl From<Status> for Code {
    fn from(status: Status) -> Self {
        let kind = match status {
            Status::InvalidArg
            | Status::ObjectExpected
            | Status::StringExpected
            | Status::FunctionExpected
            | Status::NumberExpected
            | Status::BooleanExpected
            | Status::ArrayExpected
            | Status::BigintExpected
            | Status::DateExpected
            | Status::ArrayBufferExpected => ErrorKind::InvalidArgument,
            _ => ErrorKind::Internal,
        };
        Self(kind.code())
    }
}

/// The result of every exported function.
pub(crate) type Result<T, C = Code> = napi::Result<T, C>;

/// The core's error as the one that Node-API throws.
pub(crate) fn thrown(error: Error) -> napi::Error<Code> {
    napi::Error::new(Code(error.code()), error.message().to_owned())
}

/// The core's error as the one that a promise rejects with.
///
/// A task can only fail with a plain status, so the JavaScript error is made here, code and all.
pub(crate) fn rejected(env: Env, error: Error) -> napi::Error {
    JsError::from(thrown(error)).into_unknown(env).into()
}

/// Tells a caught panic as an internal error.
pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    Error::new(ErrorKind::Internal, text)
}
