//! Work on libuv's thread pool, settled as a promise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::Task;
use napi::bindgen_prelude::{Env, ToNapiValue, TypeName};
use tastemaker::{Error, ErrorKind};

use crate::error::{panicked, rejected};

type Work<T> = Box<dyn FnOnce() -> Result<T, Error> + Send>;

/// One piece of work, and the value that it settles with.
pub struct Job<T> {
    work: Option<Work<T>>,
}

impl<T> Job<T> {
    pub(crate) fn new(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Self {
        Self {
            work: Some(Box::new(work)),
        }
    }
}

impl<T: ToNapiValue + TypeName + Send + 'static> Task for Job<T> {
    type Output = Result<T, Error>;
    type JsValue = T;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let Some(work) = self.work.take() else {
            return Ok(Err(Error::new(ErrorKind::Internal, "a task ran twice")));
        };
        Ok(catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(&*payload))))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        output.map_err(|error| rejected(env, error))
    }
}
