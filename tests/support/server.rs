//! The program on a free port, killed and reaped when dropped.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// Environment variable of the directory in which a server publishes its API token.
const RUNTIME: &str = "XDG_RUNTIME_DIR";

type Lines = Arc<Mutex<Vec<String>>>;

/// A running server. It publishes its API token in a directory of its own.
pub(crate) struct Server {
    child: Reaped,
    address: String,
    media: PathBuf,
    log: Lines,
    /// Removed when the server has ended.
    home: Option<TempDir>,
    runtime: TempDir,
}

impl Server {
    /// A server with default settings and a media directory of its own.
    pub(crate) fn fresh() -> Self {
        let home = TempDir::new().expect("a temporary directory");
        let mut server = Self::at(&home.path().join("media"), &[]);
        server.home = Some(home);
        server
    }

    /// A server with a configuration file of this text.
    pub(crate) fn configured(toml: &str) -> Self {
        let home = TempDir::new().expect("a temporary directory");
        let file = home.path().join("barstone.toml");
        std::fs::write(&file, toml).expect("the file is written");
        let mut server = Self::at(&home.path().join("media"), &["--config", file.to_str().expect("UTF-8")]);
        server.home = Some(home);
        server
    }

    /// A server with the media directory `media`, which outlives it.
    pub(crate) fn at(media: &Path, arguments: &[&str]) -> Self {
        Self::at_with(media, arguments, &[])
    }

    /// A server with the media directory `media` and these environment variables.
    pub(crate) fn at_with(media: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::listening("127.0.0.1:0", media, arguments, environment)
    }

    /// A server that listens on `listen` instead of 127.0.0.1.
    pub(crate) fn listening(listen: &str, media: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = program();
        let runtime = TempDir::new().expect("a temporary directory");
        command
            .env(RUNTIME, runtime.path())
            .envs(environment.iter().copied())
            .args(["serve", "--listen", listen, "--media-dir"])
            .arg(media)
            .args(arguments);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = Lines::default();
        let addresses = follow(child.stderr.take().expect("it is piped"), Arc::clone(&log));
        // From here on the guard reaps the process.
        let mut server =
            Self { child: Reaped(child), address: String::new(), media: media.to_owned(), log, home: None, runtime };
        server.address =
            addresses.recv_timeout(STARTS_WITHIN).unwrap_or_else(|_| panic!("no address: {:?}", server.log()));
        server
    }

    /// The server that tests of a file share while any of them runs.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::fresh());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Address and port of the server; `127.0.0.1:PORT` by default.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The API token.
    pub(crate) fn token(&self) -> String {
        let token = std::fs::read_to_string(self.token_file()).expect("it is there before the server listens");
        token.trim().to_owned()
    }

    /// Path of the file with the API token.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.runtime.path().join("barstone").join(&self.address)
    }

    /// Environment in which a command finds the API token.
    pub(crate) fn environment(&self) -> [(&str, &str); 1] {
        [(RUNTIME, self.runtime.path().to_str().expect("UTF-8"))]
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a pid")).expect("not 0");
        kill_process(pid, signal).expect("it runs");
    }

    /// Path of the media directory.
    pub(crate) fn media(&self) -> &Path {
        &self.media
    }

    /// Lines of the log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Kills the server, as `kill -9` does.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

/// A process that is killed when dropped.
pub(crate) struct Reaped(pub(crate) Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        // Fails if the program has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    run_with(arguments, &[])
}

/// Runs the program to its end with these environment variables.
pub(crate) fn run_with(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    program().args(arguments).envs(environment.iter().copied()).output().expect("it runs")
}

/// Runs the program to its end with these environment variables and `input` on standard input.
pub(crate) fn feed(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let mut command = program();
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // The program may end without reading its input.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// A command that runs the program without settings from the environment.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_barstone"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BARSTONE_") {
            command.env_remove(name);
        }
    }
    command
}

/// Collects the lines of a log, and sends the address that one of them contains.
fn follow(stderr: ChildStderr, log: Lines) -> mpsc::Receiver<String> {
    let (send, addresses) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("address=").or_else(|| line.split_once("\"address\":\"")) {
                // The receiver is gone after the first address.
                let _ = send.send(rest.split([' ', '"']).next().unwrap_or_default().to_owned());
            }
            log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
    addresses
}
