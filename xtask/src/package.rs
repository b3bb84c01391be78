//! `cargo xtask package`: packs what a release would publish, installs each
//! artefact into an empty folder, and runs the README's ten lines there.
//!
//! The ten lines are the fenced blocks of `README.md` that follow a comment
//! `<!-- ten-lines: LANGUAGE -->`.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::setup::{self, interpreter};
use crate::shell::{Run, cache, files, make_folder, read, remove_folder, target, write};
use crate::steps::Steps;

const AGAIN: &str = "cargo xtask package";

/// The steps; those of a package that was not built are skipped.
///
/// `portable` makes the wheel that a release needs, for any Linux since 2014: it
/// compiles everything once more, with another linker.
pub(crate) fn steps(root: &Path, steps: &mut Steps, built: &Built, portable: bool) {
    let work = Work {
        root: root.to_path_buf(),
        portable,
        folder: std::env::temp_dir().join("tastemaker-package"),
    };
    let ready = steps.step("package: an empty folder", AGAIN, || work.prepare());
    let mut step = |name: &str, built: bool, pack: fn(&Work) -> Result<()>| {
        if ready && built {
            steps.step(name, AGAIN, || pack(&work));
        } else {
            steps.skip(name);
        }
    };
    step("package: Rust crates", true, Work::rust);
    step("package: Python wheel", true, Work::wheel);
    step("package: Python source", true, Work::source);
    step("package: Node", built.node, Work::node);
    step("package: WebAssembly", built.wasm, Work::wasm);
}

/// Which JavaScript packages are there to be packed.
pub(crate) struct Built {
    pub(crate) node: bool,
    pub(crate) wasm: bool,
}

struct Work {
    portable: bool,
    root: PathBuf,
    /// Outside the repository, so that nothing of it is found by accident.
    folder: PathBuf,
}

impl Work {
    fn prepare(&self) -> Result<()> {
        remove_folder(&self.folder)?;
        make_folder(&self.folder)
    }

    /// A new folder.
    fn project(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        make_folder(&folder)?;
        Ok(folder)
    }

    fn rust(&self) -> Result<()> {
        // Cargo's own check unpacks the kernels into its home, once a version and
        // path: a machine that saw an older state of the same version would build
        // the core against those. The folder below builds what was packed just now.
        Run::new("cargo")
            .words("package --no-verify --allow-dirty -p tastemaker-kernels -p tastemaker")
            .run()?;
        let project = self.project("rust")?;
        let packed = target(&self.root).join("package");
        let version = env!("CARGO_PKG_VERSION");
        for name in ["tastemaker", "tastemaker-kernels"] {
            let file = packed.join(format!("{name}-{version}.crate"));
            // With the time of now (-m): archives carry one fixed time, by which
            // Cargo would take a changed file for the one it has built before.
            Run::new("tar")
                .arg("-xzmf")
                .arg(file)
                .arg("-C")
                .arg(&project)
                .run()?;
        }
        let manifest = format!(
            "[package]\nname = \"ten-lines\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\ntastemaker = {{ path = \"tastemaker-{version}\" }}\n\n\
             [patch.crates-io]\n\
             tastemaker-kernels = {{ path = \"tastemaker-kernels-{version}\" }}\n\n\
             [workspace]\n"
        );
        write(&project.join("Cargo.toml"), manifest)?;
        make_folder(&project.join("src"))?;
        write(
            &project.join("src/main.rs"),
            rust_program(&self.ten_lines("rust")?),
        )?;
        Run::new("cargo")
            .words("run --quiet --target-dir")
            .arg(target(&self.root).join("ten-lines"))
            .folder(&project)
            .run()
    }

    fn wheel(&self) -> Result<()> {
        setup::test_venv(&self.root)?;
        let output = self.folder.join("wheel");
        let portable = if self.portable {
            "--zig --compatibility manylinux2014"
        } else {
            ""
        };
        self.maturin()
            .words("build --release")
            .words(portable)
            .arg("--out")
            .arg(&output)
            .run()?;
        self.python("wheel-project", &only(&output, ".whl")?)
    }

    fn source(&self) -> Result<()> {
        setup::test_venv(&self.root)?;
        let output = self.folder.join("source");
        self.maturin().words("sdist --out").arg(&output).run()?;
        self.python("source-project", &only(&output, ".tar.gz")?)
    }

