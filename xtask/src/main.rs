//! `cargo xtask …`: everything that CI or a person runs, one command each.
//!
//! Nothing here is part of the product. A command finds or installs the tools it
//! needs under `.cache/`, runs them, and says how to repeat a step that failed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a command line tool prints, reads its environment and measures time"
)]

mod build;
mod conformance;
mod deep;
mod figures;
mod package;
mod report;
mod setup;
mod shell;
mod steps;
mod test;

use std::process::ExitCode;

/// What a command returns: the text says what went wrong and what to do.
pub(crate) type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup                 install what the other commands need, under .cache/
  build-python          build the Python package into .cache/venv
  build-node            build the Node package in bindings-node/
  build-wasm            build the browser package in bindings-wasm/
  conformance           the same snapshots and answers in four languages
  package [--portable]  pack the artefacts and try them in empty folders;
                        --portable makes the wheel for older systems too
  figures GROUP --data DIR [--peers] [--write DATE]
                        quality train trials recommend overhead snapshot
                        stats experiments bandits offpolicy ann ann-large,
                        or all:
                        a JSON object a line; --write keeps them in docs/
  honesty               simulated experiments: do the statistics keep what
                        they promise? Minutes; prints rates and their bands
  fuzz [SECONDS] [TARGET…]
                        coverage-guided fuzzing of what reads bytes: needs a
                        nightly compiler; 600 seconds a target
  sanitize              the tests under AddressSanitizer, and the kernels'
                        portable twins under Miri: needs a nightly compiler
  benchmarks-page       write docs/benchmarks.md from the lines that are kept
  test [PART]           everything, or one of: rust python node wasm
                        conformance examples package
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let root = shell::root();
    let outcome = match command {
        "setup" => setup::all(&root),
        "build-python" => build::python(&root),
        "build-node" => build::node(&root),
        "build-wasm" => build::wasm(&root),
        "conformance" | "package" => test::run(&root, &arguments),
        "figures" => figures::run(&root, rest),
        "honesty" => test::honesty(),
        "fuzz" => deep::fuzz(&root, rest),
        "sanitize" => deep::sanitize(&root),
        "benchmarks-page" => figures::page(&root),
        "test" => test::run(&root, rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("there is no command {other:?}\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
