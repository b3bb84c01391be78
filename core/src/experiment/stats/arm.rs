//! Arms: what is known of the units that saw one variant, as counts and moments.

use serde_json::{Map, Value as Json, json};

use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;

/// Counts up to this are whole numbers in every language.
pub(crate) const MOST: u64 = 9_007_199_254_740_992;

/// Arms of one experiment at most.
pub(crate) const ARMS: usize = 100;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// Each unit converts or does not: `n` and `successes`.
    Proportion,
    /// Each unit has a value: `n`, `sum` and `sum_squares`, or `n`, `mean` and `variance`.
    Mean,
    /// The sum of one value over the sum of another, both counted by unit (clicks per page view,
    /// by user): the moments of both, and how they vary together.
    Ratio,
}

impl Metric {
    /// The name in requests and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proportion => "proportion",
            Self::Mean => "mean",
            Self::Ratio => "ratio",
        }
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Result<Self> {
        match fields.text("metric")? {
            Some("proportion") => Ok(Self::Proportion),
            Some("mean") => Ok(Self::Mean),
            Some("ratio") => Ok(Self::Ratio),
            _ => Err(fields.wrong(
                "metric",
                fields.raw("metric").unwrap_or(&Json::Null),
                "it must be one of proportion, mean, ratio",
            )),
        }
    }
}

/// The sufficient statistics of one arm: the number of units, and means, variances (by n − 1) and
/// covariances of the value, of a ratio's denominator and of a covariate.
///
/// The covariate is what is known of a unit from before the experiment; it makes CUPED possible.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Arm {
    /// The variant.
    pub name: String,
    /// Units (users), not rows.
    pub n: u64,
    /// What a unit is, where it was said.
    pub unit: Option<String>,
    /// Means of the value, the denominator (1 if there is none) and the covariate (0).
    pub means: [f64; 3],
    /// Their covariances, in the same order; what is absent is 0.
    pub covariances: [[f64; 3]; 3],
    /// Whether a covariate is there.
    pub covariate: bool,
    /// Conversions, of a proportion.
    pub successes: Option<u64>,
}

const NAMES: [&str; 22] = [
    "name",
    "unit",
    "n",
    "successes",
    "sum",
    "sum_squares",
    "mean",
    "variance",
    "denominator_sum",
    "denominator_sum_squares",
    "denominator_mean",
    "denominator_variance",
    "sum_products",
    "covariance",
    "covariate_sum",
    "covariate_sum_squares",
    "covariate_mean",
    "covariate_variance",
    "covariate_sum_products",
    "covariate_covariance",
    "covariate_denominator_sum_products",
    "covariate_denominator_covariance",
];

impl Arm {
    /// Reads an arm.
    ///
    /// Moments come as sums (`sum`, `sum_squares`, `sum_products`) or about the mean (`mean`,
    /// `variance`, `covariance`, by n − 1); the second form keeps its digits where the mean is
    /// large beside the spread. `denominator_…` belongs to a ratio, `covariate_…` to CUPED.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for unknown names, numbers that are not finite, counts that
    /// are not whole, more successes than units, or moments that no data can have;
    /// [`ErrorKind::LimitExceeded`] where a moment overflows.
    pub fn from_json(metric: Metric, json: &Json) -> Result<Self> {
        Self::read("arm", metric, json)
    }

