//! Random conditions on random tables: columns must answer as JSON does.

use super::super::*;
use serde_json::json;

/// Knuth's MMIX generator; the high bits are good enough to choose with.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn some<T>(&mut self, max: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(max + 1)).map(|_| make(self)).collect()
    }
}

const WORDS: &[&str] = &[
    "",
    "a",
    "A",
    "b",
    "ab",
    "É",
    "é",
    "8",
    "0",
    " 8 ",
    "null",
    "true",
    "1.2.3",
    "v1.10.0-rc.1",
    "😀",
    "\u{FFFD}",
];
const NUMBERS: &[f64] = &[0.0, -0.0, 1.0, 2.0, 3.0, 8.0, -1.5, 1e21, 0.1];
const PATTERNS: &[&str] = &["a", "^A?b", "^$", "8", "^.$", "true", ",", "[", "é"];
const COLUMNS: &[&str] = &["price", "stock", "title", "tags"];
const PATHS: &[&str] = &[
    "price",
    "stock",
    "title",
    "tags",
    "price",
    "stock",
    "title",
    "tags",
    "mixed",
    "place",
    "place.city",
    "price.x",
    "title.length",
    "tags.0",
    "tags.length",
    "absent",
    "mixed.0",
    "$odd",
];

fn scalar(lcg: &mut Lcg) -> Value {
    match lcg.below(8) {
        0 => Value::Null,
        1 => json!(lcg.below(2) == 0),
        2..=4 => json!(lcg.pick(NUMBERS)),
        _ => json!(lcg.pick(WORDS)),
    }
}

fn words(lcg: &mut Lcg) -> Value {
    json!(lcg.some(3, |lcg| lcg.pick(WORDS)))
}

fn plain(lcg: &mut Lcg) -> Value {
    match lcg.below(8) {
        0 => words(lcg),
        1 => json!(lcg.some(3, scalar)),
        2 => json!({ "city": scalar(lcg) }),
        3 => json!({}),
        _ => scalar(lcg),
    }
}

fn test(lcg: &mut Lcg, depth: usize) -> Value {
    if depth == 0 || lcg.below(4) == 0 {
        return plain(lcg);
    }
    let mut map = Map::new();
    for _ in 0..=lcg.below(2) {
        let (name, operand) = operator(lcg, depth - 1);
        map.insert(name.to_owned(), operand);
    }
    Value::Object(map)
}

fn operator(lcg: &mut Lcg, depth: usize) -> (&'static str, Value) {
    match lcg.below(12) {
        0 => (lcg.pick(&["$eq", "$ne"]), scalar(lcg)),
        1 | 2 => (lcg.pick(&["$lt", "$lte", "$gt", "$gte"]), plain(lcg)),
        3 | 4 => (
            lcg.pick(&["$in", "$nin", "$ini", "$nini"]),
            json!(lcg.some(4, plain)),
        ),
        5 => (
            lcg.pick(&["$all", "$alli"]),
            json!(lcg.some(2, |lcg| test(lcg, depth))),
        ),
        6 if lcg.below(2) == 0 => ("$elemMatch", condition(lcg, depth)),
        6 => ("$elemMatch", test(lcg, depth + 1)),
        7 => ("$size", test(lcg, depth)),
        8 => ("$exists", plain(lcg)),
        9 => (lcg.pick(&["$regex", "$regexi"]), json!(lcg.pick(PATTERNS))),
        10 => (
            lcg.pick(&["$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"]),
            scalar(lcg),
        ),
        _ => match lcg.below(6) {
            0 => (
                "$type",
                json!(lcg.pick(&[
                    "null", "string", "number", "boolean", "array", "object", "?"
                ])),
            ),
            1 => (lcg.pick(&["$inGroup", "$notInGroup"]), scalar(lcg)),
            2 => (
                lcg.pick(&["$unknown", "$in", "$all", "$regex"]),
                scalar(lcg),
            ),
            _ => ("$not", test(lcg, depth)),
        },
    }
}

