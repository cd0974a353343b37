//! The sockets of WebRTC.

use std::io;
use std::net::SocketAddr;

use super::{AppError, listener};
use crate::base::os_error;
use crate::http::Serve;
use crate::program::config::{Config, WebrtcListen};
use crate::stream::webrtc::Sockets;

/// The port unless another is configured.
const PORT: u16 = 8189;

/// Binds the sockets. `None` if this server sends no WebRTC. A port that nobody has asked for need not be free.
///
/// # Errors
/// The configured address cannot be used.
pub(super) fn bind(config: &Config) -> Result<Option<Sockets>, AppError> {
    let listen = match (config.serve, config.webrtc.listen) {
        (Serve::Api, _) | (_, WebrtcListen::Off) => return Ok(None),
        (Serve::All, WebrtcListen::At(listen)) => {
            return bind_at(listen).map(Some).map_err(|why| AppError::ListenWebrtc { listen, why });
        }
        (Serve::All, WebrtcListen::Default) => SocketAddr::new(config.listen.ip(), PORT),
    };
    if let Ok(sockets) = bind_at(listen) {
        return Ok(Some(sockets));
    }
    match bind_at(SocketAddr::new(listen.ip(), 0)) {
        Ok(sockets) => Ok(Some(sockets)),
        Err(why) => {
            tracing::warn!(error = os_error::text(&why), "no port for WebRTC: streams are served without it");
            Ok(None)
        }
    }
}

fn bind_at(listen: SocketAddr) -> io::Result<Sockets> {
    let udp = listener::bind_udp(listen)?;
    let same = SocketAddr::new(listen.ip(), udp.local_addr()?.port());
    let tcp = match listener::bind(same) {
        // Another program may use the TCP port with the number of the free UDP port.
        Err(_) if listen.port() == 0 => listener::bind(listen)?,
        bound => bound?,
    };
    tracing::info!(udp = udp.local_addr()?.port(), tcp = tcp.local_addr()?.port(), "ports of WebRTC");
    Ok(Sockets { udp, tcp })
}
