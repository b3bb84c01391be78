//! Is the split of the units what it should be? If not, something is broken, and no other number
//! of the experiment can be believed.

use serde_json::{Value as Json, json};

use super::arm::{ARMS, MOST};
use super::special::{chi_square_sf, deviance, stirling_rest};
use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;

/// Below this p-value a split is called wrong. Lower than 0.05, because the check is made often
/// and a broken assignment is soon far below.
pub(crate) const LEVEL: f64 = 0.001;

/// Pseudo-units of the prior of the check that may be repeated.
const PRIOR: f64 = 10_000.0;

/// A check of the split.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SampleRatio {
    /// Pearson's chi-square of the counts against the shares.
    pub chi_square: f64,
    /// Its p-value, for one look.
    pub p_value: f64,
    /// A p-value that may be looked at after every unit: a multinomial test with a Dirichlet
    /// mixture (Lindon & Malek 2022, "Anytime-valid inference for multinomial count data").
    pub p_value_any_time: f64,
    /// Whether the split is wrong: `p_value` below the level.
    pub mismatch: bool,
    /// The units that each arm should have.
    pub expected: Vec<f64>,
}

/// Compares counts of units with the shares that they should have; shares need not sum to 1.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for fewer than two arms, lists of different lengths, shares that
/// are not positive finite numbers, or an `alpha` outside 0 to 1;
/// [`ErrorKind::LimitExceeded`] for more than 2⁵³ units.
pub fn sample_ratio(counts: &[u64], shares: &[f64], alpha: f64) -> Result<SampleRatio> {
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
    if counts.len() != shares.len() || counts.len() < 2 || counts.len() > ARMS {
        return wrong(format!(
            "there are {} counts and {} shares; there must be as many of both, from 2 to {ARMS}",
            counts.len(),
            shares.len()
        ));
    }
    if let Some(share) = shares.iter().find(|s| !(**s >= 1e-9 && **s <= 1e9)) {
        return wrong(format!("a share is {share}; it must be from 1e-9 to 1e9"));
    }
    if !(alpha > 0.0 && alpha < 1.0) {
        return wrong(format!("alpha is {alpha}; it must be between 0 and 1"));
    }
    let units = counts
        .iter()
        .try_fold(0u64, |sum, &n| sum.checked_add(n))
        .filter(|&sum| sum <= MOST)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::LimitExceeded,
                "the counts sum to more than 2^53 units".to_owned(),
            )
        })? as f64;
    let whole: f64 = shares.iter().sum();
    let mut chi_square = 0.0;
    let mut ln_evidence = 0.0;
    let mut expected = Vec::with_capacity(counts.len());
    for (&count, share) in counts.iter().zip(shares) {
        let share = share / whole;
        let count = count as f64;
        let should = units * share;
        expected.push(should);
        if units > 0.0 {
            chi_square += (count - should) * (count - should) / should;
        }
        // ln Γ(α + n)/Γ(α) less n ln share, in terms that stay small.
        let prior = PRIOR * share;
        ln_evidence += deviance(prior + count, (PRIOR + units) * share)
            - 0.5 * libm::log1p(count / prior)
            + stirling_rest(prior + count)
            - stirling_rest(prior);
    }
    ln_evidence +=
        0.5 * libm::log1p(units / PRIOR) - stirling_rest(PRIOR + units) + stirling_rest(PRIOR);
    let p_value = chi_square_sf(chi_square, (counts.len() - 1) as f64);
    Ok(SampleRatio {
        chi_square,
        p_value,
        p_value_any_time: libm::exp(-ln_evidence).min(1.0),
        mismatch: p_value < alpha,
        expected,
    })
}

impl SampleRatio {
    /// The check as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let verdict = if self.mismatch {
            "The units are not split as they should be: something is wrong with the assignment or \
             the log. Do not believe the results before it is found."
        } else {
            "Nothing speaks against the split."
        };
        json!({
            "chi_square": self.chi_square,
            "p_value": self.p_value,
            "p_value_any_time": self.p_value_any_time,
            "mismatch": self.mismatch,
            "expected": self.expected,
            "verdict": verdict,
        })
    }
}

/// `sample_ratio` as JSON: `{"counts", "shares"?, "alpha"?}`.
pub(crate) fn ask(request: &Json) -> Result<Json> {
    let fields = Fields::new("sample_ratio", request, &["counts", "shares", "alpha"])?;
    let given = fields.raw("counts").unwrap_or(&Json::Null);
    let wrong = || {
        fields.wrong(
            "counts",
            given,
            "it must be a list of whole numbers below 2^53",
        )
    };
    let counts: Option<Vec<u64>> = given
        .as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(whole)
        .collect();
    let counts = counts.ok_or_else(wrong)?;
    let shares = read_shares(&fields, "shares")?.unwrap_or_else(|| vec![1.0; counts.len()]);
    let alpha = fields.number("alpha", LEVEL, 1e-12, 0.5)?;
    Ok(sample_ratio(&counts, &shares, alpha)?.to_json())
}

fn whole(value: &Json) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| {
            let n = value.as_f64().filter(|n| *n >= 0.0 && *n == n.trunc())?;
            (n <= MOST as f64).then_some(n as u64)
        })
        .filter(|&n| n <= MOST)
}

/// A list of positive numbers.
pub(crate) fn read_shares(fields: &Fields<'_>, name: &str) -> Result<Option<Vec<f64>>> {
    let Some(given) = fields.get(name) else {
        return Ok(None);
    };
    let list = given
        .as_array()
        .and_then(|list| list.iter().map(Json::as_f64).collect::<Option<Vec<f64>>>())
        .filter(|list| list.iter().all(|s| (1e-9..=1e9).contains(s)));
    list.map(Some)
        .ok_or_else(|| fields.wrong(name, given, "it must be a list of numbers from 1e-9 to 1e9"))
}
