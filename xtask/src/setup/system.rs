//! System packages: installed only on Debian and its relatives, only as root.

use crate::Result;
use crate::shell::{Run, which};

/// Installs Debian packages, or says that a person has to.
pub(crate) fn install(packages: &str, purpose: &str) -> Result<()> {
    let root = Run::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|id| id.trim() == "0");
    if which("apt-get").is_none() || !root {
        return Err(format!(
            "{purpose} is missing; on Debian, as root: apt-get install {packages}"
        ));
    }
    eprintln!("installing {purpose}: {packages}");
    let apt = || {
        Run::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .words("-q -y")
    };
    apt().arg("update").aside().run()?;
    apt()
        .words("install --no-install-recommends")
        .words(packages)
        .aside()
        .run()
}
