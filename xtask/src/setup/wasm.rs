//! A compiler for `wasm32-unknown-unknown`.
//!
//! The pinned toolchain with the target's standard library is the first choice.
//! Where that cannot be downloaded, Debian's own compiler builds the standard
//! library from Debian's source package.

use std::path::{Path, PathBuf};

use super::system;
use crate::Result;
use crate::shell::{Run, which};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Set to `system` to take Debian's compiler even where the other would do.
const CHOICE: &str = "TASTEMAKER_WASM_TOOLCHAIN";

/// How to compile for the browser.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The cargo in PATH, with a ready standard library.
    Ready,
    /// Debian's cargo, which builds the standard library too.
    System,
}

/// Finds a toolchain, or installs one.
pub(crate) fn toolchain() -> Result<Toolchain> {
    if std::env::var_os(CHOICE).is_none_or(|choice| choice != "system") {
        if ready() {
            return Ok(Toolchain::Ready);
        }
        if which("rustup").is_some() {
            eprintln!("adding the target {TARGET}");
            let added = Run::new("rustup")
                .words("target add")
                .arg(TARGET)
                .limit(120)
                .aside()
                .run();
            match added {
                Ok(()) if ready() => return Ok(Toolchain::Ready),
                Ok(()) => eprintln!("the target was added, but its library is not there"),
                Err(why) => eprintln!("{why}"),
            }
        }
    }
    if !system_ready() {
        let packages = "rustc-web cargo-web rust-web-src lld-22";
        system::install(packages, "a compiler for the wasm32 target")?;
    }
    if system_ready() {
        Ok(Toolchain::System)
    } else {
        Err(format!(
            "no compiler for {TARGET}: rustup target add {TARGET}"
        ))
    }
}

/// Whether the compiler in PATH has the target's standard library.
fn ready() -> bool {
    let library = Run::new("rustc")
        .words("--print target-libdir --target")
        .arg(TARGET)
        .output();
    library.is_ok_and(|folder| !crate::shell::files(Path::new(folder.trim()), ".rlib").is_empty())
}

/// Whether Debian's compiler, its library source and its linker are there.
fn system_ready() -> bool {
    let cargo = PathBuf::from("/usr/bin/cargo");
    let rustc = PathBuf::from("/usr/bin/rustc");
    if !cargo.is_file() || !rustc.is_file() || which("wasm-ld-22").is_none() {
        return false;
    }
    let root = Run::new(&rustc)
        .env_remove("RUSTUP_TOOLCHAIN")
        .words("--print sysroot")
        .output();
    root.is_ok_and(|folder| {
        Path::new(folder.trim())
            .join("lib/rustlib/src/rust/library")
            .is_dir()
    })
}
