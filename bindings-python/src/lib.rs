//! `tastemaker._native`: the core for Python.
//!
//! One file per module of the core. Each converts types, lets go of the interpreter while the
//! core works, catches panics at the boundary and maps errors to their classes. Validation,
//! defaults and every decision are the core's. What people import is the typed façade in
//! `python/tastemaker/`; this module is private to it.

mod arrow;
mod bandit;
mod builder;
mod catalog;
mod column;
mod condition;
mod control;
mod data;
mod engine;
mod error;
mod evaluate;
mod event;
mod experiment;
mod ids;
mod index;
mod json;
mod log;
mod model;
mod offpolicy;
mod profile;
mod request;
mod stats;
mod time;
mod train;

/// The extension module; see `_native.pyi` for its contract.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::arrow::{read_arrow, read_arrow_vectors};
    #[pymodule_export]
    use crate::bandit::Bandit;
    #[pymodule_export]
    use crate::catalog::Catalog;
    #[pymodule_export]
    use crate::column::Column;
    #[pymodule_export]
    use crate::condition::matches_condition;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::evaluate::{compare, evaluate, split};
    #[pymodule_export]
    use crate::experiment::{Experiments, split_exact};
    #[pymodule_export]
    use crate::index::{ItemSet, VectorIndex, read_vectors};
    #[pymodule_export]
    use crate::log::{DecisionLog, LogTable, context_hash};
    #[pymodule_export]
    use crate::model::Model;
    #[pymodule_export]
    use crate::offpolicy::{evaluate_policy, slates};
    #[pymodule_export]
    use crate::profile::Profile;
    #[pymodule_export]
    use crate::stats::{stats_ask, summarize};
    #[pymodule_export]
    use crate::train::{default_options, train, tune, update};

    /// The version of the package and of the core.
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name that Python expects")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
