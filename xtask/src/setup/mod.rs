//! Installs what the other commands need. Each part is quick when its work is
//! done, and everything lands in `.cache/`, in a package's `node_modules`, or,
//! for system packages, where the system's package manager puts it.

mod browser;
mod node;
mod python;
mod system;
mod wasm;

use std::path::Path;

use crate::Result;

pub(crate) use browser::find as browser;
pub(crate) use node::{packages as node_packages, peers as npm_peers, tools as node_tools};
pub(crate) use python::{create as new_venv, interpreter, peers, test_venv};
pub(crate) use wasm::{Toolchain, toolchain};

/// `cargo xtask setup`.
pub(crate) fn all(root: &Path) -> Result<()> {
    test_venv(root)?;
    node_tools(root)?;
    for package in ["bindings-node", "bindings-wasm"] {
        node_packages(&root.join(package))?;
    }
    toolchain()?;
    browser()?;
    println!("everything is set up");
    Ok(())
}
