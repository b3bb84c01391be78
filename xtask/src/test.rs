//! `cargo xtask test`: all that CI runs, or one part of it.

use std::path::{Path, PathBuf};

use crate::setup;
use crate::shell::{Run, cache, files, remove_folder};
use crate::steps::Steps;
use crate::{Result, build, conformance, package};

const PARTS: [&str; 7] = [
    "rust",
    "python",
    "node",
    "wasm",
    "conformance",
    "examples",
    "package",
];

/// Asks for a wheel that runs on older systems too.
const PORTABLE: &str = "--portable";

/// The arguments of cargo for all Rust tests: the bindings are tested in their
/// own languages.
pub(crate) const RUST_TESTS: &str = "test --workspace --exclude tastemaker-python \
    --exclude tastemaker-node --exclude tastemaker-wasm";

const EXAMPLES: &str = "cargo xtask test examples";

/// The simulations of `core/src/experiment/stats/honesty/` and `bandit/honesty.rs`, all of them;
/// fails where a rate is outside of its band.
pub(crate) fn honesty() -> Result<()> {
    Run::new("cargo")
        .words("test --release -p tastemaker --lib honesty -- --ignored --nocapture")
        .run()
}

/// Runs the named part, or all of them, to the end even when a step fails.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let names = arguments.iter().map(String::as_str);
    let mut chosen: Vec<&str> = names.filter(|name| *name != PORTABLE).collect();
    let portable = chosen.len() < arguments.len();
    if chosen.is_empty() {
        chosen = PARTS.to_vec();
    }
    if let Some(other) = chosen.iter().find(|name| !PARTS.contains(name)) {
        return Err(format!(
            "there is no part {other:?}: one of {}",
            PARTS.join(" ")
        ));
    }
    let mut test = Test::new(root, portable);
    for part in chosen {
        match part {
            "rust" => test.rust(),
            "python" => test.python(),
            "node" => test.node(),
            "wasm" => test.wasm(),
            "conformance" => test.conformance(),
            "examples" => test.examples(),
            _ => test.package(),
        }
    }
    test.steps.finish()
}

/// A build that several parts need, done at most once.
type Built = Option<bool>;

struct Test<'a> {
    root: &'a Path,
    portable: bool,
    steps: Steps,
    python_built: Built,
    node_built: Built,
    wasm_built: Built,
}

impl<'a> Test<'a> {
    fn new(root: &'a Path, portable: bool) -> Self {
        Self {
            root,
            portable,
            steps: Steps::default(),
            python_built: None,
            node_built: None,
            wasm_built: None,
        }
    }

    fn rust(&mut self) {
        let cargo = |steps: &mut Steps, name: &str, words: &str| {
            let repeat = format!("cargo {words}");
            steps.step(name, &repeat, || Run::new("cargo").words(words).run());
        };
        let steps = &mut self.steps;
        cargo(steps, "rust: format", "fmt --all --check");
        cargo(
            steps,
            "rust: clippy",
            "clippy --workspace --all-targets -- -D warnings",
        );
        cargo(
            steps,
            "rust: fuzz targets compile",
            "clippy --locked --manifest-path fuzz/Cargo.toml --target-dir target/fuzz -- -D warnings",
        );
        cargo(steps, "rust: tests and doctests", RUST_TESTS);
        let words = "doc --no-deps -p tastemaker -p tastemaker-kernels";
        let repeat = format!("RUSTDOCFLAGS='-D warnings' cargo {words}");
        steps.step("rust: documentation", &repeat, || {
            Run::new("cargo")
                .words(words)
                .env("RUSTDOCFLAGS", "-D warnings")
                .run()
        });
    }

    fn python(&mut self) {
        let root = self.root;
        let names = ["python: tests", "python: types of the package"];
        if !self.build_python() {
            names.iter().for_each(|name| self.steps.skip(name));
            return;
        }
        let python = interpreter(root);
        let words = "core/conformance/oracle/generate.py --check";
        let name = "conformance: the oracle makes what is kept";
        self.steps.step(name, &repeat_python(words), || {
            Run::new(&python).words(words).run()
        });
        let words = "-m pytest -q bindings-python/tests";
        self.steps.step(names[0], &repeat_python(words), || {
            Run::new(&python).words(words).run()
        });
        let allowed = "bindings-python/stubtest-allowlist.txt";
        let mut words = "-m mypy.stubtest tastemaker".to_owned();
        if root.join(allowed).is_file() {
            words = format!("{words} --allowlist {allowed}");
        }
        self.steps.step(names[1], &repeat_python(&words), || {
            Run::new(&python).words(&words).run()
        });
        let folder = "bindings-python/tests/typing";
        if root.join(folder).is_dir() {
            let words = format!("-m mypy --strict {folder}");
            let repeat = repeat_python(&words);
            let name = "python: types in a program";
            self.steps
                .step(name, &repeat, || Run::new(&python).words(&words).run());
        }
    }

    fn node(&mut self) {
        if self.build_node() {
            self.npm("node", "bindings-node", "test", &[]);
        } else {
            self.steps.skip("node: test");
        }
    }

