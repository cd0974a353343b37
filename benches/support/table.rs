//! A table of figures with their targets.

use std::fs::OpenOptions;
use std::io::Write;

use barstone::base::utc::Clock;
use barstone::media::manifest::date_time;
use serde_json::json;

/// Widths in columns of the name and of the value.
const NAME: usize = 58;
const VALUE: usize = 18;
/// Environment variable with the path of a file to which each figure is appended as a line of JSON.
const FIGURES: &str = "BARSTONE_BENCH_FIGURES";

/// Collects figures and prints them together.
pub(crate) struct Table {
    question: &'static str,
    figures: Vec<Figure>,
}

struct Figure {
    name: String,
    value: String,
    /// The target, and whether the figure meets it.
    judged: Option<(String, bool)>,
}

impl Table {
    pub(crate) fn new(question: &'static str) -> Self {
        Self { question, figures: Vec::new() }
    }

    /// Adds a figure without a target.
    pub(crate) fn figure(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.figures.push(Figure { name: name.into(), value: value.into(), judged: None });
    }

    /// Adds a figure with its target, and whether the figure meets it.
    pub(crate) fn judged(&mut self, name: impl Into<String>, value: impl Into<String>, target: &str, met: bool) {
        let judged = Some((target.to_owned(), met));
        self.figures.push(Figure { name: name.into(), value: value.into(), judged });
    }

    /// Prints the question, the time, the load of the machine and the table, and writes the figures to the file that
    /// [`FIGURES`] names.
    #[expect(clippy::print_stdout, reason = "a bench prints its figures")]
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or("unknown");
        println!("\n{}\n{}, load {load}", self.question, date_time(Clock::system().now()));
        for Figure { name, value, judged } in &self.figures {
            let verdict = judged.as_ref().map_or(String::new(), |(target, met)| {
                format!("  target {target}: {}", if *met { "met" } else { "missed" })
            });
            println!("  {name:NAME$}{value:>VALUE$}{verdict}");
        }
        match std::env::var_os(FIGURES) {
            Some(path) => self.write(OpenOptions::new().create(true).append(true).open(path)?),
            None => Ok(()),
        }
    }

    fn write(&self, mut file: impl Write) -> anyhow::Result<()> {
        for Figure { name, value, judged } in &self.figures {
            let (target, met) = judged.as_ref().map(|(target, met)| (target, met)).unzip();
            let figure = json!({"question": self.question, "name": name, "value": value, "target": target, "met": met});
            writeln!(file, "{figure}")?;
        }
        Ok(())
    }
}
