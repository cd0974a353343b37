//! The program under test on a free port, with a directory of its own.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::header::AUTHORIZATION;
use reqwest::{Client, StatusCode};
use tempfile::TempDir;
use tokio::time::sleep;

use super::child::Program;

/// Thirty streams that start simultaneously on busy cores need minutes.
const READY: Duration = Duration::from_secs(300);
/// The API token, which every change needs.
const TOKEN: &str = "the-token-of-this-bench";
const POLL: Duration = Duration::from_millis(2);

/// A running server; killed, and its files removed, when dropped.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) client: Client,
    address: String,
    // Fields are dropped in order: the files after the program.
    _files: TempDir,
}

impl Server {
    /// Starts a server with the default stream, or with the streams of a configuration file. `BARSTONE_BIN` is the program, by default
    /// that of the profile in which the bench is built.
    pub(crate) async fn start(config: Option<&str>) -> anyhow::Result<Self> {
        let files = tempfile::tempdir()?;
        let log = files.path().join("log");
        let program = std::env::var_os("BARSTONE_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_barstone").into());
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0", "--media-dir"]).arg(files.path().join("media"));
        command.env("BARSTONE_API_TOKEN", TOKEN);
        // All clients of a bench have the same address.
        command.args(["--max-connections-per-address", "10000"]);
        if let Some(config) = config {
            let path = files.path().join("config.toml");
            std::fs::write(&path, config)?;
            command.arg("--config").arg(path);
        }
        let program = Program::start(command.stderr(File::create(&log)?))?;
        // Every client installs a TLS provider.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let bearer = format!("Bearer {TOKEN}").parse()?;
        let client = Client::builder().default_headers([(AUTHORIZATION, bearer)].into_iter().collect()).build()?;
        let mut server = Self { program, client, address: String::new(), _files: files };
        server.address = server.listening(&log).await?;
        Ok(server)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Status and body of `path`.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let response = self.client.get(self.url(path)).send().await?;
        Ok((response.status(), response.bytes().await?.into()))
    }

    /// Body of `path`, once its status is 200.
    pub(crate) async fn wait_for(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let deadline = Instant::now() + READY;
        loop {
            let (status, body) = self.get(path).await?;
            if status == StatusCode::OK {
                return Ok(body);
            }
            anyhow::ensure!(Instant::now() < deadline, "{path} is still answered {status}");
            sleep(POLL).await;
        }
    }

    /// Media files in the playlist of a track, oldest first, once the playlist exists.
    pub(crate) async fn listed(&self, stream: &str, track: &str) -> anyhow::Result<Vec<String>> {
        let directory = format!("/live/{stream}/{track}");
        let playlist = String::from_utf8(self.wait_for(&format!("{directory}/hls.m3u8")).await?)?;
        let files = playlist.lines().filter(|line| !line.starts_with('#'));
        Ok(files.map(|file| format!("{directory}/{file}")).collect())
    }

    async fn listening(&self, log: &std::path::Path) -> anyhow::Result<String> {
        let deadline = Instant::now() + READY;
        loop {
            let text = std::fs::read_to_string(log)?;
            let address = text.split_once("address=").and_then(|(_, rest)| rest.split_whitespace().next());
            if let Some(address) = address {
                return Ok(address.to_owned());
            }
            anyhow::ensure!(!self.program.has_ended(), "the server has ended:\n{text}");
            anyhow::ensure!(Instant::now() < deadline, "the server does not listen:\n{text}");
            sleep(POLL).await;
        }
    }
}