    pub(crate) fn read(what: &str, metric: Metric, json: &Json) -> Result<Self> {
        let fields = Fields::new(what, json, &NAMES)?;
        let name = fields.text("name")?.unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(fields.wrong("name", &Json::Null, "it must be a text that is not empty"));
        }
        let reader = Reader { fields, n: 0, what };
        let n = reader.count("n")?;
        let reader = Reader { n, ..reader };
        let mut arm = Self {
            name,
            n,
            unit: reader.fields.text("unit")?.map(str::to_owned),
            means: [0.0, 1.0, 0.0],
            covariances: [[0.0; 3]; 3],
            covariate: false,
            successes: None,
        };
        reader.refuse(metric)?;
        let [value, denominator, covariate] = &mut arm.means;
        let [[vv, vd, vc], [dv, dd, dc], [cv, cd, cc]] = &mut arm.covariances;
        if metric == Metric::Proportion {
            let successes = reader.count("successes")?;
            if successes > n {
                let given = json!(successes);
                return Err(reader.fields.wrong(
                    "successes",
                    &given,
                    &format!("it must be at most n, which is {n}"),
                ));
            }
            arm.successes = Some(successes);
            if n > 0 {
                *value = successes as f64 / n as f64;
            }
            if n > 1 {
                // n p (1 − p) / (n − 1), from whole numbers.
                *vv = successes as f64 * (n - successes) as f64 / (n as f64 * (n - 1) as f64);
            }
        } else {
            (*value, *vv) = reader.moments("")?;
        }
        if metric == Metric::Ratio {
            (*denominator, *dd) = reader.moments("denominator_")?;
            *vd = reader.joint(
                "sum_products",
                "covariance",
                (*value, *vv),
                (*denominator, *dd),
            )?;
        }
        if reader.has("covariate_") {
            arm.covariate = true;
            (*covariate, *cc) = reader.moments("covariate_")?;
            let names = ("covariate_sum_products", "covariate_covariance");
            *vc = reader.joint(names.0, names.1, (*value, *vv), (*covariate, *cc))?;
            if metric == Metric::Ratio {
                let names = (
                    "covariate_denominator_sum_products",
                    "covariate_denominator_covariance",
                );
                *dc = reader.joint(names.0, names.1, (*denominator, *dd), (*covariate, *cc))?;
            }
        }
        (*dv, *cv, *cd) = (*vd, *vc, *dc);
        Ok(arm)
    }

    /// The arm about its means: what [`Arm::from_json`] reads.
    #[must_use]
    pub fn to_json(&self, metric: Metric) -> Json {
        let [value, denominator, covariate] = self.means;
        let [[vv, vd, vc], [_, dd, dc], [_, _, cc]] = self.covariances;
        let mut map = Map::new();
        map.insert("name".into(), json!(self.name));
        if let Some(unit) = &self.unit {
            map.insert("unit".into(), json!(unit));
        }
        map.insert("n".into(), json!(self.n));
        let mut put = |name: &str, value: f64| {
            map.insert(name.to_owned(), json!(value));
        };
        match self.successes {
            Some(_) => {}
            None => {
                put("mean", value);
                put("variance", vv);
            }
        }
        if metric == Metric::Ratio {
            put("denominator_mean", denominator);
            put("denominator_variance", dd);
            put("covariance", vd);
        }
        if self.covariate {
            put("covariate_mean", covariate);
            put("covariate_variance", cc);
            put("covariate_covariance", vc);
            if metric == Metric::Ratio {
                put("covariate_denominator_covariance", dc);
            }
        }
        if let Some(successes) = self.successes {
            map.insert("successes".into(), json!(successes));
        }
        map.into()
    }
}

/// Reads a list of arms: two at least, of different names and one unit.
pub(crate) fn read_arms(what: &str, metric: Metric, value: Option<&Json>) -> Result<Vec<Arm>> {
    let list = value.and_then(Json::as_array).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("{what} is missing; it must be a list of arms, the control among them"),
        )
    })?;
    if list.len() < 2 || list.len() > ARMS {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("{what} has {} arms; there must be 2 to {ARMS}", list.len()),
        ));
    }
    let mut arms: Vec<Arm> = Vec::with_capacity(list.len());
    for (at, json) in list.iter().enumerate() {
        let arm = Arm::read(&format!("{what}[{at}]"), metric, json)?;
        if arms.iter().any(|other| other.name == arm.name) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{what}[{at}].name is {:?}, which comes twice", arm.name),
            ));
        }
        if let Some(first) = arms.first() {
            if first.unit != arm.unit {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "{what}[{at}].unit is {}, and {what}[0].unit {}; arms are compared by one unit",
                        said(arm.unit.as_deref()),
                        said(first.unit.as_deref())
                    ),
                ));
            }
            if first.covariate != arm.covariate {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("{what}[{at}]: all arms have a covariate, or none has"),
                ));
            }
        }
        arms.push(arm);
    }
    Ok(arms)
}

fn said(unit: Option<&str>) -> String {
    unit.map_or_else(|| "not said".to_owned(), |unit| format!("{unit:?}"))
}