    fn maturin(&self) -> Run {
        let venv = cache(&self.root).join("venv");
        let python = interpreter(&venv);
        // maturin looks for zig in the environment that PATH leads to.
        let programs = python.parent().unwrap_or(&venv).to_path_buf();
        Run::new(python)
            .words("-m maturin")
            .env("VIRTUAL_ENV", venv)
            .path_first(&programs)
            .folder(self.root.join("bindings-python"))
    }

    /// Installs a wheel or a source archive into an empty environment.
    fn python(&self, name: &str, artefact: &Path) -> Result<()> {
        let project = self.project(name)?;
        let python = setup::new_venv(&project.join("venv"))?;
        Run::new(&python)
            .words("-m pip install --quiet --disable-pip-version-check")
            .arg(artefact)
            // Of the source archive only our own crates are compiled again.
            .env("CARGO_TARGET_DIR", target(&self.root))
            .run()?;
        write(&project.join("ten_lines.py"), self.ten_lines("python")?)?;
        Run::new(&python).arg("ten_lines.py").folder(&project).run()
    }

    fn node(&self) -> Result<()> {
        let output = self.folder.join("node");
        Run::new("npm")
            .words("run pack --")
            .arg(&output)
            .folder(self.root.join("bindings-node"))
            .run()?;
        let project = self.npm_project("node-project", &files(&output, ".tgz"))?;
        write(&project.join("ten-lines.mjs"), self.ten_lines("node")?)?;
        Run::new("node").arg("ten-lines.mjs").folder(&project).run()
    }

    fn wasm(&self) -> Result<()> {
        let output = self.folder.join("wasm");
        make_folder(&output)?;
        Run::new("npm")
            .words("pack --silent --pack-destination")
            .arg(&output)
            .folder(self.root.join("bindings-wasm"))
            .run()?;
        let project = self.npm_project("wasm-project", &files(&output, ".tgz"))?;
        write(&project.join("ten-lines.mjs"), self.ten_lines("wasm")?)?;
        Run::new("node").arg("ten-lines.mjs").folder(&project).run()
    }

    /// An empty npm project with the tarballs installed.
    fn npm_project(&self, name: &str, tarballs: &[PathBuf]) -> Result<PathBuf> {
        if tarballs.is_empty() {
            return Err("nothing was packed".to_owned());
        }
        let project = self.project(name)?;
        write(&project.join("package.json"), "{ \"private\": true }\n")?;
        let install = Run::new("npm").words("install --no-audit --no-fund --loglevel=error");
        tarballs
            .iter()
            .fold(install, Run::arg)
            .folder(&project)
            .run()?;
        Ok(project)
    }

    fn ten_lines(&self, language: &str) -> Result<String> {
        let readme = read(&self.root.join("README.md"))?;
        block(&readme, language)
            .ok_or_else(|| format!("README.md has no block after <!-- ten-lines: {language} -->"))
    }
}

/// The one file of a folder with that ending.
fn only(folder: &Path, ending: &str) -> Result<PathBuf> {
    match files(folder, ending).as_slice() {
        [file] => Ok(file.clone()),
        list => Err(format!(
            "{}: {} files {ending}",
            folder.display(),
            list.len()
        )),
    }
}

/// The text of the fenced block that follows a language's comment.
fn block(readme: &str, language: &str) -> Option<String> {
    let (_, rest) = readme.split_once(&format!("<!-- ten-lines: {language} -->"))?;
    let (_, rest) = rest.split_once("```")?;
    let (_, rest) = rest.split_once('\n')?;
    let (text, _) = rest.split_once("\n```")?;
    Some(format!("{text}\n"))
}

/// A program around lines that are not one already.
fn rust_program(lines: &str) -> String {
    if lines.contains("fn main") {
        return lines.to_owned();
    }
    format!("fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{lines}Ok(())\n}}\n")
}

#[cfg(test)]
mod tests {
    use super::{block, rust_program};

    #[test]
    fn finds_the_block() {
        let readme = "a\n<!-- ten-lines: node -->\n```js\none();\ntwo();\n```\nb\n";
        assert_eq!(block(readme, "node").unwrap(), "one();\ntwo();\n");
        assert!(block(readme, "rust").is_none());
        assert!(rust_program("let a = 1;\n").starts_with("fn main()"));
        assert_eq!(rust_program("fn main() {}\n"), "fn main() {}\n");
    }
}
