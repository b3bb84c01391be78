//! A list of steps with headings, times, and what to repeat when one fails.

use std::time::Instant;

use crate::Result;

/// Counts steps as they run.
#[derive(Default)]
pub(crate) struct Steps {
    passed: usize,
    failed: Vec<Failure>,
    skipped: Vec<String>,
    times: Vec<(String, f64)>,
}

struct Failure {
    name: String,
    why: String,
    repeat: String,
}

impl Steps {
    /// Runs one step; `repeat` is the command that runs it alone.
    /// Returns whether it passed, so that later steps can depend on it.
    pub(crate) fn step(
        &mut self,
        name: &str,
        repeat: &str,
        work: impl FnOnce() -> Result<()>,
    ) -> bool {
        println!("\n==> {name}");
        let start = Instant::now();
        let outcome = work();
        let seconds = start.elapsed().as_secs_f64();
        self.times.push((name.to_owned(), seconds));
        match outcome {
            Ok(()) => {
                println!("--- {name}: ok, {seconds:.1} s");
                self.passed += 1;
                true
            }
            Err(why) => {
                println!("--- {name}: FAILED after {seconds:.1} s: {why}");
                println!("    repeat it with: {repeat}");
                self.failed.push(Failure {
                    name: name.to_owned(),
                    why,
                    repeat: repeat.to_owned(),
                });
                false
            }
        }
    }

    /// Notes a step that cannot run because an earlier one failed.
    pub(crate) fn skip(&mut self, name: &str) {
        println!("\n==> {name}: not run, because a step before it failed");
        self.skipped.push(name.to_owned());
    }

    /// Prints the summary; an error when a step failed or was not run.
    pub(crate) fn finish(self) -> Result<()> {
        let total: f64 = self.times.iter().map(|(_, seconds)| seconds).sum();
        println!("\n==> summary, {total:.0} s");
        for (name, seconds) in &self.times {
            println!("{seconds:8.1} s  {name}");
        }
        for failure in &self.failed {
            println!(
                "FAILED: {}: {}\n    repeat it with: {}",
                failure.name, failure.why, failure.repeat
            );
        }
        for name in &self.skipped {
            println!("NOT RUN: {name}");
        }
        let skipped = match self.skipped.len() {
            0 => String::new(),
            count => format!(", {count} skipped"),
        };
        println!(
            "\n{} passed, {} failed{skipped}",
            self.passed,
            self.failed.len()
        );
        if self.failed.is_empty() && self.skipped.is_empty() {
            Ok(())
        } else {
            Err("some steps failed".to_owned())
        }
    }
}
