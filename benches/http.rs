//! How fast are segments and playlists served, compared with nginx, and segments that a fault rewrites, compared with plain ones?

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use child::Program;
use order::percentile;
use server::Server;
use table::Table;

#[path = "support/child.rs"]
mod child;
#[path = "support/order.rs"]
mod order;
#[path = "support/server.rs"]
mod server;
#[path = "support/table.rs"]
mod table;

const QUESTION: &str = "How fast are segments and playlists served beside nginx?";
const ROUNDS: usize = 5;
const WRK: [&str; 3] = ["-t1", "-c32", "-d4s"];
const READY: Duration = Duration::from_secs(10);
/// Configuration of nginx for static files. Both servers may use both cores.
const NGINX: &str = "daemon off; worker_processes 2; pid DIR/pid; error_log DIR/error.log;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  types { application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  server { listen 127.0.0.1:PORT; root DIR/root; }
}";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let server = Server::start(None).await?;
    server.wait_for("/readyz").await?;
    let segment = server.listed("test", "v720").await?.pop().context("nothing is listed")?;
    let playlist = "/live/test/v720/hls.m3u8".to_owned();
    let nginx = Nginx::start(&server, &[&segment, &playlist]).await?;

    let mut table = Table::new(QUESTION);
    for (name, path, goal) in [("segment", segment.clone(), 0.7), ("playlist", playlist, 1.0)] {
        let size = server.wait_for(&path).await?.len();
        let mut rates = [const { Vec::new() }; 2];
        let mut costs = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            for (index, (program, url)) in
                [(&server.program, server.url(&path)), (&nginx.program, nginx.url(&path))].into_iter().enumerate()
            {
                let before = program.cpu_time()?;
                let load = Load::run(&url)?;
                let used = program.cpu_time()? - before;
                rates[index].push(load.per_second);
                costs[index].push(used.as_secs_f64() * 1e6 / load.requests);
            }
        }
        let [ratio, cost] = [&rates, &costs].map(|both| {
            percentile(&both[0].iter().zip(&both[1]).map(|(own, nginx)| own / nginx).collect::<Vec<_>>(), 50)
        });
        for (who, index) in [("barstone", 0), ("nginx", 1)] {
            let rate = format!("{:.0}/s", percentile(&rates[index], 50));
            table.figure(format!("{who}: {name} of {size} bytes, requests"), rate);
            let cost = format!("{:.1} us", percentile(&costs[index], 50));
            table.figure(format!("{who}: {name}, processor time for each"), cost);
        }
        let target = format!("at least {goal:.1}");
        table.judged(format!("barstone / nginx: {name}s"), format!("{ratio:.2}"), &target, ratio >= goal);
        table.figure(format!("barstone / nginx: processor time for a {name}"), format!("{cost:.2}"));
    }
    rewritten(&server, &segment, &mut table)?;
    table.print()
}

/// Segments that a fault rewrites beside the plain segment.
fn rewritten(server: &Server, segment: &str, table: &mut Table) -> anyhow::Result<()> {
    for fault in ["offset=120ms:track=video", "corrupt=100:track=video"] {
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let changed = Load::run(&server.url(&format!("/with/{fault}{segment}")))?;
            ratios.push(changed.per_second / Load::run(&server.url(segment))?.per_second);
        }
        let ratio = percentile(&ratios, 50);
        let name = format!("segments under {fault} / plain segments");
        table.judged(name, format!("{ratio:.2}"), "at least 0.9", ratio >= 0.9);
    }
    Ok(())
}

/// nginx with a copy of some files of a server.
struct Nginx {
    program: Program,
    port: u16,
    files: TempDir,
}

impl Drop for Nginx {
    /// Asks nginx to end first, because a killed master process leaves its workers behind.
    fn drop(&mut self) {
        // A process that does not end is killed with `program`.
        let _ = command(self.files.path()).args(["-s", "stop"]).status();
        let deadline = Instant::now() + READY;
        while !self.program.has_ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Nginx {
    async fn start(server: &Server, paths: &[&str]) -> anyhow::Result<Self> {
        let files = tempfile::tempdir()?;
        let root = files.path().join("root");
        for path in paths {
            let file = root.join(path.trim_start_matches('/'));
            std::fs::create_dir_all(file.parent().unwrap_or(&root))?;
            std::fs::write(file, server.wait_for(path).await?)?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = config(files.path(), port);
        std::fs::write(files.path().join("nginx.conf"), config)?;
        let nginx = Self { program: Program::start(&mut command(files.path()))?, port, files };
        let deadline = Instant::now() + READY;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            anyhow::ensure!(Instant::now() < deadline, "nginx does not listen");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(nginx)
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new("nginx");
    // On Debian the program is in a directory that is in the path of root only.
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stderr(Stdio::null());
    command.arg("-p").arg(directory).arg("-c").arg(directory.join("nginx.conf"));
    command
}

fn config(directory: &Path, port: u16) -> String {
    let text = NGINX.replace("DIR", &directory.display().to_string()).replace("PORT", &port.to_string());
    // Workers of a root nginx are another user, which may not be able to read the directory.
    match std::fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own)) {
        Ok(0) => format!("user root; {text}"),
        _ => text,
    }
}

/// Results of wrk.
struct Load {
    requests: f64,
    per_second: f64,
}

impl Load {
    fn run(url: &str) -> anyhow::Result<Self> {
        let output = Command::new("wrk").args(WRK).arg(url).output().context("cannot start wrk")?;
        let text = String::from_utf8(output.stdout)?;
        let failed = ["Non-2xx", "Socket errors"].iter().any(|words| text.contains(words));
        anyhow::ensure!(output.status.success() && !failed, "wrk: {text}");
        let word = |marker: &str, place: usize| {
            let line = text.lines().find(|line| line.contains(marker))?;
            line.split_whitespace().nth(place)?.parse().ok()
        };
        let read = || Some(Self { requests: word("requests in", 0)?, per_second: word("Requests/sec:", 1)? });
        read().with_context(|| format!("wrk says {text}"))
    }
}
