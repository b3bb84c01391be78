//! npm packages, by each package's own lock file.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::shell::{Run, cache, make_folder, read, which, write};

/// Checks that Node is there and new enough.
fn check() -> Result<()> {
    let needed = "Node 20 or newer, with npm, is needed";
    if which("npm").is_none() {
        return Err(needed.to_owned());
    }
    let version = Run::new("node").arg("--version").output()?;
    let major = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .unwrap_or("");
    match major.parse::<u32>() {
        Ok(20..) => Ok(()),
        _ => Err(format!("{needed}; this is {}", version.trim())),
    }
}

/// Installs what a package's `package.json` and lock file ask for, unless that
/// is done. A package that is not there yet is left alone.
///
/// `npm install --no-save` follows the lock file too. `npm ci` refuses the lock
/// files of packages whose optional dependencies are for other platforms.
pub(crate) fn packages(folder: &Path) -> Result<()> {
    check()?;
    let manifest = folder.join("package.json");
    if !manifest.is_file() {
        return Ok(());
    }
    let wanted = read(&manifest)? + &read(&folder.join("package-lock.json")).unwrap_or_default();
    let stamp = folder.join("node_modules").join(".tastemaker-setup");
    if read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    eprintln!("npm install in {}", folder.display());
    Run::new("npm")
        .words("install --no-save --no-audit --no-fund --loglevel=error")
        .folder(folder)
        .aside()
        .run()?;
    make_folder(&folder.join("node_modules"))?;
    write(&stamp, wanted)
}

/// The tools that the xtask itself takes from npm: `wasm-opt`.
pub(crate) fn tools(root: &Path) -> Result<()> {
    staged(root, "npm").map(|_| ())
}

/// The peers that come from npm; the folder with their `node_modules`.
pub(crate) fn peers(root: &Path) -> Result<PathBuf> {
    staged(root, "npm-peers")
}

/// Installs what `xtask/NAME` asks for in a folder of the cache.
fn staged(root: &Path, name: &str) -> Result<PathBuf> {
    let source = root.join("xtask").join(name);
    let folder = cache(root).join(name);
    make_folder(&folder)?;
    for name in ["package.json", "package-lock.json"] {
        let text = read(&source.join(name))?;
        let file = folder.join(name);
        if read(&file).is_ok_and(|there| there == text) {
            continue;
        }
        write(&file, text)?;
    }
    packages(&folder)?;
    Ok(folder)
}
