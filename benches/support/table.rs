//! A table of figures with their targets.

use barstone::base::utc::Clock;
use barstone::media::manifest::date_time;

/// Widths in columns of the name and of the value.
const NAME: usize = 58;
const VALUE: usize = 18;

/// Collects figures and prints them together.
pub(crate) struct Table {
    question: &'static str,
    lines: Vec<String>,
}

impl Table {
    pub(crate) fn new(question: &'static str) -> Self {
        Self { question, lines: Vec::new() }
    }

    /// Adds a figure without a target.
    pub(crate) fn figure(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        self.lines.push(format!("{:NAME$}{:>VALUE$}", name.as_ref(), value.as_ref()));
    }

    /// Adds a figure with its target, and whether the figure meets it.
    pub(crate) fn judged(&mut self, name: impl AsRef<str>, value: impl AsRef<str>, target: &str, met: bool) {
        let verdict = if met { "met" } else { "missed" };
        self.lines.push(format!("{:NAME$}{:>VALUE$}  target {target}: {verdict}", name.as_ref(), value.as_ref()));
    }

    /// Prints the question, the time, the load of the machine and the table.
    #[expect(clippy::print_stdout, reason = "a bench prints its figures")]
    pub(crate) fn print(&self) {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or("unknown");
        println!("\n{}\n{}, load {load}", self.question, date_time(Clock::system().now()));
        self.lines.iter().for_each(|line| println!("  {line}"));
    }
}
