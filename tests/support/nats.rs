//! A NATS server with JetStream, killed and reaped when dropped.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{LONG, until};

const USER: &str = "barstone";
const PASSWORD: &str = "p@ss/word";

pub(crate) struct Nats {
    child: Child,
    port: u16,
}

impl Nats {
    /// Starts a server with its data in `home`, which may contain data already.
    pub(crate) async fn start(home: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        Self::start_at(home, free).await
    }

    pub(crate) async fn start_at(home: &Path, port: u16) -> Self {
        // On Debian the program is in a directory that is in the path of root only.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("env");
        command.env("PATH", path).args(["nats-server", "-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]);
        command.arg(home).args(["--user", USER, "--pass", PASSWORD]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let nats = Self { child, port };
        let connects = async || TcpStream::connect(("127.0.0.1", port)).ok();
        drop(until("NATS takes connections", LONG, connects).await);
        nats
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{USER}:p%40ss%2Fword@127.0.0.1:{}/streams", self.port)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        // Fails if the server has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
