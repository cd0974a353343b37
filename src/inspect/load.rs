//! A load of light clients. Each client requests what a player would request (manifests, segments or parts, blocking
//! reloads, hints) and models the buffer of a player. No client decodes media. All clients run in one thread.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Url;
use tokio::net::{TcpSocket, lookup_host};
use tokio::time::{interval, sleep, timeout};

use super::fetch::{Access, Fetcher, is_loopback};
use super::manifest::{Manifest, ManifestError};
use super::playlist::{Playlist, renditions};
use crate::base::format::Format;
use crate::base::utc::Clock;
use client::Client;
pub use client::TOO_MANY_CONNECTIONS;
pub use figures::{Figures, Histogram};
use governor::Governor;
pub use governor::Limit;

mod buffer;
mod client;
mod dash;
mod figures;
mod governor;
mod hls;
mod track;

/// Time limit of a manifest, beside the time that a server may hold it.
const WITHIN: Duration = Duration::from_secs(10);
/// Address of the first client, if each client has its own.
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);

/// Settings of a load.
#[derive(Debug)]
pub struct Settings {
    /// Manifests, which are distributed over the clients in turn.
    pub urls: Vec<Url>,
    /// Number of clients.
    pub clients: usize,
    /// Time over which the clients start.
    pub ramp: Duration,
    /// Duration of the load, including the ramp.
    pub duration: Duration,
    /// Limit of all requests to other machines together.
    pub limit: Option<Limit>,
    /// Credentials and trust of all clients.
    pub access: Access,
}

/// The results of all clients of one manifest.
#[derive(Debug)]
pub struct Share {
    /// The manifest.
    pub url: Url,
    /// Its format.
    pub format: Format,
    /// Figures of its clients.
    pub figures: RefCell<Figures>,
    has_own_addresses: bool,
}

/// Plays until the duration is over, and calls `tell` once a second. Returns the figures of each manifest.
///
/// # Errors
/// [`ManifestError`] if a manifest cannot be read before the first client starts.
pub async fn run(settings: &Settings, tell: impl Fn(&[Share], Duration)) -> Result<Vec<Share>, ManifestError> {
    let mut shares = Vec::new();
    for url in &settings.urls {
        let (format, has_own_addresses) = (format(url, settings.access.clone()).await?, has_own_addresses(url).await);
        shares.push(Share { url: url.clone(), format, figures: RefCell::default(), has_own_addresses });
    }
    let (began, governor) = (Instant::now(), Governor::new(settings.limit));
    let clients = (0..settings.clients).map(|number| {
        let share = &shares[number % shares.len()];
        let wait = settings.ramp.mul_f64(number as f64 / settings.clients as f64);
        let governor = &governor;
        let loopback = address(number).filter(|_| share.has_own_addresses);
        async move {
            sleep(wait).await;
            play(share, Access { loopback, ..settings.access.clone() }, governor).await;
        }
    });
    let clients = join_all(clients);
    let table = async {
        let mut ticks = interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            tell(&shares, began.elapsed());
        }
    };
    let all = async {
        tokio::select! {
            _ = clients => {}
            () = table => {}
        }
    };
    // If a presentation has ended, its clients end before the duration is over.
    let _ = timeout(settings.duration, all).await;
    Ok(shares)
}

/// One client, from its start until it is dropped or the presentation ends.
async fn play(share: &Share, access: Access, governor: &Governor) {
    let client = match Client::new(&share.url, access, governor, &share.figures) {
        Ok(client) => client,
        Err(error) => return share.figures.borrow_mut().fail(client::failure(&error)),
    };
    share.figures.borrow_mut().clients += 1;
    let first = loop {
        match client.manifest(&share.url, WITHIN).await {
            Some(first) => break first,
            None => sleep(client::PAUSE).await,
        }
    };
    match share.format {
        Format::Hls | Format::LlHls => hls::play(&client, &first).await,
        Format::Dash | Format::LlDash => dash::play(&client, &first).await,
    }
}

/// The format of a manifest. In HLS, only a media playlist shows whether there are parts.
async fn format(url: &Url, access: Access) -> Result<Format, ManifestError> {
    let fetcher =
        Fetcher::new(url, access, Clock::system()).map_err(|error| ManifestError::Fetch { url: url.clone(), error })?;
    let (answer, manifest) = Manifest::fetch(&fetcher, url, WITHIN).await?;
    let text = match manifest {
        Manifest::Mpd(mpd) => return Ok(if mpd.is_low_latency() { Format::LlDash } else { Format::Dash }),
        Manifest::Playlist(text) => match renditions(&text, &answer.url).0.first() {
            None => text,
            Some(media) => Manifest::fetch(&fetcher, media, WITHIN).await?.0.reply.text(),
        },
    };
    Ok(if Playlist::parse(&text).part_target.is_some() { Format::LlHls } else { Format::Hls })
}

/// Whether each client can have a loopback address of its own, as viewers on other machines have, so that limits for each
/// address do not apply to all clients together. Only Linux has the whole network 127.0.0.0/8.
async fn has_own_addresses(url: &Url) -> bool {
    let connect = async {
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        let mut servers = lookup_host((host, port)).await.ok()?;
        let server = servers.find(|address| address.is_ipv4() && address.ip().is_loopback())?;
        let socket = TcpSocket::new_v4().ok()?;
        socket.bind(SocketAddr::from((FIRST_ADDRESS, 0))).ok()?;
        socket.connect(server).await.ok()
    };
    url.scheme() == "http" && is_loopback(url) && timeout(WITHIN, connect).await.is_ok_and(|stream| stream.is_some())
}

/// The address of a client.
fn address(client: usize) -> Option<Ipv4Addr> {
    let address = u32::from(FIRST_ADDRESS).checked_add(u32::try_from(client).ok()?)?;
    Some(Ipv4Addr::from(address)).filter(Ipv4Addr::is_loopback)
}
