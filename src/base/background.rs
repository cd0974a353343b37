//! Threads with a low priority, for work that may wait for live streams.

use std::io;
use std::thread::{Builder, JoinHandle};

use rustix::process::setpriority_process;
use rustix::thread::gettid;

/// Nice value of the threads: about a tenth of the weight of a live thread that wants the same core.
const NICE: i32 = 10;

/// Runs `work` on a new thread with a low priority. A thread of a pool would keep the priority, and a process without
/// privileges cannot raise it again.
///
/// # Errors
/// The system starts no more threads.
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        // Linux applies it to this thread alone (setpriority(2), NOTES). Without it the work still gets done.
        let _ = setpriority_process(Some(gettid()), NICE);
        work();
    })
}
