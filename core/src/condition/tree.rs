//! The compiled form of a condition. `compile` builds it, `eval` and `columns` read it.

use super::js::{self, Actual};
use regex_lite::Regex;
use serde_json::Value;
use std::cmp::Ordering;

/// A condition on an object.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// What lenient reading could not understand.
    Never,
    /// All hold; true if empty.
    All(Vec<Node>),
    /// At least one holds; false if empty.
    Any(Vec<Node>),
    Not(Box<Node>),
    /// The value at a path fulfils the test.
    Attribute(Path, Test),
}

/// A dotted path. The first name is the one that has a column.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) first: String,
    pub(super) rest: Vec<String>,
}

/// A condition on one value.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// What lenient reading could not understand, or what no value fulfils.
    Never,
    All(Vec<Test>),
    Not(Box<Test>),
    /// Plain equality, with JavaScript's conversions.
    Null,
    Truthy(bool),
    Number(f64),
    Text(String),
    /// Plain equality of text without regard to case; the text is in lower case.
    TextNoCase(String),
    Json(Value),
    /// `$eq`: the same value of the same type.
    Is(Scalar),
    Order(Relation, Operand),
    Version(Relation, String),
    Exists,
    Type(&'static str),
    OneOf(Set),
    Group(String),
    Size(Box<Test>),
    /// `$elemMatch` with operators, or with a condition on the element as an object.
    Element(Box<Test>),
    ElementObject(Box<Node>),
    /// `$all`.
    Every(Vec<Test>),
    Regex(Regex),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Scalar {
    pub(super) fn is(&self, actual: Actual<'_>) -> bool {
        match (self, actual) {
            (Scalar::Null, Actual::Null) => true,
            (Scalar::Bool(a), Actual::Bool(b)) => *a == b,
            (Scalar::Number(a), Actual::Number(b)) => *a == b,
            (Scalar::Text(a), Actual::Text(b)) => a == b,
            _ => false,
        }
    }

    /// The scalar of a value, if it is one.
    pub(super) fn of(value: &Value) -> Option<Scalar> {
        match Actual::from(value) {
            Actual::Null => Some(Scalar::Null),
            Actual::Bool(b) => Some(Scalar::Bool(b)),
            Actual::Number(x) => Some(Scalar::Number(x)),
            Actual::Text(s) => Some(Scalar::Text(s.to_owned())),
            Actual::Array(_) | Actual::Object(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

impl Relation {
    #[inline]
    pub(super) fn admits(self, ordering: Ordering) -> bool {
        match self {
            Relation::Less => ordering.is_lt(),
            Relation::LessOrEqual => ordering.is_le(),
            Relation::Greater => ordering.is_gt(),
            Relation::GreaterOrEqual => ordering.is_ge(),
            Relation::Equal => ordering.is_eq(),
        }
    }
}

/// The right side of a comparison: as a number (NaN if it is none), and as text if it is text.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) number: f64,
    pub(super) text: Option<String>,
}

/// The list of `$in`, sorted for binary search. Arrays and objects in the list are left out:
/// they are compared by identity in the language, so nothing equals them.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    null: bool,
    falsehood: bool,
    truth: bool,
    numbers: Vec<f64>,
    texts: Vec<String>,
    ignore_case: bool,
}

impl Set {
    pub(super) fn new(items: &[Value], ignore_case: bool) -> Set {
        let mut set = Set {
            ignore_case,
            ..Set::default()
        };
        for item in items {
            match Actual::from(item) {
                Actual::Null => set.null = true,
                Actual::Bool(true) => set.truth = true,
                Actual::Bool(false) => set.falsehood = true,
                Actual::Number(x) => set.numbers.push(positive_zero(x)),
                Actual::Text(s) if ignore_case => set.texts.push(js::lower(s).into_owned()),
                Actual::Text(s) => set.texts.push(s.to_owned()),
                Actual::Array(_) | Actual::Object(_) => {}
            }
        }
        set.numbers.sort_unstable_by(f64::total_cmp);
        set.numbers.dedup();
        set.texts.sort_unstable();
        set.texts.dedup();
        set
    }

    pub(super) fn contains(&self, actual: Actual<'_>) -> bool {
        match actual {
            Actual::Null => self.null,
            Actual::Bool(true) => self.truth,
            Actual::Bool(false) => self.falsehood,
            Actual::Number(x) => {
                let x = positive_zero(x);
                self.numbers.binary_search_by(|n| n.total_cmp(&x)).is_ok()
            }
            Actual::Text(s) if self.ignore_case => self.has_text(&js::lower(s)),
            Actual::Text(s) => self.has_text(s),
            Actual::Array(_) | Actual::Object(_) => false,
        }
    }

    fn has_text(&self, text: &str) -> bool {
        self.texts
            .binary_search_by(|t| t.as_str().cmp(text))
            .is_ok()
    }
}

/// `total_cmp` puts −0 before 0, but the language has them equal.
fn positive_zero(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x }
}
