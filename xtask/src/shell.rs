//! Starting other programs: one small builder over `std::process::Command`.
//!
//! Children get no standard input, and an environment without what `cargo run`
//! adds for the xtask itself, so that a nested cargo starts as if by hand.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// The root of the repository: the folder above this package.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// The folder for everything that `setup` installs.
pub(crate) fn cache(root: &Path) -> PathBuf {
    root.join(".cache")
}

/// Cargo's target folder, as the environment or the default has it.
pub(crate) fn target(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root.join(folder),
        None => root.join("target"),
    }
}

/// One program, to be run in the root of the repository.
pub(crate) struct Run {
    command: Command,
    text: String,
    limit: Option<Duration>,
}

impl Run {
    /// `program` is looked up in PATH unless it is a path.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.current_dir(root()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let ours = text.starts_with("CARGO_PKG_")
                || text.starts_with("CARGO_MANIFEST_")
                || matches!(&*text, "CARGO" | "CARGO_CRATE_NAME" | "LD_LIBRARY_PATH");
            if ours {
                command.env_remove(&name);
            }
        }
        Self {
            command,
            text: program.to_string_lossy().into_owned(),
            limit: None,
        }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.text.push(' ');
        self.text.push_str(&argument.as_ref().to_string_lossy());
        self.command.arg(argument);
        self
    }

    /// Adds words split at white space: for arguments that hold none themselves.
    pub(crate) fn words(self, words: &str) -> Self {
        words.split_whitespace().fold(self, Self::arg)
    }

    pub(crate) fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Puts a folder in front of PATH.
    pub(crate) fn path_first(self, folder: &Path) -> Self {
        let mut folders = vec![folder.to_path_buf()];
        if let Some(path) = std::env::var_os("PATH") {
            folders.extend(std::env::split_paths(&path));
        }
        match std::env::join_paths(folders) {
            Ok(path) => self.env("PATH", path),
            Err(_) => self,
        }
    }

    /// Sends what it writes to standard output to our standard error: for
    /// preparations, when our own output is what a person asked for.
    pub(crate) fn aside(mut self) -> Self {
        self.command.stdout(std::io::stderr());
        self
    }

    /// Ends the program after `seconds`, which then counts as a failure.
    pub(crate) fn limit(mut self, seconds: u64) -> Self {
        self.limit = Some(Duration::from_secs(seconds));
        self
    }

    /// Runs it with our output; an error when it does not end with status 0.
    pub(crate) fn run(mut self) -> Result<()> {
        let status = self.status()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{status}: {}", self.text))
        }
    }

    /// Runs it without output; whether it ended with status 0.
    pub(crate) fn works(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self.status().is_ok_and(|status| status.success())
    }

    /// Runs it, and returns what it wrote to standard output.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("{}: {error}", self.text))?;
        if !output.status.success() {
            return Err(format!("{}: {}", output.status, self.text));
        }
        String::from_utf8(output.stdout).map_err(|error| format!("{}: {error}", self.text))
    }

    fn status(&mut self) -> Result<ExitStatus> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.text);
        let mut child = self.command.spawn().map_err(failed)?;
        let Some(limit) = self.limit else {
            return child.wait().map_err(failed);
        };
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                return Ok(status);
            }
            if start.elapsed() > limit {
                child.kill().map_err(failed)?;
                child.wait().map_err(failed)?;
                return Err(format!("no end after {} s: {}", limit.as_secs(), self.text));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Where a program is in PATH.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

pub(crate) fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

pub(crate) fn write(file: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// Removes a folder with all it holds; one that is not there is fine.
pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The files of a folder whose names end in `ending`, in the order of their names.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    files
}
