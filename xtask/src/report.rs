//! `docs/benchmarks.md`, made from the lines of `docs/benchmarks.jsonl`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Result;
use crate::shell::{Run, read, write};

const GROUPS: [(&str, &str, &str); 12] = [
    (
        "quality",
        "Quality",
        "Higher is better. Full test users, with what they have in train left out; \
      served from the saved graph with its quantised weights.",
    ),
    (
        "train",
        "Training",
        "Seconds, lower is better. Ours starts from columns of ids; the peer from a \
      matrix that is built already.",
    ),
    (
        "trials",
        "Training on large and odd data",
        "Made data, default options: seconds and MB, lower is better.",
    ),
    (
        "recommend",
        "Recommending",
        "Microseconds, lower is better; users a second, higher is better.",
    ),
    (
        "overhead",
        "Other languages",
        "What a call costs on top of the same call in Rust; WebAssembly as a \
      multiple of native time.",
    ),
    ("snapshot", "Snapshots", "Lower is better."),
    ("stats", "Statistics of experiments", "Lower is better."),
    (
        "experiments",
        "Experiments",
        "Nanoseconds or microseconds, lower is better. In Node both sides run in one process, in turns.",
    ),
    (
        "bandits",
        "Bandits",
        "Regret and nanoseconds, lower is better; clicks a view, higher is better.",
    ),
    (
        "offpolicy",
        "Off-policy evaluation",
        "Estimates on the small Open Bandit Dataset, beside what its authors publish; and times, lower is better.",
    ),
    (
        "ann",
        "Vector search",
        "Queries a second of one core, higher is better, at recall@10 of .95, .99 and .998, \
      interpolated between two widths of search; builds in seconds on two threads. Peers answer \
      all queries in one call, which spares them Python's overhead. In filtered lines hnswlib asks a \
      function in Python about every candidate, its one interface there and most of its time; faiss has \
      a bitmap of its own.",
    ),
    (
        "ann-large",
        "Vector search, large sets",
        "As above; one build of each side.",
    ),
];

const INTRODUCTION: &str = "\
# Benchmarks

This page is written by `cargo xtask figures … --write DATE` from the lines in
[benchmarks.jsonl](benchmarks.jsonl); do not edit it by hand.

`ratio` says how many times better ours is (their time / our time, our throughput / theirs,
our quality / theirs): above 1 we are ahead, below 1 behind.

How the figures come about:

- We and a peer take turns in one sitting, on the same machine, with the same number of threads.
  Each time is the median of the runs, whose number each section names; a percentile is the median of the
  runs' percentiles.
- Each peer runs with the best reasonable setting that we found, which its row names; ALS's `alpha`
  and regularization were chosen by its Recall@20 on gowalla's test users, which favours it there;
  they were not chosen again for ml-1m. They do not change its times. Its linear algebra library is held to one thread, as implicit recommends, and
  told the processor's kind where it would not know it.
- The defaults of our spectral trainer are not free of that test set either: `iterations` went from 3 to 6 after six
  variants had been tried on gowalla's full test (3 gave Recall@20 .1850 and NDCG@20 .1550), and
  `alpha`, `candidates` and `popularity_exponent` come from prototypes that were measured on it.
  ml-1m was tried by hand as well, and changed no default.
- `train-only`: default options; the trainers are chosen on events that are held out of train. Nothing
  is chosen by test events of the set in question, but the list of candidates and the length of the judged lists
  (50) were designed while results on gowalla's and ml-1m's test sets were known; citeulike was not looked at before.
  `dev-users`: chosen on the test items of a fifth of gowalla's users, reported for the others, as the mean of five seeds.
- implicit is called from Python and ours from Rust, as each is used at its fastest; what our own
  Python package adds is under \"Other languages\".
- Times differ by tens of per cent between machines, and with what else a machine does. The ratios
  hold better than the times.
";

/// The kept lines.
pub(crate) fn lines_file(root: &Path) -> PathBuf {
    root.join("docs/benchmarks.jsonl")
}

