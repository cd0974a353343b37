//! Export of a configuration without its secrets.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::secret_source::SecretSource;
use super::settings::Settings;
use super::{Config, ConnectionLimits, MediaDir, NO_DIRECTORY, Wait};
use crate::base::network::{Lists, Network};
use crate::definition::spec::{BaseUrl, StreamRequest};
use crate::stream::hooks::HookRequest;
use crate::stream::webrtc::Limits;

impl Config {
    /// The configuration as TOML that has the same effect. Exceptions: secrets are masked, hooks have only the origin
    /// of their URL and no secret, and paths that are not UTF-8 are left out.
    pub fn to_table(&self) -> Table {
        let mut table = Table::try_from(self.shown()).expect("strings, numbers and tables have a form in TOML");
        let streams = table.get_mut("streams").and_then(Value::as_array_mut).into_iter().flatten();
        for stream in streams.filter_map(Value::as_table_mut) {
            // TOML has no null, and a missing key means audio.
            stream.entry("audio").or_insert(false.into());
        }
        table
    }

    fn shown(&self) -> Settings {
        let Self {
            listen,
            webrtc,
            media_dir,
            state_dir,
            store,
            serve,
            tls,
            api_token: _,
            viewer_key: _,
            public_url,
            lists: Lists { allow, deny },
            trusted_proxies,
            max_streams,
            archive_bytes,
            archive_dir,
            viewer_limits,
            limits,
            push,
            log,
            log_format,
            wait,
            max_pixels,
            streams,
            hooks,
        } = self;
        let [(_, token), (_, key)] = self.secrets();
        let Wait { targets, tries, pause } = wait;
        Settings {
            listen: Some(listen.to_string()),
            webrtc_listen: webrtc.listen.as_setting(),
            webrtc_addresses: (!webrtc.addresses.is_empty()).then(|| webrtc.addresses.clone()),
            media_dir: match media_dir {
                MediaDir::None => Some(NO_DIRECTORY.into()),
                MediaDir::Temporary => None,
                MediaDir::At(path) => Some(lossy(path)),
            },
            state_dir: state_dir.as_deref().map(lossy),
            store: store.as_ref().map(ToString::to_string),
            serve: Some(*serve),
            tls_cert: tls.as_ref().map(|files| lossy(&files.cert)),
            tls_key: tls.as_ref().map(|files| lossy(&files.key)),
            api_token: token.and_then(SecretSource::inline).cloned(),
            api_token_file: token.and_then(SecretSource::file).map(lossy),
            viewer_key: key.and_then(SecretSource::inline).cloned(),
            viewer_key_file: key.and_then(SecretSource::file).map(lossy),
            public_url: public_url.as_ref().map(BaseUrl::to_string),
            allow: texts(allow),
            deny: texts(deny),
            trusted_proxies: texts(trusted_proxies),
            max_streams: Some(*max_streams as u32),
            archive_bytes: Some(*archive_bytes),
            archive_dir: archive_dir.as_deref().map(lossy),
            max_viewers: viewer_limits.viewers,
            max_bandwidth: viewer_limits.bandwidth,
            overflow_url: viewer_limits.overflow.as_ref().map(BaseUrl::to_string),
            push: Some(*push),
            log: Some(log.clone()),
            log_format: Some(*log_format),
            wait_for: Some(targets.clone()),
            wait_tries: Some(*tries),
            wait_seconds: Some(pause.as_secs() as u32),
            max_pixels_per_second: Some(max_pixels.as_setting()),
            streams: streams
                .as_ref()
                .map(|streams| streams.iter().map(|spec| StreamRequest::from(spec).masked()).collect()),
            hooks: (!hooks.is_empty()).then(|| hooks.iter().map(HookRequest::masked).collect()),
            ..shown_limits(limits, &webrtc.limits)
        }
    }

    /// Keys of settings that differ in `other`, except streams and hooks.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let plain = |config: &Self| Self { streams: None, hooks: Vec::new(), ..config.clone() }.to_table();
        let (mine, mut others) = (plain(self), plain(other));
        for ((key, one), (_, other)) in self.secrets().into_iter().zip(other.secrets()) {
            if one.and_then(SecretSource::inline) != other.and_then(SecretSource::inline) {
                // Secrets that differ have the same mask.
                others.insert(key.into(), false.into());
            }
        }
        let mut keys: Vec<_> =
            mine.keys().chain(others.keys()).filter(|key| mine.get(*key) != others.get(*key)).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter().cloned().collect()
    }

    /// Secrets by key.
    fn secrets(&self) -> [(&'static str, Option<&SecretSource>); 2] {
        let token = self.api_token.as_ref().map(|token| &token.0);
        [("api_token", token), ("viewer_key", self.viewer_key.as_ref().map(|key| &key.0))]
    }
}

/// The settings that limit connections and sessions.
fn shown_limits(limits: &ConnectionLimits, of_webrtc: &Limits) -> Settings {
    let ConnectionLimits { connections, connections_per_address, header, header_bytes, body, send } = limits;
    let Limits { sessions, per_stream, per_address } = of_webrtc;
    Settings {
        max_connections: Some(*connections as u32),
        max_connections_per_address: Some(*connections_per_address as u32),
        max_webrtc_sessions: Some(*sessions as u32),
        max_webrtc_sessions_per_stream: Some(*per_stream as u32),
        max_webrtc_sessions_per_address: Some(*per_address as u32),
        max_header_bytes: Some(*header_bytes as u32),
        header_seconds: Some(header.as_secs() as u32),
        body_seconds: Some(body.as_secs() as u32),
        send_seconds: Some(send.as_secs() as u32),
        ..Settings::default()
    }
}

fn texts(networks: &[Network]) -> Option<Vec<String>> {
    (!networks.is_empty()).then(|| networks.iter().map(Network::to_string).collect())
}

fn lossy(path: &Path) -> PathBuf {
    path.to_string_lossy().into_owned().into()
}
