//! Colours and a progress bar, where there is a terminal.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use tastemaker::control::Progress;

/// How text is shown on standard output: plain where that is not a terminal.
#[derive(Clone, Copy)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// Looks at standard output and at `NO_COLOR`.
    #[must_use]
    pub fn detect() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none();
        Self {
            colours: wanted && std::io::stdout().is_terminal(),
        }
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }

    /// Important.
    #[must_use]
    pub fn bold(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    /// Of less importance.
    #[must_use]
    pub fn dim(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    /// Good news.
    #[must_use]
    pub fn green(self, text: impl Display) -> String {
        self.paint("32", text)
    }

    /// A heading with space before it.
    pub fn heading(self, text: impl Display) {
        println!("\n{}", self.paint("1;36", text));
    }
}

/// Shows a step of long work on one line of standard error; nothing where that is a file.
pub fn progress(step: Progress<'_>) {
    const WIDTH: u64 = 24;
    let mut terminal = std::io::stderr();
    if !terminal.is_terminal() {
        return;
    }
    let filled = WIDTH * step.done.min(step.total) / step.total.max(1);
    let bar: String = (0..WIDTH)
        .map(|i| if i < filled { '█' } else { '░' })
        .collect();
    // A progress bar that cannot be shown is no reason to stop.
    let _ = write!(
        terminal,
        "\r\x1b[K  {bar} {} {}/{}",
        step.stage, step.done, step.total
    );
    let _ = terminal.flush();
}

/// Removes the progress bar.
pub fn progress_done() {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _ = write!(terminal, "\r\x1b[K");
    }
}

/// A number with commas: `100,004`.
#[must_use]
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
