//! A table of figures, each with its target beside it.

use barstone::base::utc::Clock;
use barstone::media::manifest::date_time;

/// Columns of the name and of the value.
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

    /// A figure that has no target.
    pub(crate) fn figure(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        self.lines.push(format!("{:NAME$}{:>VALUE$}", name.as_ref(), value.as_ref()));
    }

    /// A figure with its target, and whether it is met.
    pub(crate) fn judged(&mut self, name: impl AsRef<str>, value: impl AsRef<str>, target: &str, met: bool) {
        let verdict = if met { "met" } else { "missed" };
        self.lines.push(format!("{:NAME$}{:>VALUE$}  target {target}: {verdict}", name.as_ref(), value.as_ref()));
    }

    /// Prints the table under its question, the time and the load of the machine.
    #[expect(clippy::print_stdout, reason = "a bench prints its figures")]
    pub(crate) fn print(&self) {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or("unknown");
        println!("\n{}\n{}, load {load}", self.question, date_time(Clock::system().now()));
        self.lines.iter().for_each(|line| println!("  {line}"));
    }
}