fn condition(lcg: &mut Lcg, depth: usize) -> Value {
    let mut map = Map::new();
    for _ in 0..=lcg.below(2) {
        let (key, value) = match lcg.below(8) {
            0 if depth > 0 => ("$not", condition(lcg, depth - 1)),
            1..=3 if depth > 0 => {
                let parts = json!(lcg.some(3, |lcg| condition(lcg, depth - 1)));
                (lcg.pick(&["$and", "$or", "$nor"]), parts)
            }
            4 if lcg.below(8) == 0 => (lcg.pick(&["$and", "$or", "$nor", "$not"]), plain(lcg)),
            _ => (lcg.pick(PATHS), test(lcg, 2)),
        };
        map.insert(key.to_owned(), value);
    }
    Value::Object(map)
}

fn row(lcg: &mut Lcg) -> Value {
    let mut map = Map::new();
    let mut put = |lcg: &mut Lcg, name: &str, value: Value| {
        if lcg.below(4) > 0 {
            map.insert(name.to_owned(), value);
        }
    };
    let (price, title) = (json!(lcg.pick(NUMBERS)), json!(lcg.pick(WORDS)));
    put(lcg, "price", price);
    put(lcg, "title", title);
    let (stock, tags) = (json!(lcg.below(2) == 0), words(lcg));
    put(lcg, "stock", stock);
    put(lcg, "tags", tags);
    let (place, mixed) = (json!({ "city": scalar(lcg) }), plain(lcg));
    put(lcg, "place", place);
    put(lcg, "mixed", mixed);
    Value::Object(map)
}

/// The rows as JSON, and the same as columns.
#[derive(Default)]
struct Table {
    rows: Vec<Value>,
    present: [Vec<u64>; 4],
    price: Vec<f64>,
    stock: Vec<u64>,
    title_offsets: Vec<u32>,
    title_bytes: Vec<u8>,
    tag_offsets: Vec<u32>,
    tag_ids: Vec<u32>,
    dict_offsets: Vec<u32>,
    dict_bytes: Vec<u8>,
}

impl Table {
    fn new(rows: Vec<Value>) -> Self {
        let words = rows.len().div_ceil(64);
        let mut table = Table {
            stock: vec![0; words],
            title_offsets: vec![0],
            ..Table::default()
        };
        table.present.iter_mut().for_each(|p| p.resize(words, 0));
        table.tag_offsets.push(0);
        table.dict_offsets.push(0);
        for word in WORDS {
            table.dict_bytes.extend(word.bytes());
            table.dict_offsets.push(table.dict_bytes.len() as u32);
        }
        for (i, row) in rows.iter().enumerate() {
            let bit = 1 << (i % 64);
            for (present, name) in table.present.iter_mut().zip(COLUMNS) {
                if row.get(name).is_some() {
                    present[i / 64] |= bit;
                }
            }
            // Absent cells hold something, which nobody may read.
            table.price.push(row["price"].as_f64().unwrap_or(8.0));
            if row["stock"].as_bool().unwrap_or(true) {
                table.stock[i / 64] |= bit;
            }
            table
                .title_bytes
                .extend(row["title"].as_str().unwrap_or("a").bytes());
            table.title_offsets.push(table.title_bytes.len() as u32);
            for tag in row["tags"].as_array().unwrap_or(&vec![json!("a")]) {
                let id = WORDS.iter().position(|w| tag == w).unwrap();
                table.tag_ids.push(id as u32);
            }
            table.tag_offsets.push(table.tag_ids.len() as u32);
        }
        table.rows = rows;
        table
    }
}

impl Rows for Table {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn column(&self, name: &str) -> Option<Column<'_>> {
        let [price, stock, title, tags] = &self.present;
        match name {
            "price" => Some(Column::Number {
                present: price,
                values: &self.price,
            }),
            "stock" => Some(Column::Bool {
                present: stock,
                values: &self.stock,
            }),
            "title" => Some(Column::Text {
                offsets: &self.title_offsets,
                bytes: &self.title_bytes,
                present: title,
            }),
            "tags" => Some(Column::Tags {
                present: tags,
                row_offsets: &self.tag_offsets,
                tag_ids: &self.tag_ids,
                dict_offsets: &self.dict_offsets,
                dict_bytes: &self.dict_bytes,
            }),
            _ => None,
        }
    }

    fn value(&self, name: &str, row: usize) -> Value {
        self.rows[row].get(name).cloned().unwrap_or_default()
    }
}

