//! What needs a nightly compiler and minutes, and so is not part of the tests: fuzzing, and the
//! tests under sanitizers and Miri.

use std::path::Path;

use crate::Result;
use crate::shell::{Run, cache, target};

/// The fuzz targets of `fuzz/`.
const TARGETS: [&str; 3] = ["index_file", "model_file", "small_bytes"];
const CARGO_FUZZ: &str = "0.13.2";
const HOST: &str = "x86_64-unknown-linux-gnu";
const FUZZ_USAGE: &str = "usage: cargo xtask fuzz [SECONDS] [TARGET…]";

/// `fuzz [SECONDS] [TARGET…]`: each target for so long (600), from the seeds and from what was
/// found before. Fails at the first input that breaks something, which is kept in `fuzz/artifacts`.
pub(crate) fn fuzz(root: &Path, arguments: &[String]) -> Result<()> {
    let (seconds, names) = match arguments.split_first() {
        Some((first, rest)) if first.parse::<u64>().is_ok() => (first.as_str(), rest),
        _ => ("600", arguments),
    };
    if let Some(other) = names.iter().find(|name| !TARGETS.contains(&name.as_str())) {
        return Err(format!(
            "there is no target {other:?}: one of {}\n{FUZZ_USAGE}",
            TARGETS.join(" ")
        ));
    }
    let tools = cache(root).join("cargo-fuzz");
    let program = tools.join("bin/cargo-fuzz");
    if !program.exists() {
        Run::new("cargo")
            .words("install --locked cargo-fuzz --version")
            .arg(CARGO_FUZZ)
            .arg("--root")
            .arg(&tools)
            .run()?;
    }
    let folder = root.join("fuzz");
    nightly("cargo")
        .words("run --bin seeds")
        .folder(&folder)
        .run()?;
    for name in TARGETS {
        if !names.is_empty() && !names.iter().any(|chosen| chosen == name) {
            continue;
        }
        nightly(&program.to_string_lossy())
            .words("fuzz run")
            .arg(name)
            .arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .words("-max_len=16384 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1")
            .folder(&folder)
            .run()?;
    }
    Ok(())
}

/// `sanitize`: the tests of the core and the kernels under AddressSanitizer, then the kernels'
/// portable twins under Miri, where the nightly compiler has it.
pub(crate) fn sanitize(root: &Path) -> Result<()> {
    nightly("cargo")
        .words("test -p tastemaker-kernels -p tastemaker --features mmap --lib --tests --target")
        .arg(HOST)
        // What the sanitizer itself takes would count as what training takes.
        .words("--no-fail-fast -- --skip the_estimate_is_near_what_is_taken")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .env("CARGO_TARGET_DIR", target(root).join("sanitize"))
        .run()?;
    if !nightly("cargo").words("miri --version").works() {
        return Err(
            "AddressSanitizer found nothing. Miri did not run, for this nightly compiler \
             does not have it: rustup component add --toolchain nightly miri"
                .to_owned(),
        );
    }
    nightly("cargo")
        .words("miri test -p tastemaker-kernels --lib")
        .env("CARGO_TARGET_DIR", target(root).join("miri"))
        .run()
}

/// A program with the nightly compiler, whatever `rust-toolchain.toml` says.
fn nightly(program: &str) -> Run {
    Run::new(program).env("RUSTUP_TOOLCHAIN", "nightly")
}
