//! What do 300 viewers over WebRTC cost, how evenly do they get their pictures, and is HLS on time beside them? An argument is
//! another number of viewers: `cargo bench --profile dist --bench whep -- 100`.

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use barstone::base::timeline::UnixTime;
use barstone::base::utc::Clock;
use quinn_udp::{RecvMeta, UdpSocketState};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use server::Server;
use table::Table;

#[path = "support/child.rs"]
mod child;
#[path = "support/server.rs"]
mod server;
#[path = "support/table.rs"]
mod table;

const QUESTION: &str = "What do viewers over WebRTC of one stream cost, and how evenly do they get their pictures?";
const VIEWERS: usize = 300;
/// The default stream, with 2 Mbit/s. All viewers have the same address.
const CONFIG: &str = "max_webrtc_sessions_per_address = 1000\n[[streams]]\nname = \"test\"\n";
/// Viewers that connect simultaneously.
const CONNECTING: usize = 10;
/// Priority of the viewers below that of the server.
const NICE: i32 = 19;
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
const MEASURED: Duration = Duration::from_secs(30);
/// A packet is late if it arrives so long after the first packet of the same picture at any viewer.
const LATE: Duration = Duration::from_millis(20);
const LAG: &str = "barstone_publish_lag_seconds";
/// Duration of a chunk in seconds, as a bound of the histogram.
const CHUNK: &str = "0.24";

/// Longest datagram.
const MAX_DATAGRAM: usize = 2048;
/// Buffers that one call of the system fills, each with datagrams that arrived together.
const BUFFERS: usize = 4;

/// The timestamp of the picture of a packet, and when the system received the packet, since 1970. Three hundred clients on one
/// thread read it later.
type Arrival = (u32, Duration);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let count_of_viewers = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(VIEWERS);
    let server = Arc::new(Server::start(Some(CONFIG)).await?);
    // A playlist lists segments before they are encoded. Viewers over WebRTC need a stream that runs, and rendering the
    // past takes the processor from them.
    server.wait_for("/readyz").await?;
    for file in server.listed("test", "v720").await? {
        server.wait_for(&file).await?;
    }
    // Viewers have processors of their own. These have what the server leaves.
    setpriority_process(Some(gettid()), NICE)?;
    let connecting = Arc::new(Semaphore::new(CONNECTING));
    let (mut viewers, (stop, stopped)) = (JoinSet::new(), tokio::sync::watch::channel(false));
    for _ in 0..count_of_viewers {
        let (server, connecting, mut stopped) = (Arc::clone(&server), Arc::clone(&connecting), stopped.clone());
        viewers.spawn(async move {
            let permit = connecting.acquire_owned().await?;
            let mut viewer = timeout(CONNECT_WITHIN, Viewer::connect(&server)).await.context("no connection")??;
            drop(permit);
            tokio::select! {
                failed = viewer.play() => failed?,
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
            anyhow::Ok(viewer.arrivals)
        });
    }
    let connected = || async { count(&server, "barstone_webrtc_sessions{").await.map(|sessions| sessions as usize) };
    loop {
        let connected = connected().await?;
        if connected >= count_of_viewers {
            break;
        }
        if let Some(ended) = viewers.try_join_next() {
            let cause = ended?.err().context("the viewer was stopped")?;
            let text = format!("a viewer has ended while {connected} of {count_of_viewers} were connected");
            return Err(cause.context(text));
        }
        sleep(Duration::from_millis(200)).await;
    }
    let (from, since, cpu) = (Instant::now(), Clock::system().now(), server.program.cpu_time()?);
    let lags = [format!("{LAG}_count"), format!("{LAG}_bucket{{le=\"{CHUNK}\"}}")];
    let before = [count(&server, &lags[0]).await?, count(&server, &lags[1]).await?];
    sleep_until((from + MEASURED).into()).await;
    let cores = (server.program.cpu_time()? - cpu).as_secs_f64() / from.elapsed().as_secs_f64();
    let published = count(&server, &lags[0]).await? - before[0];
    let in_time = count(&server, &lags[1]).await? - before[1];
    stop.send(true)?;
    let arrivals: Vec<_> = viewers.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat();
    let arrivals: Vec<_> =
        arrivals.into_iter().filter(|(_, at)| UnixTime::from_nanos(at.as_nanos() as u64) >= since).collect();

    let mut table = Table::new(QUESTION);
    table.figure("viewers", count_of_viewers.to_string());
    table.figure("cores of the server for each 100 viewers", format!("{:.2}", cores * 100.0 / count_of_viewers as f64));
    table.figure("packets of pictures a second", format!("{:.0}", arrivals.len() as f64 / MEASURED.as_secs_f64()));
    let late = 100.0 * late(&arrivals) as f64 / arrivals.len() as f64;
    let name = "packets more than 20 ms after the first of their picture";
    table.judged(name, format!("{late:.3} %"), "at most 0.1 %", late <= 0.1);
    let name = "chunks of HLS published before the next is due";
    table.judged(name, format!("{in_time:.0} of {published:.0}"), "all", in_time >= published);
    table.print()
}

