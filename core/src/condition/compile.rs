//! From JSON to the compiled tree, with the rules that strict reading enforces.

use super::js::{self, Actual};
use super::site::{At, check_size, describe, error};
use super::tree::{Node, Operand, Path, Relation, Scalar, Set, Test};
use super::{MAX_DEPTH, MAX_PATTERN_BYTES, MAX_PATTERNS, version};
use crate::error::{Result, shown};
use regex_lite::{Regex, RegexBuilder};
use serde_json::{Map, Value};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Strict,
    Lenient,
}

/// The memory that one regular expression may take, in bytes.
const PATTERN_SIZE_LIMIT: usize = 512 * 1024;

/// All operators on values, in the order in which a message lists them.
const OPERATORS: &[&str] = &[
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$ini",
    "$nini",
    "$inGroup",
    "$notInGroup",
    "$all",
    "$alli",
    "$elemMatch",
    "$size",
    "$exists",
    "$type",
    "$regex",
    "$regexi",
    "$veq",
    "$vne",
    "$vgt",
    "$vgte",
    "$vlt",
    "$vlte",
    "$not",
];

const TYPES: &[&str] = &["null", "boolean", "number", "string", "array", "object"];

/// Compiles a whole condition.
pub(super) fn condition(value: &Value, mode: Mode) -> Result<Node> {
    check_size(value)?;
    Compiler { mode, patterns: 0 }.node(value, &At::ROOT)
}

/// The entries of an object of operators: not empty, and every key begins with `$`.
fn operators(value: &Value) -> Option<&Map<String, Value>> {
    value
        .as_object()
        .filter(|map| !map.is_empty() && map.keys().all(|key| key.starts_with('$')))
}

struct Compiler {
    mode: Mode,
    patterns: usize,
}

impl Compiler {
    /// A value that breaks a rule: an error in strict reading, else the caller goes on with what
    /// the SDK makes of it.
    fn refuse(&self, at: &At<'_>, value: &Value, rule: &str) -> Result<()> {
        match self.mode {
            Mode::Strict => Err(error(at, format!("{} {rule}", describe(value)))),
            Mode::Lenient => Ok(()),
        }
    }

    fn node(&mut self, value: &Value, at: &At<'_>) -> Result<Node> {
        let Some(map) = value.as_object() else {
            self.refuse(at, value, "is not a condition; a condition is an object")?;
            return Ok(Node::Never);
        };
        let mut nodes = Vec::with_capacity(map.len());
        for (key, operand) in map {
            nodes.push(self.entry(key, operand, &at.key(key))?);
        }
        Ok(Node::All(nodes))
    }

    fn entry(&mut self, key: &str, operand: &Value, at: &At<'_>) -> Result<Node> {
        match key {
            "$and" => Ok(self.nodes(operand, at)?.map_or(Node::Never, Node::All)),
            "$or" => Ok(self.nodes(operand, at)?.map_or(Node::Never, any)),
            "$nor" => Ok(self
                .nodes(operand, at)?
                .map_or(Node::Never, |nodes| Node::Not(any(nodes).into()))),
            "$not" if operand.is_object() => Ok(Node::Not(self.node(operand, at)?.into())),
            // Not negated: an operand that is no condition makes the operator false.
            "$not" => self.node(operand, at),
            _ => {
                if key.starts_with('$') {
                    self.check_dollar_attribute(key, operand, at)?;
                }
                let mut names = key.split('.').map(str::to_owned);
                let first = names.next().unwrap_or_default();
                let path = Path {
                    first,
                    rest: names.collect(),
                };
                Ok(Node::Attribute(path, self.test(operand, at)?))
            }
        }
    }

    /// The vectors have an attribute `$groups`, so a leading `$` does not make an operator. But
    /// where only an operator can be meant, its misspelling must not become an attribute.
    fn check_dollar_attribute(&self, key: &str, operand: &Value, at: &At<'_>) -> Result<()> {
        if self.mode == Mode::Lenient {
            return Ok(());
        }
        if OPERATORS.contains(&key) {
            let rule = format!(
                "the operator {key} belongs inside an attribute, as in {{\"price\": {{{key:?}: …}}}}"
            );
            return Err(error(at, rule));
        }
        if operators(operand).is_none() {
            let rule = "unknown operator; on conditions there are $and, $or, $nor, $not";
            return Err(error(at, format!("{rule} (found {})", describe(operand))));
        }
        Ok(())
    }

