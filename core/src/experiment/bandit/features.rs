//! From what is known of a user and an arm to the vectors of a linear model.
//!
//! Numbers become multiples of 2⁻³² once, so that what is learnt from and what is asked with are
//! the same, and their products can be added up as integers.

use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result, shown};
use crate::fields::Fields;

/// The largest feature, in both directions; interactions too.
pub(super) const MAX_FEATURE: f64 = 1_000.0;
const UNIT: f64 = 4_294_967_296.0;
/// The longest vector of an arm, and of all arms together.
const MAX_WIDTH: usize = 1_000;

/// Which coefficients arms have of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// Each arm its own: `x = [1, context, arm]`.
    Disjoint,
    /// All arms the same: `z = [1, context, arm]`.
    Shared,
    /// Both: `x = [1, context]`, `z = [arm]`.
    Hybrid,
}

impl Model {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Disjoint => "disjoint",
            Self::Shared => "shared",
            Self::Hybrid => "hybrid",
        }
    }

    pub(super) fn read(fields: &Fields<'_>) -> Result<Self> {
        match fields.text("model")? {
            None | Some("disjoint") => Ok(Self::Disjoint),
            Some("shared") => Ok(Self::Shared),
            Some("hybrid") => Ok(Self::Hybrid),
            Some(given) => Err(fields.wrong(
                "model",
                &given.into(),
                "it must be one of disjoint, shared, hybrid",
            )),
        }
    }
}

/// What the vectors are made of, and how long they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) model: Model,
    pub(super) interactions: bool,
    pub(super) context: Vec<String>,
    pub(super) arm: Vec<String>,
    /// The length of an arm's own vector x; 0 without one.
    pub(super) own: usize,
    /// The length of the shared vector z; 0 without one.
    pub(super) shared: usize,
}

/// The vectors of one arm, as multiples of 2⁻³².
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Vectors {
    pub(super) own: Vec<i64>,
    pub(super) shared: Vec<i64>,
}

/// Numbers of the upper triangle of a matrix.
pub(super) fn triangle(width: usize) -> usize {
    width * (width + 1) / 2
}

impl Shape {
    pub(super) fn of_features(
        linear: bool,
        model: Model,
        interactions: bool,
        context: Vec<String>,
        arm: Vec<String>,
    ) -> Result<Self> {
        let (c, a) = (context.len(), arm.len());
        let crossed = if interactions { c.saturating_mul(a) } else { 0 };
        let all = 1usize
            .saturating_add(c)
            .saturating_add(a)
            .saturating_add(crossed);
        let (own, shared) = match model {
            _ if !linear => (0, 0),
            Model::Disjoint => (all, 0),
            Model::Shared => (0, all),
            Model::Hybrid => (1 + c, a.saturating_add(crossed)),
        };
        if linear && model == Model::Hybrid && a == 0 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "bandit.features.arm is empty; a hybrid model has shared coefficients for features of arms",
            ));
        }
        if own > MAX_WIDTH || shared > MAX_WIDTH {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "bandit.features: vectors of {own} and {shared} numbers; at most {MAX_WIDTH}"
                ),
            ));
        }
        Ok(Self {
            model,
            interactions,
            context,
            arm,
            own,
            shared,
        })
    }

    /// One number a variant, and the intercept.
    pub(super) fn of_factors(variants: usize) -> Self {
        Self {
            model: Model::Shared,
            interactions: false,
            context: Vec::new(),
            arm: Vec::new(),
            own: 0,
            shared: 1 + variants,
        }
    }

    /// Integers in a cell of an arm: rewards, their squares, and the sums of its vectors.
    pub(super) fn numbers_per_arm(&self) -> usize {
        2 + triangle(self.own) + self.own + self.own * self.shared
    }

    /// Integers in a shared cell.
    pub(super) fn shared_numbers(&self) -> usize {
        triangle(self.shared) + self.shared
    }

    /// The vectors from a context and an arm's features, both checked already.
    pub(super) fn vectors(&self, context: &[f64], arm: &[f64]) -> Result<Vectors> {
        if self.own == 0 && self.shared == 0 {
            return Ok(Vectors::default());
        }
        let fixed = |&value: &f64| to_fixed(value);
        let one = std::iter::once(to_fixed(1.0));
        let context_part = || context.iter().map(fixed);
        let arm_part = || arm.iter().map(fixed);
        let mut crossed = Vec::new();
        if self.interactions {
            for &c in context {
                for &a in arm {
                    let product = from_fixed(to_fixed(c)) * from_fixed(to_fixed(a));
                    if product.abs() > MAX_FEATURE {
                        return Err(Error::new(
                            ErrorKind::InvalidWeight,
                            format!(
                                "the product of the features {c} and {a} is beyond ±{MAX_FEATURE}"
                            ),
                        ));
                    }
                    crossed.push(to_fixed(product));
                }
            }
        }
        Ok(match self.model {
            Model::Disjoint => Vectors {
                own: one
                    .chain(context_part())
                    .chain(arm_part())
                    .chain(crossed)
                    .collect(),
                shared: Vec::new(),
            },
            Model::Shared => Vectors {
                own: Vec::new(),
                shared: one
                    .chain(context_part())
                    .chain(arm_part())
                    .chain(crossed)
                    .collect(),
            },
            Model::Hybrid => Vectors {
                own: one.chain(context_part()).collect(),
                shared: arm_part().chain(crossed).collect(),
            },
        })
    }

    /// The vector that tells one variant from the others of its factor.
    pub(super) fn of_variant(&self, place: usize) -> Vectors {
        let mut vectors = self.of_places(&[place]);
        if let Some(intercept) = vectors.shared.first_mut() {
            *intercept = 0;
        }
        vectors
    }

    /// The vector of a combination: the places of its variants.
    pub(super) fn of_places(&self, places: &[usize]) -> Vectors {
        let mut shared = vec![0; self.shared];
        if let Some(intercept) = shared.first_mut() {
            *intercept = to_fixed(1.0);
        }
        for place in places {
            if let Some(number) = shared.get_mut(place + 1) {
                *number = to_fixed(1.0);
            }
        }
        Vectors {
            own: Vec::new(),
            shared,
        }
    }
}

