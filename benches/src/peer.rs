//! A program that waits for commands: it reads one a line, and answers each
//! with one JSON object a line. So that we and a peer take turns on the same
//! machine, minute by minute, both stay loaded and measure when they are told to.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::Failure;

/// A started program. It is ended when this is dropped.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    name: String,
}

impl Peer {
    /// Starts a driver, with its libraries held to one thread of BLAS: the
    /// threads that a figure counts are the peer's own.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start<A: AsRef<OsStr>>(
        name: &str,
        program: &Path,
        arguments: &[A],
    ) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for variable in ["OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"] {
            command.env(variable, "1");
        }
        if has_avx512() {
            // OpenBLAS does not know every processor, and takes an old kernel then.
            command.env("OPENBLAS_CORETYPE", "SkylakeX");
        }
        let mut child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = child.stdout.take().ok_or("no standard output")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
            name: name.to_owned(),
        })
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// When the program ended, or answered with something else than an object.
    pub fn ask(&mut self, command: &str) -> Result<Value, Failure> {
        writeln!(self.input, "{command}")?;
        self.input.flush()?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(format!("{} ended at {command:?}", self.name).into());
        }
        let answer: Value = serde_json::from_str(&line)
            .map_err(|_| format!("{} answered {line:?} to {command:?}", self.name))?;
        Ok(answer)
    }

    /// Sends one command, and takes one number of its answer.
    ///
    /// # Errors
    /// As [`Peer::ask`]; also when the number is missing.
    pub fn number(&mut self, command: &str, key: &str) -> Result<f64, Failure> {
        number(&self.ask(command)?, key).map_err(|why| format!("{}: {why}", self.name).into())
    }
}

/// One number of an answer.
///
/// # Errors
/// When it is not there.
pub fn number(answer: &Value, key: &str) -> Result<f64, Failure> {
    answer[key]
        .as_f64()
        .ok_or_else(|| format!("no number {key:?} in {answer}").into())
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512dq")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}
