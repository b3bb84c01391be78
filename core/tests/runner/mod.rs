//! Files, the models that cases name, and the columns that they bring.

mod bandits;
mod both;
pub(crate) mod compare;
mod decisions;
mod index;
mod offpolicy;
pub(crate) mod ops;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use tastemaker::catalog::Catalog;
use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::json::{self, Value};
use tastemaker::model::{EdgeOptions, Model};
use tastemaker::train::{TrainOptions, UpdateOptions, train, tune, update};
use tastemaker::{Error, Result};

/// The folder `core/conformance`, and the models that its cases have opened.
pub(crate) struct Suites {
    folder: PathBuf,
    models: RefCell<BTreeMap<String, Model>>,
}

impl Suites {
    pub(crate) fn open() -> Self {
        Self {
            folder: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance"),
            models: RefCell::default(),
        }
    }

    pub(crate) fn json(&self, file: &str) -> Value {
        let text = fs::read(self.folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        json::from_slice(&text).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    /// The suites of the manifest, and how many cases it says they have.
    pub(crate) fn listed(&self) -> Vec<(String, usize)> {
        let manifest = self.json("manifest.json");
        assert_eq!(manifest["format"], 1, "the manifest's format");
        let suites = manifest["suites"].as_array().unwrap();
        suites
            .iter()
            .map(|suite| {
                let file = suite["file"].as_str().unwrap().to_owned();
                (file, suite["cases"].as_u64().unwrap() as usize)
            })
            .collect()
    }

    /// The names of the files with this extension in a subfolder.
    pub(crate) fn files(&self, subfolder: &str, extension: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder.join(subfolder)).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    /// A file of the folder, or hexadecimal digits.
    pub(crate) fn bytes(&self, snapshot: &str) -> Vec<u8> {
        if snapshot.contains('/') {
            return fs::read(self.folder.join(snapshot))
                .unwrap_or_else(|e| panic!("{snapshot}: {e}"));
        }
        from_hex(snapshot)
    }

    /// The model of `snapshot` or `train`, its edge export where `edge` is given, updated by
    /// `update`.
    pub(crate) fn model(&self, source: &Value) -> Result<Model> {
        let parts = ["snapshot", "train", "edge", "update"].map(|name| &source[name]);
        let key = json::json!(parts).to_string();
        if let Some(model) = self.models.borrow().get(&key) {
            return Ok(model.clone());
        }
        let mut model = match source["snapshot"].as_str() {
            Some(snapshot) => Model::from_bytes(&self.bytes(snapshot))?,
            None => trained(&source["train"])?,
        };
        if source["edge"].is_object() {
            model = model.export_edge(&EdgeOptions::from_json(&source["edge"])?)?;
        }
        if source["update"].is_object() {
            model = updated(&model, &source["update"])?;
        }
        self.models.borrow_mut().insert(key, model.clone());
        Ok(model)
    }
}

pub(crate) fn from_hex(digits: &str) -> Vec<u8> {
    assert!(
        digits.len().is_multiple_of(2),
        "{digits}: odd number of digits"
    );
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number, or the text of one that JSON cannot write.
pub(crate) fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some(text) => text.parse().expect("NaN, Infinity or -Infinity"),
        None => value.as_f64().expect("a number"),
    }
}

/// Trains on a case's events, catalog and options.
pub(crate) fn trained(input: &Value) -> Result<Model> {
    let catalog = match &input["catalog"] {
        Value::Null => None,
        given => Some(catalog(given)?),
    };
    let options = TrainOptions::from_json(&input["options"])?;
    with_columns(&input["events"], |events| {
        train(events, catalog.as_ref(), &options, &Control::new())
    })
}

/// The model updated with a case's events, catalog and options.
fn updated(model: &Model, input: &Value) -> Result<Model> {
    let catalog = match &input["catalog"] {
        Value::Null => None,
        given => Some(catalog(given)?),
    };
    let options = match &input["options"] {
        Value::Null => UpdateOptions::default(),
        given => UpdateOptions::from_json(given)?,
    };
    with_columns(&input["events"], |events| {
        update(model, events, catalog.as_ref(), &options, &Control::new())
    })
}

/// What tuning for `events`, `catalog`, `options` and `validation` gives.
pub(crate) fn tuned(input: &Value) -> Result<Value> {
    let catalog = match &input["catalog"] {
        Value::Null => None,
        given => Some(catalog(given)?),
    };
    let options = TrainOptions::from_json(&input["options"])?;
    let given = input.get("validation");
    let validation = given.map(|v| (Column::new(&v["user_id"]), Column::new(&v["item_id"])));
    let (catalog, control) = (catalog.as_ref(), Control::new());
    with_columns(&input["events"], |events| {
        let tuning = match &validation {
            None => tune(events, catalog, &options, None, &control)?,
            Some((users, items)) => users.with(|users| {
                items
                    .with(|items| tune(events, catalog, &options, Some((&users, &items)), &control))
            })?,
        };
        Ok(tuning.to_json())
    })
}

pub(crate) fn catalog(given: &Value) -> Result<Catalog> {
    let mut catalog = match &given["schema"] {
        Value::Null => Catalog::new(),
        schema => Catalog::with_schema(schema)?,
    };
    for item in given["items"].as_array().expect("a list of items") {
        catalog.add(item["id"].as_str().expect("an id"), &item["attributes"])?;
    }
    Ok(catalog)
}

/// The owned form of a column of ids.
pub(crate) enum Column {
    Text(Vec<String>),
    Integer(Vec<i64>),
}

impl Column {
    pub(crate) fn new(value: &Value) -> Self {
        let rows = value.as_array().expect("a column is a list");
        match rows.iter().map(Value::as_i64).collect::<Option<Vec<i64>>>() {
            Some(numbers) if !numbers.is_empty() => Self::Integer(numbers),
            _ => Self::Text(
                rows.iter()
                    .map(|row| row.as_str().expect("texts, or integers only").to_owned())
                    .collect(),
            ),
        }
    }

    pub(crate) fn with<R>(&self, use_it: impl FnOnce(IdColumn<'_>) -> R) -> R {
        match self {
            Self::Integer(numbers) => use_it(IdColumn::Integer(numbers)),
            Self::Text(texts) => {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                use_it(IdColumn::Text(&texts))
            }
        }
    }
}

/// Calls `use_them` with the columns of a case's events.
pub(crate) fn with_columns<R>(
    events: &Value,
    use_them: impl FnOnce(&EventColumns<'_>) -> Result<R, Error>,
) -> Result<R> {
    let user_id = Column::new(&events["user_id"]);
    let item_id = Column::new(&events["item_id"]);
    let kind = events.get("kind").map(Column::new);
    let weight: Option<Vec<f64>> = events.get("weight").map(|list| {
        list.as_array()
            .expect("weights")
            .iter()
            .map(number)
            .collect()
    });
    let timestamp: Option<Vec<i64>> = events.get("timestamp").map(|list| {
        let list = list.as_array().expect("timestamps").iter();
        list.map(|t| t.as_i64().expect("an integer")).collect()
    });
    user_id.with(|user_id| {
        item_id.with(|item_id| {
            let mut columns = EventColumns::new(user_id, item_id);
            columns.weight = weight.as_deref();
            columns.timestamp = timestamp.as_deref();
            match &kind {
                None => use_them(&columns),
                Some(kind) => kind.with(|kind| {
                    use_them(&EventColumns {
                        kind: Some(kind),
                        ..columns
                    })
                }),
            }
        })
    })
}