/// A feature as the nearest multiple of 2⁻³², halves upwards.
pub(super) fn to_fixed(value: f64) -> i64 {
    libm::floor(value * UNIT + 0.5) as i64
}

/// Back; exact.
pub(super) fn from_fixed(value: i64) -> f64 {
    value as f64 / UNIT
}

/// Checks one feature.
pub(super) fn check(what: &str, value: f64) -> Result<()> {
    if value.abs() <= MAX_FEATURE {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidWeight,
        format!("{what} is {value}; a feature is a number within ±{MAX_FEATURE}"),
    ))
}

/// Reads features as an object by names or a list in their order; none where there are none.
pub(super) fn read(what: &str, names: &[String], given: Option<&Json>) -> Result<Vec<f64>> {
    let number = |what: &str, value: &Json| -> Result<f64> {
        let found = match value {
            Json::Bool(flag) => Some(f64::from(u8::from(*flag))),
            other => other.as_f64(),
        };
        let found = found.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{what} is {}; it must be a number",
                    shown(&value.to_string())
                ),
            )
        })?;
        check(what, found)?;
        Ok(found)
    };
    match given {
        None if names.is_empty() => Ok(Vec::new()),
        Some(Json::Array(list)) => {
            if list.len() != names.len() {
                return Err(length(what, list.len(), names.len()));
            }
            let each = list.iter().enumerate();
            each.map(|(at, value)| number(&format!("{what}[{at}]"), value))
                .collect()
        }
        Some(given @ Json::Object(map)) => {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            Fields::new(what, given, &known)?;
            let each = names.iter().map(|name| {
                let value = map.get(name).ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidArgument,
                        format!("{what}.{} is missing; every feature is given", shown(name)),
                    )
                })?;
                number(&format!("{what}.{}", shown(name)), value)
            });
            each.collect()
        }
        None => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("{what} is missing; the features are {}", names.join(", ")),
        )),
        Some(other) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{what} is {}; it must be an object or a list",
                shown(&other.to_string())
            ),
        )),
    }
}

pub(super) fn length(what: &str, found: usize, expected: usize) -> Error {
    Error::new(
        ErrorKind::LengthMismatch,
        format!("{what} has {found} numbers; it must have {expected}"),
    )
}
