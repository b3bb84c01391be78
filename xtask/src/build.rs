//! Builds the three bindings where their tests expect them.

use std::path::Path;

use crate::Result;
use crate::setup::{self, Toolchain};
use crate::shell::{Run, cache, make_folder, remove_folder, target};

/// Builds the extension module and installs the package into `.cache/venv`,
/// pointing at the source tree.
pub(crate) fn python(root: &Path) -> Result<()> {
    let python = setup::test_venv(root)?;
    Run::new(python)
        .words("-m maturin develop --release")
        .folder(root.join("bindings-python"))
        .env("VIRTUAL_ENV", cache(root).join("venv"))
        .env_remove("CONDA_PREFIX")
        .aside()
        .run()
}

/// Builds the native module, and the JavaScript around it.
pub(crate) fn node(root: &Path) -> Result<()> {
    let folder = root.join("bindings-node");
    setup::node_packages(&folder)?;
    Run::new("npm")
        .words("run build")
        .folder(folder)
        .aside()
        .run()
}

/// Builds the WebAssembly module into `bindings-wasm/dist/raw/`, and packs it.
pub(crate) fn wasm(root: &Path) -> Result<()> {
    let package = root.join("bindings-wasm");
    setup::node_tools(root)?;
    setup::node_packages(&package)?;
    let module = compile(root)?;
    let raw = package.join("dist/raw");
    remove_folder(&raw)?;
    make_folder(&raw)?;
    bindgen(root, &module, &raw)?;
    optimise(root, &raw)?;
    reduce(root)?;
    Run::new("npm")
        .words("run build")
        .folder(package)
        .aside()
        .run()
}

fn compile(root: &Path) -> Result<std::path::PathBuf> {
    let arguments = "--release --target wasm32-unknown-unknown -p tastemaker-wasm";
    // The name section and `target_features` must outlive the build: bindgen
    // and wasm-opt read them.
    let flags = "-C target-feature=+simd128";
    let (folder, run) = match setup::toolchain()? {
        Toolchain::Ready => {
            let folder = target(root);
            (folder, Run::new("cargo").arg("build"))
        }
        Toolchain::System => {
            // Another compiler: its files must not mix with ours.
            let folder = target(root).join("wasm-system");
            let run = Run::new("/usr/bin/cargo")
                .path_first(Path::new("/usr/bin"))
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("RUSTC")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-22")
                .words("build -Z build-std=std,panic_abort");
            (folder, run)
        }
    };
    run.words(arguments)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags)
        // A page loads this once: a tenth smaller is worth a slower build.
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .arg("--target-dir")
        .arg(&folder)
        .aside()
        .run()?;
    Ok(folder.join("wasm32-unknown-unknown/release/tastemaker_wasm.wasm"))
}

fn bindgen(root: &Path, module: &Path, raw: &Path) -> Result<()> {
    let folder = target(root).join("bindgen");
    Run::new("cargo")
        .words("run --quiet --manifest-path xtask/bindgen/Cargo.toml --target-dir")
        .arg(folder)
        .arg("--")
        .arg(module)
        .arg(raw)
        .arg("tastemaker")
        .aside()
        .run()
}

/// What the compiler may have used, and every engine of the last years has.
/// `--all-features` would let the optimiser write what engines do not read yet.
const FEATURES: &str = "--enable-bulk-memory --enable-extended-const --enable-multivalue \
    --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types \
    --enable-sign-ext --enable-simd";

fn optimise(root: &Path, raw: &Path) -> Result<()> {
    let tool = cache(root).join("npm/node_modules/.bin/wasm-opt");
    let module = raw.join("tastemaker_bg.wasm");
    Run::new(tool)
        .words("-O3 --strip-debug --strip-producers")
        .words(FEATURES)
        .arg(&module)
        .arg("-o")
        .arg(&module)
        .aside()
        .run()
}

/// The module for pages that only ask: what training and evaluation need is taken out.
fn reduce(root: &Path) -> Result<()> {
    make_folder(&root.join("bindings-wasm/build"))?;
    Run::new("node")
        .arg(root.join("bindings-wasm/scripts/score.mjs"))
        .arg(cache(root).join("npm/node_modules/.bin"))
        .words(FEATURES)
        .aside()
        .run()
}
