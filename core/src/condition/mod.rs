//! One predicate language for filters, segments, targeting and rules.
//!
//! A condition is JSON in the style of MongoDB, as GrowthBook's public SDK vectors define it
//! (`cases.json`, spec version 0.8.0, kept as data in `core/conformance/conditions.json`). It is
//! compiled once into a [`Condition`], and then asked about one JSON object
//! ([`Condition::matches`]) or about all rows of a columnar catalog at once
//! ([`Condition::matches_rows`]); both give the same answers, bit for bit.
//!
//! The module is pure: it reads its arguments and nothing else (no catalog, clock, file or
//! random number), and it may use only `error` and `bitset`. Compiling costs time linear in the
//! size of the JSON; a match costs a walk over the compiled tree. Every recursion is bounded by
//! [`MAX_DEPTH`], and text is matched by regular expressions in time linear in its length, so
//! that a condition from a stranger can be slow only in proportion to its size.
//!
//! # The language
//!
//! A condition is an object. All of its entries must hold.
//!
//! | entry | holds if |
//! |---|---|
//! | `"a.b": X` | the value at the path `a.b` fulfils `X` (below); a missing value is null |
//! | `"$and": [C…]`, `"$or": [C…]` | all, or at least one, of the conditions hold; **both hold for `[]`** |
//! | `"$nor": [C…]` | `$or` does not hold; so `[]` never holds |
//! | `"$not": C` | `C` does not hold |
//!
//! `X` is plain JSON, or an object of operators, all of which must hold:
//!
//! | operator | operand | holds if the value |
//! |---|---|---|
//! | plain string | | as text is that string: `8` is `"8"`, `["a", "b"]` is `"a,b"`; null has no text |
//! | plain number | | as a number is that number: `"8"` and `true` count, null is 0 |
//! | plain boolean | | is not null and is truthy (not `false`, `0`, `""`), or is not |
//! | plain null | | is null or missing |
//! | plain array or object | | is equal in depth; the order of keys does not matter |
//! | `$eq`, `$ne` | scalar | is (is not) this value **of the same type**; an array or object never is |
//! | `$gt`, `$gte`, `$lt`, `$lte` | number or string | compares so; two strings by UTF-16 units, anything else as numbers (null is 0, `"8"` is 8, other text is incomparable) |
//! | `$in`, `$nin` | array | is (is not) in it, by `$eq`; an array if one of its elements is |
//! | `$ini`, `$nini` | array | the same without regard to case |
//! | `$inGroup`, `$notInGroup` | name of a group | is (is not) in that group, as `$in`; an unknown group is empty |
//! | `$all` | array of `X` | is an array in which each `X` is fulfilled by some element |
//! | `$alli` | array of `X` | the same, plain strings without regard to case |
//! | `$elemMatch` | operators, or a condition | is an array with an element, other than null, `false`, `0` and `""`, that fulfils it |
//! | `$size` | number or operators | is an array whose length fulfils it |
//! | `$exists` | boolean | is there and not null (or is not) |
//! | `$type` | name | is of the type `null`, `boolean`, `number`, `string`, `array` or `object` |
//! | `$regex`, `$regexi` | pattern | as text has a match; null has no text |
//! | `$veq`, `$vne`, `$vgt`, `$vgte`, `$vlt`, `$vlte` | version | compares so as a semantic version |
//! | `$not` | `X` | does not fulfil `X` |
//!
//! Numbers are 64-bit floats, as in JavaScript; a number beyond them counts as null. A path
//! enters an array by index (`tags.0`) or asks for its `length`.
//!
//! Where the vectors are silent, the module does what GrowthBook's JavaScript SDK does, with
//! these exceptions: null has no text (there, a missing value matches the pattern `null`); the
//! order of keys does not count when objects are compared; inherited names such as `toString`
//! are not attributes; and in lenient reading an entry is false, negating or not, if its operand
//! cannot be read: `$and`, `$or` and `$nor` without an array, `$not` and `$elemMatch` without an
//! object (where the SDK throws, or answers by an accident of the language). Other operands of
//! a wrong type are converted as the SDK converts them; strict reading refuses them all.
//!
//! # Regular expressions
//!
//! Patterns have the syntax of the crate `regex-lite`, whose matching time is linear. Other than
//! in JavaScript there are no look-around and no back-references (an invalid condition in strict
//! reading); `.` is a whole character; `\d`, `\w`, `\s`, `\b` and the case-insensitivity of
//! `$regexi` know ASCII only; there are no Unicode classes (`\p{…}`); and the inline flags
//! `(?imsx)` and `\A`, `\z` have their meaning.

