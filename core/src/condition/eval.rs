//! The meaning of a compiled condition, for one value. `columns` is a faster way to the same
//! answers and falls back on this.

use super::js::{self, Actual};
use super::tree::{Node, Operand, Path, Relation, Scalar, Test};
use super::version;
use serde_json::{Map, Value};

/// The groups of `$inGroup`, if the caller gave any.
#[derive(Clone, Copy)]
pub(super) struct Groups<'a>(Option<&'a Map<String, Value>>);

impl<'a> Groups<'a> {
    pub(super) const NONE: Groups<'static> = Groups(None);

    pub(super) fn of(groups: &'a Map<String, Value>) -> Self {
        Groups(Some(groups))
    }

    fn members(self, name: &str) -> &'a [Value] {
        self.0
            .and_then(|groups| groups.get(name))
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

impl Node {
    pub(super) fn holds(&self, root: Actual<'_>, groups: Groups<'_>) -> bool {
        match self {
            Node::Never => false,
            Node::All(nodes) => nodes.iter().all(|node| node.holds(root, groups)),
            Node::Any(nodes) => nodes.iter().any(|node| node.holds(root, groups)),
            Node::Not(node) => !node.holds(root, groups),
            Node::Attribute(path, test) => {
                test.holds(path.rest_of(root.member(&path.first)), groups)
            }
        }
    }
}

impl Path {
    /// Follows the path from the value of its first name.
    pub(super) fn rest_of<'a>(&self, first: Actual<'a>) -> Actual<'a> {
        self.rest
            .iter()
            .fold(first, |value, name| value.member(name))
    }
}

impl Test {
    pub(super) fn holds(&self, actual: Actual<'_>, groups: Groups<'_>) -> bool {
        match self {
            Test::Never => false,
            Test::All(tests) => tests.iter().all(|test| test.holds(actual, groups)),
            Test::Not(test) => !test.holds(actual, groups),
            Test::Null => actual.is_null(),
            Test::Truthy(truth) => !actual.is_null() && actual.truthy() == *truth,
            Test::Number(x) => actual.to_number() == *x,
            Test::Text(text) => actual.text().is_some_and(|t| t == text.as_str()),
            Test::TextNoCase(text) => actual
                .text()
                .is_some_and(|t| js::lower(&t) == text.as_str()),
            Test::Json(value) => js::same(value, actual),
            Test::Is(scalar) => scalar.is(actual),
            Test::Order(relation, operand) => operand.compares(*relation, actual),
            Test::Version(relation, key) => {
                relation.admits(js::compare_text(&version::key(actual), key))
            }
            Test::Exists => !actual.is_null(),
            Test::Type(name) => actual.type_name() == *name,
            Test::OneOf(set) => one_or_some(actual, |value| set.contains(value)),
            Test::Group(name) => {
                let members = groups.members(name);
                one_or_some(actual, |value| {
                    members.iter().any(|member| identical(member, value))
                })
            }
            Test::Size(test) => match actual {
                Actual::Array(items) => test.holds(Actual::Number(items.len() as f64), groups),
                _ => false,
            },
            Test::Element(test) => some_element(actual, |item| test.holds(item, groups)),
            Test::ElementObject(node) => some_element(actual, |item| node.holds(item, groups)),
            Test::Every(tests) => match actual {
                Actual::Array(items) => tests
                    .iter()
                    .all(|test| items.iter().any(|item| test.holds(item.into(), groups))),
                _ => false,
            },
            Test::Regex(regex) => actual.text().is_some_and(|text| regex.is_match(&text)),
        }
    }
}

impl Operand {
    fn compares(&self, relation: Relation, actual: Actual<'_>) -> bool {
        if let Some(text) = &self.text
            && let Some(actual) = actual.comparable_text()
        {
            return relation.admits(js::compare_text(&actual, text));
        }
        self.compares_number(relation, actual.to_number())
    }

    /// The comparison with a number: false if either side is not one.
    #[inline]
    pub(super) fn compares_number(&self, relation: Relation, actual: f64) -> bool {
        actual
            .partial_cmp(&self.number)
            .is_some_and(|ordering| relation.admits(ordering))
    }
}

/// The rule of `$in`: of the value, or if it is an array of one of its elements.
fn one_or_some(actual: Actual<'_>, accept: impl Fn(Actual<'_>) -> bool) -> bool {
    match actual {
        Actual::Array(items) => items.iter().any(|item| accept(item.into())),
        value => accept(value),
    }
}

/// The rule of `$elemMatch`, which passes over falsy elements.
fn some_element(actual: Actual<'_>, accept: impl Fn(Actual<'_>) -> bool) -> bool {
    match actual {
        Actual::Array(items) => items
            .iter()
            .map(Actual::from)
            .any(|item| item.truthy() && accept(item)),
        _ => false,
    }
}

fn identical(member: &Value, actual: Actual<'_>) -> bool {
    Scalar::of(member).is_some_and(|scalar| scalar.is(actual))
}
