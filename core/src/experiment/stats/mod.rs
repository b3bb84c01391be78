//! Did it work? Tests, intervals and plain words for experiments.
//!
//! What goes in are sufficient statistics, an [`Arm`] a variant, or columns of rows that
//! [`summarize`] adds up without rounding. [`analyze`] compares arms with a control: once, always,
//! or by belief. [`sample_ratio`] checks the split, [`adjust`] corrects several p-values, [`plan`]
//! says how many units are needed.
//!
//! The module is pure and knows nothing of assignment and engines. All distribution functions are
//! made of `libm` and the four operations, so that a report has the same bits in every language.

mod analyze;
mod arm;
mod estimate;
mod exact;
#[cfg(test)]
pub(crate) mod honesty;
mod moments;
mod multiple;
mod names;
mod options;
mod plan;
pub(super) mod posterior;
mod report;
pub(super) mod special;
mod srm;
mod summarize;
mod test;
mod units;
mod words;

use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result};

pub use analyze::analyze;
pub use arm::{Arm, Metric};
pub use estimate::Cuped;
pub(crate) use exact::{Exact, LARGEST, Parts, Wide, from_fixed};
pub use multiple::{Correction, adjust};
pub use options::{Method, Request};
pub use plan::{Plan, PlanRequest, plan};
pub use report::{
    ArmPosterior, ArmReport, Comparison, Heterogeneity, Report, Return, Segment, Status,
};
pub(crate) use special::{normal_quantile, t_two_sided, t_two_sided_quantile};
pub use srm::{SampleRatio, sample_ratio};
pub use summarize::{Rows, SummarizeOptions, Summary, summarize};
pub use test::{Alternative, Relative};

/// Answers a question in JSON by its name: `analyze`, `sample_ratio`, `adjust` or
/// `plan`. The bindings ask in this way; in Rust the functions themselves are typed.
///
/// # Errors
/// Those of the function; [`ErrorKind::InvalidArgument`] for another name.
///
/// ```
/// use tastemaker::{experiment::stats::ask, json::json};
/// let answer = ask("sample_ratio", &json!({"counts": [5_010, 4_990]}))?;
/// assert_eq!(answer["mismatch"], false);
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn ask(question: &str, request: &Json) -> Result<Json> {
    match question {
        "analyze" => Ok(analyze(&Request::from_json(request)?)?.to_json()),
        "sample_ratio" => srm::ask(request),
        "adjust" => multiple::ask(request),
        "plan" => Ok(plan(&PlanRequest::from_json(request)?)?.to_json()),
        other => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "there is no question {}; they are analyze, sample_ratio, adjust, plan",
                crate::error::shown(other)
            ),
        )),
    }
}
