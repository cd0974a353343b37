//! Settings of WebRTC.

use std::net::SocketAddr;

use super::ranges::in_range;
use super::settings::Settings;
use super::{ConfigError, refused};
use crate::stream::webrtc::Limits;

/// Limit of addresses of this host. An answer lists all of them.
const MAX_ADDRESSES: usize = 8;

/// Settings of WebRTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webrtc {
    /// Where sessions are served.
    pub listen: WebrtcListen,
    /// Addresses and names of this host for clients. Without any they are found.
    pub addresses: Vec<String>,
    /// Limits on sessions.
    pub limits: Limits,
}

/// The UDP port and the TCP port of WebRTC, which have the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebrtcListen {
    /// Port 8189 at the address of `listen`, or any free port if another program uses that port.
    Default,
    /// No WebRTC.
    Off,
    /// This address and port.
    At(SocketAddr),
}

pub(super) fn webrtc(settings: &Settings) -> Result<Webrtc, ConfigError> {
    let mut limits = Limits::default();
    let number = |name, value| in_range(name, value).map(|number| number as usize);
    if let Some(value) = settings.max_webrtc_sessions {
        limits.sessions = number("max_webrtc_sessions", value)?;
    }
    if let Some(value) = settings.max_webrtc_sessions_per_stream {
        limits.per_stream = number("max_webrtc_sessions_per_stream", value)?;
    }
    if let Some(value) = settings.max_webrtc_sessions_per_address {
        limits.per_address = number("max_webrtc_sessions_per_address", value)?;
    }
    let listen = settings.webrtc_listen.as_deref().map_or(Ok(WebrtcListen::Default), listen)?;
    Ok(Webrtc { listen, addresses: addresses(settings.webrtc_addresses.as_deref().unwrap_or_default())?, limits })
}

impl WebrtcListen {
    pub(super) fn as_setting(self) -> Option<String> {
        match self {
            Self::Default => None,
            Self::Off => Some(String::new()),
            Self::At(address) => Some(address.to_string()),
        }
    }
}

fn listen(text: &str) -> Result<WebrtcListen, ConfigError> {
    let problem = || format!("must be an address and a port such as [::]:8189, or empty for no WebRTC; not {text:?}");
    match text {
        "" => Ok(WebrtcListen::Off),
        text => text.parse().map(WebrtcListen::At).map_err(|_| refused("webrtc_listen", problem())),
    }
}

fn addresses(texts: &[String]) -> Result<Vec<String>, ConfigError> {
    if texts.len() > MAX_ADDRESSES {
        let problem = format!("must have at most {MAX_ADDRESSES} addresses, not {}", texts.len());
        return Err(refused("webrtc_addresses", problem));
    }
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    let is_host = |text: &str| is_name(text) || text.parse::<std::net::IpAddr>().is_ok();
    match texts.iter().find(|text| !is_host(text)) {
        Some(wrong) => {
            let problem = format!("must be an address or a name such as 192.0.2.1 or tv.example, not {wrong:?}");
            Err(refused("webrtc_addresses", problem))
        }
        None => Ok(texts.to_vec()),
    }
}
