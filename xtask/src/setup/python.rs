//! Virtual environments: one for the tests, one for the libraries we measure
//! ourselves against.

use std::path::{Path, PathBuf};

use super::system;
use crate::Result;
use crate::shell::{Run, cache, make_folder, read, remove_folder, which, write};

const MINIMUM: u32 = 10;

/// The environment for tests; returns its interpreter.
pub(crate) fn test_venv(root: &Path) -> Result<PathBuf> {
    venv(root, "venv", "requirements-test.txt")
}

/// The environment for the peers; returns its interpreter.
pub(crate) fn peers(root: &Path) -> Result<PathBuf> {
    venv(root, "venv-peers", "requirements-peers.txt")
}

fn venv(root: &Path, name: &str, requirements: &str) -> Result<PathBuf> {
    let requirements = root.join("xtask").join(requirements);
    let folder = cache(root).join(name);
    let python = interpreter(&folder);
    let wanted = read(&requirements)?;
    let stamp = folder.join(".setup");
    if python.exists() && read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("creating {}", folder.display());
    create(&folder)?;
    Run::new(&python)
        .words("-m pip install --quiet --disable-pip-version-check -r")
        .arg(&requirements)
        .aside()
        .run()?;
    write(&stamp, wanted)?;
    Ok(python)
}

/// Makes an empty virtual environment; returns its interpreter.
pub(crate) fn create(folder: &Path) -> Result<PathBuf> {
    remove_folder(folder)?;
    if let Some(parent) = folder.parent() {
        make_folder(parent)?;
    }
    let system = find()?;
    let make = || Run::new(&system).words("-m venv").arg(folder);
    if !Run::new(&system)
        .words("-c")
        .arg("import ensurepip")
        .works()
    {
        system::install("python3-venv", "Python's venv module")?;
    }
    make().aside().run()?;
    Ok(interpreter(folder))
}

/// The interpreter of a virtual environment.
pub(crate) fn interpreter(folder: &Path) -> PathBuf {
    if cfg!(windows) {
        folder.join("Scripts/python.exe")
    } else {
        folder.join("bin/python")
    }
}

/// The first Python that is new enough.
fn find() -> Result<PathBuf> {
    let check = format!("import sys; sys.exit(sys.version_info < (3, {MINIMUM}))");
    let names = ["python3".to_owned(), "python".to_owned()]
        .into_iter()
        .chain((MINIMUM..=15).rev().map(|minor| format!("python3.{minor}")));
    for name in names {
        if let Some(path) = which(&name)
            && Run::new(&path).arg("-c").arg(&check).works()
        {
            return Ok(path);
        }
    }
    Err(format!(
        "Python 3.{MINIMUM} or newer is needed, and none is in PATH"
    ))
}