#[test]
fn columns_answer_as_json_does() {
    let mut lcg = Lcg(20_250_101);
    let (mut answers, mut mixed_answers) = (0, 0);
    for round in 0..8000 {
        let count = lcg.pick(&[0, 1, 5, 63, 64, 65, 130]);
        let table = Table::new((0..count).map(|_| row(&mut lcg)).collect());
        // Half of the rounds try one attribute, so that a mistake is not hidden by its company.
        let json = match round % 2 {
            0 => {
                let (name, operand) = operator(&mut lcg, 1);
                json!({ lcg.pick(COLUMNS): { name: operand } })
            }
            _ => condition(&mut lcg, 3),
        };
        let condition = Condition::parse_lenient(&json).unwrap();
        let found = condition.matches_rows(&table);
        assert_eq!(found.len(), count);
        for (i, row) in table.rows.iter().enumerate() {
            assert_eq!(
                found.contains(i),
                condition.matches(row),
                "round {round}: {json} on {row}"
            );
        }
        answers += count;
        mixed_answers += usize::from(found.count() > 0 && found.count() < count);
    }
    // The generator must not degenerate into conditions that are always or never true.
    assert!(
        answers > 100_000 && mixed_answers > 1000,
        "{answers} {mixed_answers}"
    );
}

/// Columns that end early, have offsets out of range or out of order, ids without an entry, bytes
/// that are not UTF-8 and numbers that are not finite.
struct Damaged(Lcg, Vec<Vec<u32>>, Vec<f64>, Vec<u64>);

impl Damaged {
    fn new(seed: u64) -> Self {
        let mut lcg = Lcg(seed);
        let lists = (0..3)
            .map(|_| lcg.some(70, |l| l.pick(&[0, 1, 2, 3, 9, u32::MAX])))
            .collect();
        let numbers = lcg.some(70, |l| {
            l.pick(&[f64::NAN, f64::INFINITY, 1.0, f64::NEG_INFINITY])
        });
        let words = lcg.some(2, |l| l.pick(&[u64::MAX, 0, 0xAAAA]));
        Damaged(lcg, lists, numbers, words)
    }
}

impl Rows for Damaged {
    fn len(&self) -> usize {
        self.0.0 as usize % 90
    }

    fn column(&self, name: &str) -> Option<Column<'_>> {
        let Damaged(_, lists, values, words) = self;
        let bytes = b"a\xFF\xF0b";
        match name {
            "price" => Some(Column::Number {
                present: words,
                values,
            }),
            "stock" => Some(Column::Bool {
                present: &[u64::MAX; 2],
                values: words,
            }),
            "title" => Some(Column::Text {
                offsets: &lists[0],
                bytes,
                present: &[u64::MAX; 2],
            }),
            "tags" => Some(Column::Tags {
                present: &[u64::MAX; 2],
                row_offsets: &lists[0],
                tag_ids: &lists[1],
                dict_offsets: &lists[2],
                dict_bytes: bytes,
            }),
            _ => None,
        }
    }

    fn value(&self, _name: &str, _row: usize) -> Value {
        Value::Null
    }
}

#[test]
fn damaged_columns_never_panic() {
    let mut lcg = Lcg(7);
    for seed in 0..3000 {
        let rows = Damaged::new(seed);
        let condition = Condition::parse_lenient(&condition(&mut lcg, 3)).unwrap();
        assert_eq!(condition.matches_rows(&rows).len(), rows.len());
    }
    let not_finite = Condition::parse(&json!({ "price": { "$exists": true } })).unwrap();
    let rows = Damaged(
        Lcg(4),
        Vec::new(),
        vec![1.0, f64::NAN, f64::INFINITY],
        vec![0b1111],
    );
    assert_eq!(
        not_finite.matches_rows(&rows).iter().collect::<Vec<_>>(),
        [0]
    );
}
