//! A configuration as it may be read by anybody.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::settings::Settings;
use super::{ApiToken, Config, Limits, MediaDir, NO_DIRECTORY, Wait};
use crate::hooks::HookRequest;
use crate::spec::StreamRequest;

/// Key of what is masked.
const TOKEN: &str = "api_token";

impl Config {
    /// As TOML that would have the same effect, but for the token, which is masked, for hooks, of which only the origin
    /// of their URL is shown and not their secret, and for paths that are not UTF-8.
    pub fn to_table(&self) -> Table {
        let Self {
            listen,
            media_dir,
            state_dir,
            store,
            tls,
            api_token,
            limits,
            log,
            log_format,
            wait,
            max_pixels,
            streams,
            hooks,
        } = self;
        let Limits { connections, connections_per_address, header, header_bytes, send } = limits;
        let Wait { targets, tries, rest } = wait;
        let shown = Settings {
            listen: Some(listen.to_string()),
            media_dir: match media_dir {
                MediaDir::None => Some(NO_DIRECTORY.into()),
                MediaDir::Temporary => None,
                MediaDir::At(path) => Some(lossy(path)),
            },
            state_dir: state_dir.as_deref().map(lossy),
            store: store.as_ref().map(ToString::to_string),
            tls_cert: tls.as_ref().map(|files| lossy(&files.cert)),
            tls_key: tls.as_ref().map(|files| lossy(&files.key)),
            api_token: api_token.as_ref().and_then(ApiToken::said).cloned(),
            api_token_file: api_token.as_ref().and_then(ApiToken::file).map(lossy),
            max_connections: Some(*connections as u32),
            max_connections_per_address: Some(*connections_per_address as u32),
            max_header_bytes: Some(*header_bytes as u32),
            header_seconds: Some(header.as_secs() as u32),
            send_seconds: Some(send.as_secs() as u32),
            log: Some(log.clone()),
            log_format: Some(*log_format),
            wait_for: Some(targets.clone()),
            wait_tries: Some(*tries),
            wait_seconds: Some(rest.as_secs() as u32),
            max_pixels_per_second: Some(max_pixels.said()),
            streams: streams.as_ref().map(|streams| streams.iter().map(StreamRequest::from).collect()),
            hooks: (!hooks.is_empty()).then(|| hooks.iter().map(HookRequest::masked).collect()),
        };
        let mut table = Table::try_from(shown).expect("strings, numbers and tables have a form in TOML");
        let streams = table.get_mut("streams").and_then(Value::as_array_mut).into_iter().flatten();
        for stream in streams.filter_map(Value::as_table_mut) {
            // TOML has no null, and without the key there would be sound.
            stream.entry("audio").or_insert(false.into());
        }
        table
    }

    /// Keys of what differs in `other`, but for streams and hooks.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let plain = |config: &Self| Self { streams: None, hooks: Vec::new(), ..config.clone() }.to_table();
        let said = |config: &Self| config.api_token.as_ref().and_then(ApiToken::said).cloned();
        let (mine, mut others) = (plain(self), plain(other));
        if said(self) != said(other) {
            // Two that differ are shown alike.
            others.insert(TOKEN.into(), false.into());
        }
        let mut keys: Vec<_> =
            mine.keys().chain(others.keys()).filter(|key| mine.get(*key) != others.get(*key)).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter().cloned().collect()
    }
}

fn lossy(path: &Path) -> PathBuf {
    path.to_string_lossy().into_owned().into()
}