    fn nodes(&mut self, value: &Value, at: &At<'_>) -> Result<Option<Vec<Node>>> {
        let Some(items) = value.as_array() else {
            self.refuse(at, value, "is not an array of conditions")?;
            return Ok(None);
        };
        items
            .iter()
            .enumerate()
            .map(|(i, item)| self.node(item, &at.index(i)))
            .collect::<Result<_>>()
            .map(Some)
    }

    /// Plain JSON or an object of operators.
    fn test(&mut self, value: &Value, at: &At<'_>) -> Result<Test> {
        Ok(match Actual::from(value) {
            Actual::Null => Test::Null,
            Actual::Bool(truth) => Test::Truthy(truth),
            Actual::Number(x) => Test::Number(x),
            Actual::Text(text) => Test::Text(text.to_owned()),
            Actual::Array(_) => Test::Json(value.clone()),
            Actual::Object(map) => {
                let Some(map) = operators(value) else {
                    if map.keys().any(|key| key.starts_with('$')) {
                        self.refuse(at, value, "mixes operators with other keys")?;
                    }
                    return Ok(Test::Json(value.clone()));
                };
                let mut tests = Vec::with_capacity(map.len());
                for (name, operand) in map {
                    tests.push(self.operator(name, operand, &at.key(name))?);
                }
                if tests.len() == 1 {
                    tests.swap_remove(0)
                } else {
                    Test::All(tests)
                }
            }
        })
    }

    fn tests(&mut self, value: &Value, at: &At<'_>) -> Result<Option<Vec<Test>>> {
        let Some(items) = self.list(value, at)? else {
            return Ok(None);
        };
        let tests = items
            .iter()
            .enumerate()
            .map(|(i, item)| self.test(item, &at.index(i)));
        tests.collect::<Result<_>>().map(Some)
    }

    fn operator(&mut self, name: &str, operand: &Value, at: &At<'_>) -> Result<Test> {
        match name {
            "$eq" => Ok(self.scalar(operand, at)?.map_or(Test::Never, Test::Is)),
            // In lenient reading nothing equals an array, so everything is different from it.
            "$ne" => Ok(not(self.scalar(operand, at)?.map_or(Test::Never, Test::Is))),
            "$lt" => self.order(Relation::Less, operand, at),
            "$lte" => self.order(Relation::LessOrEqual, operand, at),
            "$gt" => self.order(Relation::Greater, operand, at),
            "$gte" => self.order(Relation::GreaterOrEqual, operand, at),
            "$veq" => self.version(Relation::Equal, operand, at),
            "$vne" => Ok(not(self.version(Relation::Equal, operand, at)?)),
            "$vlt" => self.version(Relation::Less, operand, at),
            "$vlte" => self.version(Relation::LessOrEqual, operand, at),
            "$vgt" => self.version(Relation::Greater, operand, at),
            "$vgte" => self.version(Relation::GreaterOrEqual, operand, at),
            "$in" => Ok(self
                .set(operand, false, at)?
                .map_or(Test::Never, Test::OneOf)),
            "$ini" => Ok(self
                .set(operand, true, at)?
                .map_or(Test::Never, Test::OneOf)),
            "$nin" => Ok(self
                .set(operand, false, at)?
                .map_or(Test::Never, |s| not(Test::OneOf(s)))),
            "$nini" => Ok(self
                .set(operand, true, at)?
                .map_or(Test::Never, |s| not(Test::OneOf(s)))),
            "$inGroup" => self.group(operand, at),
            "$notInGroup" => Ok(not(self.group(operand, at)?)),
            "$all" => Ok(self.tests(operand, at)?.map_or(Test::Never, Test::Every)),
            "$alli" => Ok(self.tests(operand, at)?.map_or(Test::Never, |mut tests| {
                tests.iter_mut().for_each(ignore_case);
                Test::Every(tests)
            })),
            "$elemMatch" => self.element(operand, at),
            "$size" => {
                if !operand.is_number() && operators(operand).is_none() {
                    self.refuse(at, operand, "is not a number or an object of operators")?;
                }
                Ok(Test::Size(self.test(operand, at)?.into()))
            }
            "$exists" => {
                if !operand.is_boolean() {
                    self.refuse(at, operand, "is not a boolean")?;
                }
                let wanted = Actual::from(operand).truthy();
                Ok(if wanted {
                    Test::Exists
                } else {
                    not(Test::Exists)
                })
            }
            "$type" => {
                let found = TYPES.iter().find(|name| operand.as_str() == Some(name));
                if found.is_none() {
                    self.refuse(
                        at,
                        operand,
                        &format!("is not a type; the types are {}", TYPES.join(", ")),
                    )?;
                }
                Ok(found.map_or(Test::Never, |name| Test::Type(name)))
            }
            "$regex" => self.regex(operand, false, at),
            "$regexi" => self.regex(operand, true, at),
            "$not" => Ok(not(self.test(operand, at)?)),
            _ if self.mode == Mode::Strict => {
                let known = OPERATORS.join(", ");
                Err(error(
                    at,
                    format!(
                        "unknown operator {}; on values there are {known}",
                        shown(name)
                    ),
                ))
            }
            _ => Ok(Test::Never),
        }
    }