mod columns;
mod compile;
mod eval;
mod js;
mod rows;
mod site;
#[cfg(test)]
mod tests;
mod tree;
mod version;

use crate::bitset::BitSet;
use crate::error::Result;
use compile::Mode;
use eval::Groups;
use js::Actual;
use serde_json::{Map, Value};
use tree::Node;

pub use rows::{Column, Rows};

/// A value as JavaScript's text, as plain equality compares it; null has none.
pub(crate) fn text_of(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    Actual::from(value).text()
}

/// Whether JavaScript takes a value for true.
pub(crate) fn is_truthy(value: &Value) -> bool {
    Actual::from(value).truthy()
}

/// A text as a number, as JavaScript reads it; NaN if it is none.
pub(crate) fn number_of(text: &str) -> f64 {
    js::text_number(text)
}

/// The deepest nesting of arrays and objects in a condition; the outermost object is level 1.
pub const MAX_DEPTH: usize = 64;

/// The most JSON values (objects, arrays and scalars together) in one condition. A longer list
/// of values is a matter for a group.
pub const MAX_NODES: usize = 10_000;

/// The longest regular expression, in bytes.
pub const MAX_PATTERN_BYTES: usize = 4096;

/// The most regular expressions in one condition.
pub const MAX_PATTERNS: usize = 128;

/// A compiled condition.
///
/// It owns all that it needs, is `Send` and `Sync`, and never changes; compile once and share it.
/// The [module documentation](self) describes the language.
///
/// ```
/// use tastemaker::condition::Condition;
/// use tastemaker::json::json;
///
/// let cosy = Condition::parse(&json!({
///     "price": { "$lt": 200 },
///     "$or": [{ "place.country": "NZ" }, { "tags": { "$in": ["hut", "cabin"] } }],
/// }))?;
/// assert!(cosy.matches(&json!({ "price": 120, "tags": ["cabin", "lake"] })));
/// assert!(!cosy.matches(&json!({ "price": 120, "place": { "country": "DE" } })));
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Condition {
    root: Node,
}

impl Condition {
    /// Compiles a condition and refuses what cannot be meant: the reading for code and for
    /// people who write filters.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCondition`](crate::ErrorKind::InvalidCondition), with the path, the
    /// value and the rule, for an unknown operator, an operand of the wrong type, operators mixed
    /// with other keys, a regular expression that does not compile (or needs more than 512 KiB),
    /// and for what is beyond [`MAX_DEPTH`], [`MAX_NODES`], [`MAX_PATTERN_BYTES`] or
    /// [`MAX_PATTERNS`]. A key that begins with `$` is an attribute only if its value is an object
    /// of operators.
    ///
    /// # Cost
    /// Time and memory linear in the JSON, times a logarithm for the lists of `$in`; a regular
    /// expression takes up to 512 KiB.
    ///
    /// ```
    /// use tastemaker::condition::Condition;
    /// use tastemaker::json::json;
    ///
    /// let err = Condition::parse(&json!({ "price": { "$gtt": 5 } })).unwrap_err();
    /// assert_eq!(err.code(), "invalid_condition");
    /// assert!(err.message().starts_with("$.price.$gtt: "), "{err}");
    /// ```
    pub fn parse(value: &Value) -> Result<Condition> {
        Ok(Condition {
            root: compile::condition(value, Mode::Strict)?,
        })
    }