/// The fields of one arm.
struct Reader<'a> {
    fields: Fields<'a>,
    n: u64,
    what: &'a str,
}

impl Reader<'_> {
    fn count(&self, name: &str) -> Result<u64> {
        if self.fields.get(name).is_none() {
            return Err(self.missing(name));
        }
        self.fields.whole(name, 0, 0, MOST)
    }

    fn missing(&self, name: &str) -> Error {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("{}.{name} is missing", self.what),
        )
    }

    fn number(&self, name: &str) -> Result<Option<f64>> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(_) => self.fields.number(name, 0.0, f64::MIN, f64::MAX).map(Some),
        }
    }

    fn has(&self, prefix: &str) -> bool {
        NAMES
            .iter()
            .any(|name| name.starts_with(prefix) && self.fields.get(name).is_some())
    }

    /// Refuses names that the metric has no use for.
    fn refuse(&self, metric: Metric) -> Result<()> {
        for name in NAMES {
            let belongs = match name {
                "name" | "unit" | "n" => true,
                "successes" => metric == Metric::Proportion,
                "sum" | "sum_squares" | "mean" | "variance" => metric != Metric::Proportion,
                "sum_products" | "covariance" => metric == Metric::Ratio,
                name if name.contains("denominator") => metric == Metric::Ratio,
                _ => true,
            };
            if let (false, Some(value)) = (belongs, self.fields.get(name)) {
                let rule = format!("the metric {} has none", metric.as_str());
                return Err(self.fields.wrong(name, value, &rule));
            }
        }
        Ok(())
    }

    /// Mean and variance of `sum` and `sum_squares`, or of `mean` and `variance`.
    fn moments(&self, prefix: &str) -> Result<(f64, f64)> {
        let name = |rest: &str| format!("{prefix}{rest}");
        let (sum, squares) = (
            self.number(&name("sum"))?,
            self.number(&name("sum_squares"))?,
        );
        let (mean, variance) = (self.number(&name("mean"))?, self.number(&name("variance"))?);
        let n = self.n as f64;
        let (mean, variance) = match (sum, squares, mean, variance) {
            (Some(sum), Some(squares), None, None) => {
                if self.n == 0 {
                    (0.0, 0.0)
                } else {
                    let mean = sum / n;
                    let spread = squares - sum * mean;
                    // Rounding may leave a little less than nothing of equal values.
                    let variance = if spread < 0.0 && -spread <= 1e-9 * squares {
                        0.0
                    } else {
                        spread / (n - 1.0).max(1.0)
                    };
                    (mean, variance)
                }
            }
            (None, None, Some(mean), Some(variance)) => (mean, variance),
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "{}: {prefix}sum and {prefix}sum_squares are needed, or {prefix}mean and \
                         {prefix}variance, and not both",
                        self.what
                    ),
                ));
            }
        };
        if !(mean.is_finite() && variance.is_finite()) {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("{}: the moments of {prefix}sum overflow", self.what),
            ));
        }
        if variance < 0.0 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{}: {prefix}variance is {variance}; squares sum to at least sum²/n",
                    self.what
                ),
            ));
        }
        Ok((mean, variance))
    }

    /// The covariance of two columns, of which (mean, variance) are known.
    fn joint(&self, sums: &str, about: &str, a: (f64, f64), b: (f64, f64)) -> Result<f64> {
        let n = self.n as f64;
        let covariance = match (self.number(sums)?, self.number(about)?) {
            (Some(products), None) => (products - n * a.0 * b.0) / (n - 1.0).max(1.0),
            (None, Some(covariance)) => covariance,
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("{}: {sums} is needed, or {about}, and not both", self.what),
                ));
            }
        };
        if !covariance.is_finite() {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("{}: {sums} overflows", self.what),
            ));
        }
        let most = libm::sqrt(a.1) * libm::sqrt(b.1);
        // Sums lose some digits; what is left over beyond the bound is that.
        let slack = 1e-6 * most + 1e-9 * (a.0 * b.0).abs();
        if covariance.abs() > most + slack {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{}.{about} is {covariance}; with these variances it lies within ±{most}",
                    self.what
                ),
            ));
        }
        Ok(covariance.clamp(-most, most))
    }
}
