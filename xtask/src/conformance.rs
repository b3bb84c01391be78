//! `cargo xtask conformance`: one behaviour in four languages.
//!
//! Two halves. Each language's runner walks the cases of `core/conformance/`.
//! And on MovieLens `ml-latest-small` each language trains from the same columns,
//! which must give the same snapshot byte by byte, and answers the same requests
//! from a snapshot that another language wrote, which must give the same ids in
//! the same order with the same bits of scores and contributions.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use crate::Result;
use crate::setup::{self, interpreter};
use crate::shell::{Run, cache, remove_folder, target};
use crate::steps::Steps;
use crate::test::RUST_TESTS;

const AGAIN: &str = "cargo xtask conformance";

/// The steps, when the three bindings are built.
pub(crate) fn steps(root: &Path, steps: &mut Steps) {
    let work = Work {
        root,
        folder: cache(root).join("conformance"),
    };
    let ready = steps.step("conformance: data, trained in Rust", AGAIN, || {
        work.prepare()
    });
    if ready {
        steps.step(
            "conformance: the same snapshot from four languages",
            AGAIN,
            || work.train(),
        );
        steps.step(
            "conformance: the same answers in four languages",
            AGAIN,
            || work.answer(),
        );
    } else {
        steps.skip("conformance: the same snapshot from four languages");
        steps.skip("conformance: the same answers in four languages");
    }
    // All the packages of the Rust tests, so that nothing is built with other features.
    let rust = &format!("{RUST_TESTS} --test conformance");
    steps.step(
        "conformance: cases in Rust",
        &format!("cargo {rust}"),
        || Run::new("cargo").words(rust).run(),
    );
    let python = "-m pytest -q bindings-python/tests/test_conformance.py";
    steps.step(
        "conformance: cases in Python",
        &format!(".cache/venv/bin/python {python}"),
        || {
            Run::new(interpreter(&cache(root).join("venv")))
                .words(python)
                .run()
        },
    );
    for (name, folder) in [("Node", "bindings-node"), ("WebAssembly", "bindings-wasm")] {
        let words = "--test test/conformance.test.mjs";
        let repeat = format!("(cd {folder} && node {words})");
        steps.step(&format!("conformance: cases in {name}"), &repeat, || {
            let run = Run::new("node").words(words).folder(root.join(folder));
            if name == "WebAssembly" {
                run.env("CHROMIUM_PATH", setup::browser()?).run()
            } else {
                run.run()
            }
        });
    }
}

/// The languages, and whose snapshot each of them reads.
const LANGUAGES: [(&str, &str); 4] = [
    ("rust", "rust"),
    ("python", "node"),
    ("node", "wasm"),
    ("wasm", "python"),
];

struct Work<'a> {
    root: &'a Path,
    folder: PathBuf,
}

impl Work<'_> {
    fn prepare(&self) -> Result<()> {
        remove_folder(&self.folder)?;
        Run::new("cargo")
            .words("build --release -p tastemaker-benches --bin answers")
            .run()?;
        self.language("rust").arg("prepare").arg(&self.folder).run()
    }

    fn train(&self) -> Result<()> {
        let expected = self.bytes("rust.tm")?;
        for (language, _) in LANGUAGES.into_iter().skip(1) {
            let name = format!("{language}.tm");
            let output = self.folder.join(&name);
            self.language(language)
                .arg("train")
                .arg(&self.folder)
                .arg(output)
                .run()?;
            let bytes = self.bytes(&name)?;
            if bytes != expected {
                let at = bytes
                    .iter()
                    .zip(&expected)
                    .position(|(one, other)| one != other);
                return Err(format!(
                    "the snapshot of {language} has {} bytes, that of rust {}; first difference at {at:?}",
                    bytes.len(),
                    expected.len()
                ));
            }
        }
        println!(
            "4 snapshots of {} bytes, each {:032x}",
            expected.len(),
            xxh3_128(&expected)
        );
        Ok(())
    }

    fn answer(&self) -> Result<()> {
        let mut expected = String::new();
        for (language, snapshot) in LANGUAGES {
            let file = self.folder.join(format!("{snapshot}.tm"));
            let lines = self
                .language(language)
                .arg("dump")
                .arg(file)
                .arg(&self.folder)
                .output()?;
            crate::shell::write(&self.folder.join(format!("{language}.txt")), &lines)?;
            if language == "rust" {
                expected = lines;
            } else {
                compare(language, &lines, &expected)?;
            }
        }
        let hash = xxh3_128(expected.as_bytes());
        println!(
            "{} lines, the same in 4 languages: {hash:032x}",
            expected.lines().count()
        );
        Ok(())
    }

    /// A language's program, up to its own arguments.
    fn language(&self, name: &str) -> Run {
        let scripts = self.root.join("xtask/conformance");
        let node = |package: &str| {
            Run::new("node")
                .arg(scripts.join("answers.mjs"))
                .arg(self.root.join(package))
        };
        match name {
            "rust" => Run::new(target(self.root).join("release/answers")),
            "python" => Run::new(interpreter(&cache(self.root).join("venv")))
                .arg(scripts.join("answers.py")),
            "node" => node("bindings-node/dist/index.js"),
            _ => node("bindings-wasm/dist/node.js"),
        }
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let file = self.folder.join(name);
        std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))
    }
}

/// An error that shows the first line that differs.
fn compare(language: &str, lines: &str, expected: &str) -> Result<()> {
    if lines == expected {
        return Ok(());
    }
    let mut pairs = lines.lines().zip(expected.lines());
    let Some((one, other)) = pairs.find(|(one, other)| one != other) else {
        let (count, wanted) = (lines.lines().count(), expected.lines().count());
        return Err(format!("{language} gave {count} lines, rust {wanted}"));
    };
    let start = one
        .bytes()
        .zip(other.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let show = |line: &str| {
        let label = line.split('\t').next().unwrap_or("");
        let near = line
            .as_bytes()
            .get(start.saturating_sub(40)..)
            .unwrap_or(&[]);
        let near = String::from_utf8_lossy(&near[..near.len().min(120)]).into_owned();
        format!("line {label:?}, near byte {start}: …{near}")
    };
    Err(format!(
        "the answers differ\n  {language}: {}\n  rust: {}",
        show(one),
        show(other)
    ))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn names_the_first_difference() {
        assert!(compare("node", "0\ta:1\n", "0\ta:1\n").is_ok());
        let why = compare("node", "0\ta:1\n1\tb:2\n", "0\ta:1\n1\tb:3\n").unwrap_err();
        assert!(why.contains("line \"1\""), "{why}");
        let why = compare("node", "0\ta:1\n", "0\ta:1\n1\tb:3\n").unwrap_err();
        assert!(why.contains("1 lines, rust 2"), "{why}");
    }
}
