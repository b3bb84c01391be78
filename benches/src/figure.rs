//! The lines that a group of figures prints: one JSON object a line.

use serde_json::{Map, Value, json};

/// How a figure compares with a peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// A smaller value is better: the ratio is theirs / ours.
    Lower,
    /// A larger value is better: the ratio is ours / theirs.
    Higher,
}

/// A peer's value of the same figure, taken in the same sitting.
#[derive(Clone, Debug)]
pub struct Rival<'a> {
    /// Its name, e.g. `implicit-als-64`.
    pub name: &'a str,
    /// What it reached, in the figure's unit.
    pub value: f64,
    /// Which side is ahead.
    pub better: Better,
    /// How it was set up.
    pub setting: &'a str,
}

/// Prints a figure of ours.
pub fn print(figure: &str, value: f64, unit: &str, note: &str) {
    emit(&line(figure, value, unit, note));
}

/// Prints a figure of ours beside a peer's. `ratio` above 1: we are ahead.
pub fn print_with(figure: &str, value: f64, unit: &str, note: &str, rival: &Rival<'_>) {
    let ratio = match rival.better {
        Better::Lower => rival.value / value,
        Better::Higher => value / rival.value,
    };
    let mut line = line(figure, value, unit, note);
    line.insert("peer".to_owned(), json!(rival.name));
    line.insert("peer_value".to_owned(), json!(round(rival.value)));
    line.insert("ratio".to_owned(), json!(round(ratio)));
    line.insert("peer_setting".to_owned(), json!(rival.setting));
    emit(&line);
}

fn line(figure: &str, value: f64, unit: &str, note: &str) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("figure".to_owned(), json!(figure));
    line.insert("value".to_owned(), json!(round(value)));
    line.insert("unit".to_owned(), json!(unit));
    if !note.is_empty() {
        line.insert("note".to_owned(), json!(note));
    }
    line
}

fn emit(line: &Map<String, Value>) {
    println!("{}", Value::Object(line.clone()));
}

/// Six significant digits: more would claim more than a measurement holds.
fn round(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    #[test]
    fn six_digits() {
        assert_eq!(super::round(0.041_631_234), 0.041_631_2);
        assert_eq!(super::round(123_456_789.0), 123_457_000.0);
        assert!(super::round(f64::NAN).is_nan());
    }
}