    fn wasm(&mut self) {
        if !self.build_wasm() {
            self.steps.skip("wasm: test");
            return;
        }
        match setup::browser() {
            Ok(browser) => {
                self.npm(
                    "wasm",
                    "bindings-wasm",
                    "test",
                    &[("CHROMIUM_PATH", browser)],
                );
            }
            Err(why) => {
                self.steps
                    .step("wasm: test", "cargo xtask test wasm", || Err(why));
            }
        }
    }

    fn conformance(&mut self) {
        let built = [self.build_python(), self.build_node(), self.build_wasm()];
        if built == [true; 3] {
            conformance::steps(self.root, &mut self.steps);
        } else {
            self.steps
                .skip("conformance: the same answers in four languages");
        }
    }

    fn examples(&mut self) {
        let root = self.root;
        let words = "run --release --example quickstart";
        let repeat = format!("cargo {words}");
        self.steps.step("example: rust", &repeat, || {
            Run::new("cargo").words(words).run()
        });
        if self.build_python() {
            self.python_examples();
        } else {
            self.steps.skip("example: python");
        }
        if self.build_node() {
            let folder = root.join("examples/node");
            self.steps.step("example: node", EXAMPLES, || {
                setup::node_packages(&folder)?;
                each(&files(&folder, ".mjs"), |file| {
                    Run::new("node").arg(file).folder(&folder)
                })
            });
            self.next_example();
        } else {
            self.steps.skip("example: node");
            self.steps.skip("example: next.js");
        }
        if self.build_wasm() {
            self.web_example();
        } else {
            self.steps.skip("example: web");
        }
    }

    /// The Next.js application, which installs the packed tarballs.
    fn next_example(&mut self) {
        let root = self.root;
        self.steps.step("example: next.js", EXAMPLES, || {
            Run::new("npm")
                .words("run pack")
                .folder(root.join("bindings-node"))
                .run()?;
            let folder = root.join("examples/node/next-app");
            // The tarballs keep their names when they change.
            remove_folder(&folder.join("node_modules"))?;
            setup::node_packages(&folder)?;
            for script in ["train", "build", "test"] {
                let run = Run::new("npm").arg("run").arg(script).folder(&folder);
                run.env("NEXT_TELEMETRY_DISABLED", "1").run()?;
            }
            Ok(())
        });
    }

    fn web_example(&mut self) {
        let folder = self.root.join("examples/web");
        self.steps.step("example: web", EXAMPLES, || {
            setup::node_packages(&folder)?;
            let browser = setup::browser()?;
            Run::new("npm")
                .arg("test")
                .folder(&folder)
                .env("CHROMIUM_PATH", browser)
                .run()
        });
    }

    fn python_examples(&mut self) {
        let python = interpreter(self.root);
        let folder = self.root.join("examples/python");
        let scripts = files(&folder, ".py");
        if !scripts.is_empty() {
            self.steps.step("example: python scripts", EXAMPLES, || {
                each(&scripts, |file| Run::new(&python).arg(file).folder(&folder))
            });
        }
        let runner = self.root.join("xtask/run_notebook.py");
        self.steps.step("example: python notebook", EXAMPLES, || {
            each(&files(&folder, ".ipynb"), |file| {
                Run::new(&python)
                    .arg(&runner)
                    .arg(file)
                    .env("MPLBACKEND", "agg")
            })
        });
    }

    fn package(&mut self) {
        let built = package::Built {
            node: self.build_node(),
            wasm: self.build_wasm(),
        };
        package::steps(self.root, &mut self.steps, &built, self.portable);
    }

    /// One npm script of a package, as a step.
    fn npm(&mut self, part: &str, folder: &str, script: &str, env: &[(&str, PathBuf)]) {
        let name = format!("{part}: {script}");
        let repeat = format!("(cd {folder} && npm run {script})");
        self.steps.step(&name, &repeat, || {
            let run = Run::new("npm")
                .arg("run")
                .arg(script)
                .folder(self.root.join(folder));
            env.iter()
                .fold(run, |run, (name, value)| run.env(name, value))
                .run()
        });
    }

    fn build_python(&mut self) -> bool {
        let (root, steps) = (self.root, &mut self.steps);
        *self.python_built.get_or_insert_with(|| {
            steps.step("python: build", "cargo xtask build-python", || {
                build::python(root)
            })
        })
    }

    fn build_node(&mut self) -> bool {
        let (root, steps) = (self.root, &mut self.steps);
        *self.node_built.get_or_insert_with(|| {
            steps.step("node: build", "cargo xtask build-node", || {
                build::node(root)
            })
        })
    }

    fn build_wasm(&mut self) -> bool {
        let (root, steps) = (self.root, &mut self.steps);
        *self.wasm_built.get_or_insert_with(|| {
            steps.step("wasm: build", "cargo xtask build-wasm", || {
                build::wasm(root)
            })
        })
    }
}

/// Runs one program for each file, to the first failure; no file is a failure.
fn each(list: &[PathBuf], program: impl Fn(&Path) -> Run) -> Result<()> {
    if list.is_empty() {
        return Err("there is nothing to run".to_owned());
    }
    list.iter().try_for_each(|file| {
        println!("{}", file.display());
        program(file).run()
    })
}

fn interpreter(root: &Path) -> PathBuf {
    setup::interpreter(&cache(root).join("venv"))
}

fn repeat_python(words: &str) -> String {
    format!(".cache/venv/bin/python {words}")
}
