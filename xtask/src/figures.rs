//! `cargo xtask figures GROUP --data DIR [--peers] [--write DATE]`: prints one
//! JSON object a line, and keeps them in `docs/benchmarks.md` when told to.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell::{Run, cache, make_folder, read, target, write};
use crate::{Result, build, report, setup};

const GROUPS: [&str; 12] = [
    "quality",
    "train",
    "trials",
    "recommend",
    "overhead",
    "snapshot",
    "stats",
    "experiments",
    "bandits",
    "offpolicy",
    "ann",
    "ann-large",
];
const USAGE: &str =
    "usage: cargo xtask figures GROUP --data DIR [--peers] [--runs N] [--built] [--write DATE]
GROUP is one of quality train trials recommend overhead snapshot stats experiments bandits offpolicy
ann ann-large, or all;
--built takes the bindings as they are, without building them again";

/// The command.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let mut build = Run::new("cargo");
    build = build.words("build --release --quiet -p tastemaker-benches --bin figures");
    build.run()?;
    let peers = if options.peers {
        Some(setup::peers(root)?)
    } else {
        None
    };
    for group in &options.groups {
        let lines = group_lines(root, &options, group, peers.as_deref())?;
        print!("{lines}");
        if let Some(date) = &options.write {
            keep(root, group, &lines, date, &options.runs)?;
        }
    }
    match options.write {
        Some(_) => report::write_page(root),
        None => Ok(()),
    }
}

/// Writes the page again from the lines that are kept.
pub(crate) fn page(root: &Path) -> Result<()> {
    report::write_page(root)
}

fn group_lines(
    root: &Path,
    options: &Options,
    group: &str,
    peers: Option<&Path>,
) -> Result<String> {
    let scratch = cache(root).join("figures");
    make_folder(&scratch)?;
    let mut run = Run::new(target(root).join("release/figures")).arg(group);
    run = run.arg("--data").arg(&options.data).arg("--root").arg(root);
    run = run
        .arg("--scratch")
        .arg(scratch)
        .arg("--runs")
        .arg(&options.runs);
    if let Some(python) = peers {
        run = run.arg("--peers").arg(python);
    }
    if group == "experiments" {
        if !options.built {
            build::node(root)?;
        }
        if options.peers {
            run = run.arg("--npm-peers").arg(setup::npm_peers(root)?);
        }
    }
    if group == "ann" && !options.built {
        build::node(root)?;
        build::wasm(root)?;
    }
    if ["overhead", "stats", "offpolicy"].contains(&group) {
        if !options.built {
            build::python(root)?;
        }
        if !options.built && group == "overhead" {
            build::node(root)?;
            build::wasm(root)?;
        }
        run = run
            .arg("--python")
            .arg(setup::interpreter(&cache(root).join("venv")));
    }
    run.output()
}

/// Puts a group's lines in the place of its older ones.
fn keep(root: &Path, group: &str, lines: &str, date: &str, runs: &str) -> Result<()> {
    let file = report::lines_file(root);
    let older = read(&file).unwrap_or_default();
    let mut kept: Vec<String> = Vec::new();
    for line in older.lines() {
        let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if value["group"] != group {
            kept.push(line.to_owned());
        }
    }
    let machine = report::machine();
    for line in lines.lines() {
        let mut value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        value["group"] = group.into();
        value["date"] = date.into();
        value["runs"] = runs.into();
        value["machine"] = machine.clone().into();
        kept.push(value.to_string());
    }
    write(&file, kept.join("\n") + "\n")
}

struct Options {
    groups: Vec<String>,
    data: PathBuf,
    peers: bool,
    built: bool,
    runs: String,
    write: Option<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self {
            groups: Vec::new(),
            data: PathBuf::new(),
            peers: false,
            built: false,
            runs: "5".to_owned(),
            write: None,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .cloned()
                    .ok_or_else(|| format!("{word} needs a value\n{USAGE}"))
            };
            match word.as_str() {
                "--data" => options.data = value()?.into(),
                "--runs" => options.runs = value()?,
                "--write" => options.write = Some(value()?),
                "--peers" => options.peers = true,
                "--built" => options.built = true,
                "all" => options.groups.extend(GROUPS.map(str::to_owned)),
                group if GROUPS.contains(&group) => options.groups.push(group.to_owned()),
                other => return Err(format!("no group or option {other:?}\n{USAGE}")),
            }
        }
        if options.groups.is_empty() || !options.data.is_dir() {
            return Err(format!(
                "a group and the folder of the data are needed\n{USAGE}"
            ));
        }
        // The children run in the root, whatever folder this was started in.
        options.data = std::path::absolute(&options.data).map_err(|error| error.to_string())?;
        Ok(options)
    }
}