/// Processor, number of cores and system, in a few words.
pub(crate) fn machine() -> String {
    let processor = read(Path::new("/proc/cpuinfo"))
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split(':').nth(1)?.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let compiler = Run::new("rustc")
        .arg("--version")
        .output()
        .unwrap_or_default();
    let compiler: Vec<&str> = compiler.split_whitespace().take(2).collect();
    let simd = if cfg!(target_arch = "x86_64") {
        widest()
    } else {
        ""
    };
    format!(
        "{processor}, {cores} cores{simd}, {}, {}",
        std::env::consts::OS,
        compiler.join(" ")
    )
}

#[cfg(target_arch = "x86_64")]
fn widest() -> &'static str {
    if std::arch::is_x86_feature_detected!("avx512f") {
        " with AVX-512"
    } else if std::arch::is_x86_feature_detected!("avx2") {
        " with AVX2"
    } else {
        ""
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn widest() -> &'static str {
    ""
}

/// Writes the page from the kept lines.
pub(crate) fn write_page(root: &Path) -> Result<()> {
    let text = read(&lines_file(root))?;
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{line}: {error}")))
        .collect::<Result<_>>()?;
    write(&root.join("docs/benchmarks.md"), page(&lines))
}

fn page(lines: &[Value]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for (group, title, explanation) in GROUPS {
        let own: Vec<&Value> = lines.iter().filter(|line| line["group"] == group).collect();
        if let Some(first) = own.first() {
            section(&mut page, title, explanation, group, first, &own);
        }
    }
    page
}

fn section(
    page: &mut String,
    title: &str,
    explanation: &str,
    group: &str,
    first: &Value,
    lines: &[&Value],
) {
    let peers = if lines.iter().any(|line| line["peer"].is_string()) {
        " --peers"
    } else {
        ""
    };
    let _ = write!(
        page,
        "\n## {title}\n\n{explanation}\n\n{}, {}, {} runs. Repeat with `cargo xtask figures {group} --data DIR{peers}`.\n\n",
        text(&first["date"]),
        text(&first["machine"]),
        text(&first["runs"]),
    );
    page.push_str("| figure | ours | peer | theirs | ratio |\n|---|---|---|---|---|\n");
    for line in lines {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            text(&line["figure"]),
            quantity(&line["value"], &line["unit"]),
            text(&line["peer"]),
            quantity(&line["peer_value"], &line["unit"]),
            line["ratio"]
                .as_f64()
                .map(|ratio| format!("{ratio:.2}"))
                .unwrap_or_default(),
        );
    }
    let mut notes: Vec<String> = Vec::new();
    for line in lines {
        let figure = text(&line["figure"]);
        let own = line["note"]
            .as_str()
            .map(|note| format!("`{figure}`: {note}."));
        let theirs = line["peer_setting"]
            .as_str()
            .map(|setting| format!("{}: {setting}.", text(&line["peer"])));
        for note in own.into_iter().chain(theirs) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    if !notes.is_empty() {
        page.push('\n');
    }
    for note in notes {
        let _ = writeln!(page, "- {note}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// A number with its unit; empty for what is not a number.
fn quantity(value: &Value, unit: &Value) -> String {
    let Some(number) = value.as_f64() else {
        return String::new();
    };
    let digits = match number.abs() {
        1000.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        1.0.. => format!("{number:.2}"),
        _ => format!("{number:.5}"),
    };
    match text(unit) {
        "1" | "" => digits,
        unit => format!("{digits} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_line_becomes_a_row() {
        let line = json!({
            "group": "train", "date": "2026-01-02", "runs": "5", "machine": "m", "figure": "train.x.s",
            "value": 5.0, "unit": "s", "peer": "p", "peer_value": 10.0, "ratio": 2.0,
            "peer_setting": "as it comes", "note": "two threads",
        });
        let page = super::page(&[line]);
        assert!(
            page.contains("| `train.x.s` | 5.00 s | p | 10.0 s | 2.00 |"),
            "{page}"
        );
        assert!(page.contains("- `train.x.s`: two threads."), "{page}");
        assert!(page.contains("- p: as it comes."), "{page}");
        assert!(page.contains("figures train --data DIR --peers"), "{page}");
        assert!(!page.contains("## Quality"), "{page}");
    }
}
