//! Several p-values at once.

use serde_json::{Value as Json, json};

use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;

/// How p-values are corrected for their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Correction {
    /// Not at all.
    None,
    /// Holm 1979: the chance of any false claim among them stays below the level.
    Holm,
    /// Benjamini & Hochberg 1995: among the claims, the expected share of false ones stays below
    /// the level.
    BenjaminiHochberg,
}

impl Correction {
    /// The name in requests and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Holm => "holm",
            Self::BenjaminiHochberg => "benjamini_hochberg",
        }
    }

    pub(crate) fn read(fields: &Fields<'_>, name: &str) -> Result<Self> {
        match fields.text(name)? {
            None | Some("holm") => Ok(Self::Holm),
            Some("none") => Ok(Self::None),
            Some("benjamini_hochberg") => Ok(Self::BenjaminiHochberg),
            Some(_) => Err(fields.wrong(
                name,
                fields.raw(name).unwrap_or(&Json::Null),
                "it must be one of holm, benjamini_hochberg, none",
            )),
        }
    }
}

/// The corrected p-values, in the order given; each is compared with the level as it is.
///
/// Cost: a sort.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for a p-value outside 0 to 1.
///
/// ```
/// use tastemaker::experiment::stats::{Correction, adjust};
/// assert_eq!(adjust(&[0.25, 0.0625], Correction::Holm)?, [0.25, 0.125]);
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn adjust(p_values: &[f64], correction: Correction) -> Result<Vec<f64>> {
    if let Some(at) = p_values.iter().position(|p| !(0.0..=1.0).contains(p)) {
        let p = p_values.get(at).copied().unwrap_or(f64::NAN);
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("p_values[{at}] is {p}; it must be from 0 to 1"),
        ));
    }
    let count = p_values.len();
    let mut order: Vec<(f64, usize)> = p_values.iter().copied().zip(0..).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut out = vec![0.0; count];
    let mut put = |at: usize, p: f64| {
        if let Some(slot) = out.get_mut(at) {
            *slot = p;
        }
    };
    match correction {
        Correction::None => return Ok(p_values.to_vec()),
        Correction::Holm => {
            let mut reached: f64 = 0.0;
            for (rank, &(p, at)) in order.iter().enumerate() {
                reached = reached.max(p * (count - rank) as f64).min(1.0);
                put(at, reached);
            }
        }
        Correction::BenjaminiHochberg => {
            let mut reached: f64 = 1.0;
            for (rank, &(p, at)) in order.iter().enumerate().rev() {
                reached = reached.min(p * count as f64 / (rank + 1) as f64);
                put(at, reached);
            }
        }
    }
    Ok(out)
}

/// `adjust` as JSON: `{"p_values", "method"?}` to `{"p_values"}`.
pub(crate) fn ask(request: &Json) -> Result<Json> {
    let fields = Fields::new("adjust", request, &["p_values", "method"])?;
    let correction = Correction::read(&fields, "method")?;
    let given = fields.raw("p_values").unwrap_or(&Json::Null);
    let wrong = || {
        fields.wrong(
            "p_values",
            given,
            "it must be a list of numbers from 0 to 1",
        )
    };
    let list = given.as_array().ok_or_else(wrong)?;
    let values: Option<Vec<f64>> = list.iter().map(Json::as_f64).collect();
    let adjusted = adjust(&values.ok_or_else(wrong)?, correction)?;
    Ok(json!({"method": correction.as_str(), "p_values": adjusted}))
}