    fn scalar(&self, value: &Value, at: &At<'_>) -> Result<Option<Scalar>> {
        let scalar = Scalar::of(value);
        if scalar.is_none() {
            self.refuse(
                at,
                value,
                "is not a scalar; compare arrays and objects without an operator",
            )?;
        }
        Ok(scalar)
    }

    fn list<'a>(&self, value: &'a Value, at: &At<'_>) -> Result<Option<&'a [Value]>> {
        if !value.is_array() {
            self.refuse(at, value, "is not an array")?;
        }
        Ok(value.as_array().map(Vec::as_slice))
    }

    fn text<'a>(&self, value: &'a Value, at: &At<'_>) -> Result<Option<&'a str>> {
        if !value.is_string() {
            self.refuse(at, value, "is not a string")?;
        }
        Ok(value.as_str())
    }

    fn set(&self, value: &Value, ignore_case: bool, at: &At<'_>) -> Result<Option<Set>> {
        let Some(items) = self.list(value, at)? else {
            return Ok(None);
        };
        for (i, item) in items.iter().enumerate() {
            self.scalar(item, &at.index(i))?;
        }
        Ok(Some(Set::new(items, ignore_case)))
    }

    fn order(&self, relation: Relation, value: &Value, at: &At<'_>) -> Result<Test> {
        if !value.is_number() && !value.is_string() {
            self.refuse(at, value, "is not a number or a string")?;
        }
        let actual = Actual::from(value);
        let text = actual.comparable_text().map(Into::into);
        Ok(Test::Order(
            relation,
            Operand {
                number: actual.to_number(),
                text,
            },
        ))
    }

    fn version(&self, relation: Relation, value: &Value, at: &At<'_>) -> Result<Test> {
        if !value.is_number() && !value.is_string() {
            self.refuse(at, value, "is not a version, a string or a number")?;
        }
        Ok(Test::Version(relation, version::key(value.into())))
    }

    fn group(&self, value: &Value, at: &At<'_>) -> Result<Test> {
        self.text(value, at)?;
        let name = Actual::from(value).text().unwrap_or("null".into());
        Ok(Test::Group(name.into_owned()))
    }

    fn element(&mut self, operand: &Value, at: &At<'_>) -> Result<Test> {
        if operators(operand).is_some() {
            return Ok(Test::Element(self.test(operand, at)?.into()));
        }
        Ok(Test::ElementObject(self.node(operand, at)?.into()))
    }

    fn regex(&mut self, operand: &Value, ignore_case: bool, at: &At<'_>) -> Result<Test> {
        let Some(pattern) = self.text(operand, at)? else {
            return Ok(Test::Never);
        };
        self.patterns += 1;
        if pattern.len() > MAX_PATTERN_BYTES {
            let rule = format!(
                "{} is longer than {MAX_PATTERN_BYTES} bytes",
                shown(pattern)
            );
            return Err(error(at, rule));
        }
        if self.patterns > MAX_PATTERNS {
            let rule = format!("the condition has more than {MAX_PATTERNS} regular expressions");
            return Err(error(at, rule));
        }
        match compile_regex(pattern, ignore_case) {
            Ok(regex) => Ok(Test::Regex(regex)),
            Err(_) if self.mode == Mode::Lenient => Ok(Test::Never),
            Err(cause) => {
                let rule = format!("{} is not a regular expression: {cause}", shown(pattern));
                Err(error(at, rule).with_source(cause))
            }
        }
    }
}

fn compile_regex(pattern: &str, ignore_case: bool) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(pattern)
        .case_insensitive(ignore_case)
        .size_limit(PATTERN_SIZE_LIMIT)
        .nest_limit(MAX_DEPTH as u32)
        .build()
}

/// `$or`, which holds for an empty list.
fn any(nodes: Vec<Node>) -> Node {
    if nodes.is_empty() {
        Node::All(nodes)
    } else {
        Node::Any(nodes)
    }
}

fn not(test: Test) -> Test {
    Test::Not(test.into())
}

/// `$alli` reaches only the plain strings in its list.
fn ignore_case(test: &mut Test) {
    if let Test::Text(text) = test {
        *test = Test::TextNoCase(js::lower(text).into_owned());
    }
}
