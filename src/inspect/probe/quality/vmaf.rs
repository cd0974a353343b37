//! VMAF of pictures, by the ffmpeg on the PATH if that ffmpeg has the filter `libvmaf`. One pipe carries both pictures: the
//! received picture above its original, as one picture of twice the height. ffmpeg prints its values at the end of its input,
//! so a process compares a run of pictures of one size, and the next process the next run.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::lock;
use super::results::Results;
use crate::base::os_error;

/// Pictures that wait for ffmpeg.
const WAITING: usize = 2;
/// Most pictures of a process. ffmpeg stores the values of all of them until its end.
const RUN: usize = 250;
/// Time for ffmpeg to accept a picture, and to print its values. It is shorter than the time without a picture after which the
/// probe ends, because a recording waits for ffmpeg.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much less important ffmpeg is than the player, which must show pictures on time.
const NICENESS: &str = "10";
/// Chroma of grey. VMAF compares luma.
const GREY: u8 = 128;
/// Most bytes of an error message of ffmpeg.
const MOST_MESSAGE: u64 = 64 << 10;

/// A picture beside its original. Both have the same size, and no space between their rows.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) rendition: String,
    pub(super) size: (usize, usize),
    pub(super) received: Vec<u8>,
    pub(super) original: Vec<u8>,
}

/// Passes pictures to ffmpeg, and never waits longer than [`PATIENCE`].
#[derive(Debug)]
pub(super) struct Vmaf {
    /// `None` ends the thread.
    queue: Sender<Option<Pair>>,
    /// A message for each picture that the queue can take. Its sender is dropped with the thread.
    free: Receiver<()>,
    process: Arc<Process>,
    results: Arc<Mutex<Results>>,
}

/// The running ffmpeg, if there is one.
#[derive(Debug, Default)]
struct Process(Mutex<Option<Child>>);

/// The ends of the pipes of a process.
struct Pipes {
    input: Option<ChildStdin>,
    output: ChildStdout,
    errors: ChildStderr,
}

/// A process and the pictures that it compares.
struct Run {
    rendition: String,
    size: (usize, usize),
    count: usize,
    pipes: Pipes,
}

/// What the filter prints.
#[derive(Deserialize)]
struct Log {
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    metrics: HashMap<String, f64>,
}

impl Vmaf {
    /// Starts a thread that adds VMAF to the results, or the cause why there is none.
    pub(super) fn start(results: Arc<Mutex<Results>>) -> Self {
        let (queue, pairs) = channel();
        let (taken, free) = channel();
        // The receiver exists.
        (0..WAITING).for_each(|_| _ = taken.send(()));
        let process = Arc::<Process>::default();
        let vmaf = Self { queue, free, process: Arc::clone(&process), results: Arc::clone(&results) };
        thread::spawn(move || {
            if let Err(cause) = compare(&process, &pairs, &taken, &results) {
                lock(&results).end_vmaf(cause);
            }
        });
        vmaf
    }

    /// Compares a picture, unless ffmpeg is busy. Waits for ffmpeg if `is_patient`.
    pub(super) fn add(&mut self, pair: Pair, is_patient: bool) {
        let is_free = if is_patient { self.wait() } else { self.free.try_recv().is_ok() };
        if is_free {
            // After its end, the thread needs no picture.
            let _ = self.queue.send(Some(pair));
        }
    }

    /// Waits until the values of all pictures are in the results.
    pub(super) fn finish(mut self) {
        let _ = self.queue.send(None);
        while self.wait() {}
    }

    /// Waits until the queue can take a picture; `false` if the thread has ended or does not go on.
    fn wait(&mut self) -> bool {
        match self.free.recv_timeout(PATIENCE) {
            Ok(()) => true,
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => {
                lock(&self.results).end_vmaf(format!("ffmpeg accepts no picture for {} s", PATIENCE.as_secs()));
                self.process.kill();
                // From now on, the thread counts as ended, even if a child of ffmpeg still holds the pipes.
                self.free = channel().1;
                false
            }
        }
    }
}

impl Process {
    /// Starts a program with pipes.
    fn start(&self, command: &mut Command) -> io::Result<Pipes> {
        // In a process group of its own, so that Ctrl-C on the terminal does not end it before its values are printed.
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().expect("standard output is piped");
        let errors = child.stderr.take().expect("standard error is piped");
        *self.lock() = Some(child);
        Ok(Pipes { input, output, errors })
    }

    /// Standard output of a process, at its end.
    fn end(&self, pipes: Pipes) -> Result<String, String> {
        let Pipes { input, mut output, errors } = pipes;
        drop(input);
        let [mut text, mut message] = [String::new(), String::new()];
        let read = output.read_to_string(&mut text);
        // Without a message, the status tells the cause.
        let _ = errors.take(MOST_MESSAGE).read_to_string(&mut message);
        let child = self.lock().take();
        let status = child.map(|mut child| child.wait()).transpose();
        let status = status.map_err(|error| os_error::text(&error))?;
        if status.is_some_and(|status| status.success()) {
            return read.map(|_| text).map_err(|error| os_error::text(&error));
        }
        let last = message.lines().rfind(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned());
        Err(format!("ffmpeg: {}", last.or_else(|| Some(status?.to_string())).unwrap_or_default()))
    }