/// Number of packets that are late.
fn late(arrivals: &[Arrival]) -> usize {
    let mut firsts = HashMap::new();
    for (picture, at) in arrivals {
        let first = firsts.entry(*picture).or_insert(*at);
        *first = (*first).min(*at);
    }
    arrivals.iter().filter(|(picture, at)| *at > firsts[picture] + LATE).count()
}

/// Sum of all series of a metric.
async fn count(server: &Server, name: &str) -> anyhow::Result<f64> {
    let metrics = String::from_utf8(server.wait_for("/metrics").await?)?;
    let series = metrics.lines().filter(|line| line.starts_with(name));
    Ok(series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// A client of WHEP that decodes nothing.
struct Viewer {
    rtc: Rtc,
    socket: UdpSocket,
    state: UdpSocketState,
    memory: Vec<u8>,
    own: SocketAddr,
    is_connected: bool,
    arrivals: Vec<Arrival>,
}

impl Viewer {
    async fn connect(server: &Server) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let (state, own) = (UdpSocketState::new((&socket).into())?, socket.local_addr()?);
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(own, Protocol::Udp)?);
        let mut change = rtc.sdp_api();
        change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        let (offer, pending) = change.apply().context("two media sections are a change")?;
        let request = server.client.post(server.url("/live/test/whep")).header(CONTENT_TYPE, "application/sdp");
        let response = request.body(offer.to_sdp_string()).send().await?;
        anyhow::ensure!(response.status() == StatusCode::CREATED, "the offer is answered {}", response.status());
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&response.text().await?)?)?;
        let memory = vec![0; BUFFERS * MAX_DATAGRAM * state.gro_segments()];
        let mut viewer = Self { rtc, socket, state, memory, own, is_connected: false, arrivals: Vec::new() };
        while !viewer.is_connected {
            viewer.step().await?;
        }
        Ok(viewer)
    }

    /// Receives until the session fails.
    async fn play(&mut self) -> anyhow::Result<()> {
        loop {
            self.step().await?;
        }
    }

    /// Sends what is to be sent, and waits for datagrams or a timeout.
    async fn step(&mut self) -> anyhow::Result<()> {
        let wake = self.drain(Duration::ZERO).await?;
        anyhow::ensure!(self.rtc.is_alive(), "the session has ended");
        let (mut memory, mut metas) = (std::mem::take(&mut self.memory), [RecvMeta::default(); BUFFERS]);
        let length = memory.len() / BUFFERS;
        let mut slices: Vec<_> = memory.chunks_mut(length).map(IoSliceMut::new).collect();
        let receive = || self.state.recv((&self.socket).into(), &mut slices, &mut metas);
        tokio::select! {
            received = self.socket.async_io(Interest::READABLE, receive) => {
                for (buffer, meta) in memory.chunks(length).zip(&metas[..received?]) {
                    let at = meta.timestamp.context("the system tells no time of a datagram")?;
                    for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                        let received = Receive::new(Protocol::Udp, meta.addr, self.own, datagram)?;
                        self.rtc.handle_input(Input::Receive(Instant::now(), received))?;
                        self.drain(at).await?;
                    }
                }
            }
            () = sleep_until(wake.into()) => self.rtc.handle_input(Input::Timeout(Instant::now()))?,
        }
        self.memory = memory;
        Ok(())
    }

    /// Sends what is to be sent after a datagram that the system has received at `at`. Returns the time of the next timeout.
    async fn drain(&mut self, at: Duration) -> anyhow::Result<Instant> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(wake) => return Ok(wake),
                Output::Transmit(datagram) => {
                    self.socket.send_to(&datagram.contents, datagram.destination).await?;
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(Event::RtpPacket(packet)) if packet.time.frequency().get() == 90_000 => {
                    self.arrivals.push((packet.header.timestamp, at));
                }
                Output::Event(_) => {}
            }
        }
    }
}
