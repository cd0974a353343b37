//! A child process that ends with its handle, and its processor time.

use std::fs;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::Context;

/// Ticks per second in `/proc/PID/stat`: a constant of Linux (`USER_HZ`).
const TICKS: u64 = 100;

/// A running program; killed when dropped.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        Ok(Self(command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether the program has ended. A program whose status is unknown counts as ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.cpu_time().is_err()
    }

    /// Processor time so far, user and system, of the program and its children.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.id()))?;
        let own = cpu_time(&self.id().to_string())?;
        children.split_whitespace().try_fold(own, |sum, child| Ok(sum + cpu_time(child)?))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails if the program has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cpu_time(id: &str) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).context("the program has ended")?;
    // The name in the second field may contain anything, but ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(") ").context("stat has no name")?;
    let mut fields = fields.split(' ');
    anyhow::ensure!(fields.next() != Some("Z"), "the program has ended");
    let mut ticks = fields.skip(10).map(str::parse::<u64>);
    let (user, system) = (ticks.next().context("no utime")??, ticks.next().context("no stime")??);
    Ok(Duration::from_millis((user + system) * 1000 / TICKS))
}