    fn kill(&self) {
        if let Some(child) = &mut *self.lock() {
            // Fails if it has ended.
            let _ = child.kill();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares all pictures of a queue.
fn compare(
    process: &Process,
    pairs: &Receiver<Option<Pair>>,
    taken: &Sender<()>,
    results: &Mutex<Results>,
) -> Result<(), String> {
    find(process)?;
    let mut run: Option<Run> = None;
    loop {
        let pair = pairs.recv().ok().flatten();
        let is_next = |run: &mut Run| {
            let is_same = |pair: &Pair| (&pair.rendition, pair.size) == (&run.rendition, run.size);
            run.count == RUN || !pair.as_ref().is_some_and(is_same)
        };
        if let Some(Run { rendition, size, pipes, .. }) = run.take_if(is_next) {
            let values = values(&process.end(pipes)?)?;
            lock(results).add_vmaf(&rendition, size, &values);
        }
        let Some(pair) = pair else { return Ok(()) };
        let mut next = match run.take() {
            Some(run) => run,
            None => Run::start(process, &pair)?,
        };
        if let Err(error) = next.write(&pair) {
            // The message of ffmpeg tells more than the broken pipe.
            process.end(next.pipes)?;
            return Err(os_error::text(&error));
        }
        run = Some(next);
        // Fails if nobody adds pictures any more.
        let _ = taken.send(());
    }
}

/// Finds out whether ffmpeg can compute VMAF.
fn find(process: &Process) -> Result<(), String> {
    let mut command = Command::new("ffmpeg");
    let started = process.start(command.args(["-hide_banner", "-v", "error", "-filters"]).stdin(Stdio::null()));
    let pipes = started.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no ffmpeg on the PATH".to_owned(),
        _ => format!("ffmpeg: {}", os_error::text(&error)),
    })?;
    let has_filter = process.end(pipes)?.split_whitespace().any(|word| word == "libvmaf");
    has_filter.then_some(()).ok_or_else(|| "the ffmpeg on the PATH has no filter libvmaf".to_owned())
}

impl Run {
    fn start(process: &Process, pair: &Pair) -> Result<Self, String> {
        let (width, height) = even(pair.size);
        let filters = format!(
            "split[a][b];[a]crop={width}:{height}:0:0[received];[b]crop={width}:{height}:0:{height}[original];\
             [received][original]libvmaf=log_fmt=json:log_path=/dev/stdout"
        );
        let size = format!("{width}x{}", 2 * height);
        let mut command = Command::new("nice");
        command.args(["-n", NICENESS, "ffmpeg", "-v", "error", "-nostdin", "-f", "rawvideo", "-pix_fmt", "yuv420p"]);
        command.args(["-s", &size, "-i", "pipe:0", "-lavfi", &filters, "-f", "null", "-"]);
        let pipes = process.start(command.stdin(Stdio::piped())).map_err(|error| os_error::text(&error))?;
        Ok(Self { rendition: pair.rendition.clone(), size: pair.size, count: 0, pipes })
    }

    fn write(&mut self, Pair { size, received, original, .. }: &Pair) -> io::Result<()> {
        let (width, height) = even(*size);
        let rows = [received, original].into_iter().flat_map(|pixels| pixels.chunks_exact(size.0).take(height));
        let mut picture = Vec::with_capacity(3 * width * height);
        rows.for_each(|row| picture.extend_from_slice(&row[..width]));
        // Two planes of a quarter of the size.
        picture.resize(3 * width * height, GREY);
        self.count += 1;
        self.pipes.input.as_mut().map_or(Ok(()), |input| input.write_all(&picture))
    }
}

/// The size without the last column and row of odd sizes, because chroma has half the size.
const fn even((width, height): (usize, usize)) -> (usize, usize) {
    (width & !1, height & !1)
}

/// VMAF of each picture in the log of the filter.
fn values(log: &str) -> Result<Vec<f64>, String> {
    let log: Log = serde_json::from_str(log).map_err(|error| format!("the log of libvmaf: {error}"))?;
    let values = log.frames.iter().map(|frame| frame.metrics.get("vmaf").copied());
    values.collect::<Option<_>>().ok_or_else(|| "the log of libvmaf has no value of vmaf".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_log() {
        let log = r#"{"version": "3", "frames": [{"frameNum": 0, "metrics": {"integer_motion": 0.0, "vmaf": 97.5}},
            {"frameNum": 1, "metrics": {"vmaf": 41}}], "pooled_metrics": {"vmaf": {"min": 41.0}}}"#;
        assert_eq!(values(log), Ok(vec![97.5, 41.0]));
        assert!(values(r#"{"frames": [{"metrics": {}}]}"#).unwrap_err().contains("no value"));
        assert!(values("").unwrap_err().contains("the log of libvmaf"));
    }
}