    /// Compiles a condition as GrowthBook's SDKs read it: an unknown operator or an invalid
    /// regular expression is not an error, but false wherever it is asked (and so true under
    /// `$not`); operands of a wrong type are converted, or are false too, as the
    /// [module documentation](self) says. So a rule from a newer server is kept, and does not
    /// match.
    ///
    /// A condition that is not an object matches nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCondition`](crate::ErrorKind::InvalidCondition) only for what is beyond
    /// [`MAX_DEPTH`], [`MAX_NODES`], [`MAX_PATTERN_BYTES`] or [`MAX_PATTERNS`].
    ///
    /// # Cost
    /// As [`parse`](Self::parse).
    ///
    /// ```
    /// use tastemaker::condition::Condition;
    /// use tastemaker::json::json;
    ///
    /// let newer = Condition::parse_lenient(&json!({ "name": { "$soundsLike": "ada" } }))?;
    /// assert!(!newer.matches(&json!({ "name": "ada" })));
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    pub fn parse_lenient(value: &Value) -> Result<Condition> {
        Ok(Condition {
            root: compile::condition(value, Mode::Lenient)?,
        })
    }

    /// Whether the condition holds for these attributes, an object; all groups are empty.
    ///
    /// Attributes that are not an object have no attributes. The answer depends on nothing but
    /// the condition and the attributes. It costs a walk over the compiled tree; a list of `$in`
    /// costs the logarithm of its length.
    ///
    /// ```
    /// use tastemaker::condition::Condition;
    /// use tastemaker::json::json;
    ///
    /// let young = Condition::parse(&json!({ "age": { "$lt": 30 } }))?;
    /// assert!(young.matches(&json!({ "age": "29" })));
    /// assert!(young.matches(&json!({})), "a missing number counts as 0");
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    #[must_use]
    pub fn matches(&self, attributes: &Value) -> bool {
        self.root.holds(Actual::from(attributes), Groups::NONE)
    }

    /// Whether the condition holds, with the groups that `$inGroup` and `$notInGroup` name: an
    /// object from names to arrays. A group that is missing, or is not an array, is empty.
    ///
    /// It costs what [`matches`](Self::matches) costs, and for each group operator a pass over
    /// the group.
    ///
    /// ```
    /// use tastemaker::condition::Condition;
    /// use tastemaker::json::{Map, json};
    ///
    /// let insider = Condition::parse(&json!({ "id": { "$inGroup": "staff" } }))?;
    /// let groups = Map::from_iter([("staff".to_owned(), json!(["ada", "bo"]))]);
    /// assert!(insider.matches_with_groups(&json!({ "id": "bo" }), &groups));
    /// assert!(!insider.matches(&json!({ "id": "bo" })));
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    #[must_use]
    pub fn matches_with_groups(&self, attributes: &Value, groups: &Map<String, Value>) -> bool {
        self.root
            .holds(Actual::from(attributes), Groups::of(groups))
    }

    /// The rows for which the condition holds; row by row the answer of [`matches`](Self::matches)
    /// for the JSON object of that row. All groups are empty.
    ///
    /// Scalar columns are read in place. Operators on the elements of tags are decided once for
    /// each entry of the dictionary. What columns cannot serve (a path into an object, an
    /// attribute without a column, an array compared as text) asks [`Rows::value`] for each row
    /// that the other conditions left over.
    ///
    /// A million rows took 6 ms for `$lt` on numbers, 5 ms for equality of text, 45 ms for `$in`
    /// on text, 4 ms for `$in` on tags and 0.2 s for a regular expression, on one x86-64
    /// core; through `Rows::value` it is what that costs. Memory: one bit a row for
    /// each level of nesting.
    ///
    /// Damaged columns give absent values, never a panic.
    ///
    /// ```
    /// use tastemaker::condition::{Column, Condition, Rows};
    /// use tastemaker::json::{Value, json};
    ///
    /// struct Prices([f64; 3]);
    /// impl Rows for Prices {
    ///     fn len(&self) -> usize {
    ///         3
    ///     }
    ///     fn column(&self, name: &str) -> Option<Column<'_>> {
    ///         (name == "price").then_some(Column::Number { present: &[0b111], values: &self.0 })
    ///     }
    ///     fn value(&self, _name: &str, _row: usize) -> Value {
    ///         Value::Null
    ///     }
    /// }
    ///
    /// let cheap = Condition::parse(&json!({ "price": { "$lt": 20 } }))?;
    /// let rows = cheap.matches_rows(&Prices([10.0, 30.0, 19.5]));
    /// assert_eq!(rows.iter().collect::<Vec<_>>(), [0, 2]);
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    #[must_use]
    pub fn matches_rows(&self, rows: &dyn Rows) -> BitSet {
        columns::run(&self.root, rows, &BitSet::full(rows.len()))
    }
}
