//! The client of a request of WHEP or WHIP.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::super::App;
use super::super::serve::LocalAddress;
use super::super::viewer_access::Viewer;
use crate::definition::spec::StreamName;
use crate::stream::webrtc::Permission;

/// The client of a request, and how it has reached this server.
pub(in crate::http) struct Client {
    viewer: Viewer,
    /// Address of the client, or of the proxy before this server.
    pub(in crate::http) address: IpAddr,
    /// Addresses by which the client, or a proxy, has reached this server.
    pub(in crate::http) reached: Vec<IpAddr>,
}

impl FromRequestParts<App> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let viewer = Viewer::of(app, &parts.extensions, &parts.headers);
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let address = viewer.address().or(peer).unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let local = parts.extensions.get::<LocalAddress>().map(|local| local.0.ip().to_canonical());
        let reached = local.into_iter().chain(named_host(parts)).collect();
        Ok(Self { viewer, address, reached })
    }
}

impl Client {
    /// A check, for later, whether the viewer may still watch the stream.
    pub(in crate::http) fn permission(&self, app: &App, stream: &StreamName) -> Permission {
        let (app, stream, viewer) = (app.clone(), stream.clone(), self.viewer.clone());
        Box::new(move || viewer.may_watch(&app, &stream))
    }
}

/// The host of the requested URL, if it is an address. A container is found there if the port is published.
fn named_host(parts: &Parts) -> Option<IpAddr> {
    let from_header = |headers: &HeaderMap| headers.get(header::HOST)?.to_str().ok().map(str::to_owned);
    let authority = parts.uri.authority().map(ToString::to_string).or_else(|| from_header(&parts.headers))?;
    let host = match authority.parse::<SocketAddr>() {
        Ok(address) => return Some(address.ip().to_canonical()),
        Err(_) => {
            authority.rsplit_once(':').filter(|(host, _)| !host.contains(':')).map_or(&*authority, |(host, _)| host)
        }
    };
    match host.trim_matches(['[', ']']) {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        host => host.parse::<IpAddr>().ok().map(|address| address.to_canonical()),
    }
}
