//! The conformance suites of `core/conformance`, run against the Rust crate.
//!
//! The runner is generic: it knows operations, not suites. It walks the manifest and fails on an
//! operation that it does not know, on a count that differs, on a name that comes twice and on a
//! suite that the manifest does not list. The format is described in
//! `core/conformance/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "tests stop at the first surprise, and say why"
)]

mod runner;

use std::collections::BTreeSet;

use runner::{Suites, compare, ops};
use tastemaker::ErrorKind;
use tastemaker::json::Value;

#[test]
fn every_case_of_every_suite_passes() {
    let suites = Suites::open();
    let mut failures = Vec::new();
    let mut count = 0;
    for (file, expected) in suites.listed() {
        let suite = suites.json(&file);
        let cases = suite["cases"].as_array().unwrap();
        assert_eq!(cases.len(), expected, "{file}: number of cases");
        for case in cases {
            count += 1;
            let actual = match ops::run(&suites, &suite, case) {
                Ok(result) => result,
                Err(error) => tastemaker::json::json!({"error": error.code()}),
            };
            if let Err(difference) = compare::check(&case["expect"], &actual) {
                failures.push(format!("{file}: {}: {difference}", case["name"]));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count} cases failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(count > 248, "only {count} cases");
}

#[test]
fn names_are_unique_and_cases_complete() {
    let suites = Suites::open();
    for (file, _) in suites.listed() {
        let suite = suites.json(&file);
        let mut names = BTreeSet::new();
        for case in suite["cases"].as_array().unwrap() {
            let name = case["name"].as_str().expect("a case has a name");
            assert!(names.insert(name.to_owned()), "{file}: {name} comes twice");
            assert!(case["op"].is_string(), "{file}: {name}: op");
            assert!(case["input"].is_object(), "{file}: {name}: input");
            let expect = case["expect"].as_object().expect("an object to expect");
            assert!(!expect.is_empty(), "{file}: {name} expects nothing");
        }
    }
}

#[test]
fn the_manifest_lists_every_suite_in_the_folder() {
    let suites = Suites::open();
    let listed: BTreeSet<String> = suites.listed().into_iter().map(|(file, _)| file).collect();
    let there: BTreeSet<String> = suites
        .files("", "json")
        .into_iter()
        .filter(|name| name != "manifest.json" && name != "errors.json")
        .collect();
    assert_eq!(listed, there);
}

#[test]
fn every_snapshot_in_the_folder_is_used() {
    let suites = Suites::open();
    let mut used = BTreeSet::new();
    for (file, _) in suites.listed() {
        collect_snapshots(&suites.json(&file), &mut used);
    }
    let mut there = BTreeSet::new();
    for folder in [
        "snapshots",
        "snapshots/forged",
        "snapshots/v1",
        "snapshots/v1/forged",
    ] {
        let names = suites.files(folder, "tm").into_iter();
        there.extend(names.map(|name| format!("{folder}/{name}")));
    }
    assert_eq!(used, there);
}

fn collect_snapshots(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(file) if name == "snapshot" && file.starts_with("snapshots/") => {
                        used.insert(file.to_owned());
                    }
                    _ => collect_snapshots(value, used),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|v| collect_snapshots(v, used)),
        _ => {}
    }
}

#[test]
fn the_table_of_errors_has_every_kind_and_no_other() {
    let table = Suites::open().json("errors.json");
    let table = table["errors"].as_array().unwrap();
    let codes: Vec<&str> = table.iter().map(|e| e["code"].as_str().unwrap()).collect();
    let kinds: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
    assert_eq!(codes, kinds);
    for entry in table {
        let class = entry["python_class"].as_str().unwrap();
        assert!(class.ends_with("Error"), "{class}");
        for field in ["python_base", "doc"] {
            assert!(
                !entry[field].as_str().unwrap().is_empty(),
                "{class}: {field}"
            );
        }
    }
}

#[test]
fn every_error_that_data_can_reach_is_reached() {
    let suites = Suites::open();
    let mut seen = BTreeSet::new();
    for (file, _) in suites.listed() {
        collect_errors(&suites.json(&file)["cases"], &mut seen);
    }
    let table = suites.json("errors.json");
    let mut expected = BTreeSet::new();
    for entry in table["errors"].as_array().unwrap() {
        if entry["in_suites"].as_bool().unwrap() {
            expected.insert(entry["code"].as_str().unwrap().to_owned());
        } else {
            assert!(entry["why_not"].is_string(), "{entry}");
        }
    }
    assert_eq!(seen, expected);
}

fn collect_errors(value: &Value, seen: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(code) if name == "error" => {
                        seen.insert(code.to_owned());
                    }
                    _ => collect_errors(value, seen),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|v| collect_errors(v, seen)),
        _ => {}
    }
}
