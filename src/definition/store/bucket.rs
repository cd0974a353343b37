//! Definitions in a NATS JetStream key-value bucket that replicas share, one key for each stream. A write names the
//! version that it replaces, so that the second of two simultaneous writes fails.

use std::borrow::Cow;
use std::fmt;
use std::str::{FromStr, Utf8Error};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, kv, stream};
use async_nats::{Client, ConnectOptions, Event, ServerAddr, connection};
use futures_util::StreamExt;
use percent_encoding::percent_decode_str;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::error::{BucketError, Refusal};
use super::{Record, text};
use crate::base::os_error;
use crate::definition::spec::StreamName;

const SCHEMES: [&str; 2] = ["nats", "tls"];
const DEFAULT_BUCKET: &str = "barstone";
/// Timeout of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Address of a bucket: `nats://[USER:PASSWORD@]HOST[:PORT][,…][/BUCKET]` or `tls://…`. `TOKEN@` may stand in place of
/// user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    servers: Vec<String>,
    bucket: String,
}

/// A bucket that has been connected to.
pub(super) struct Bucket {
    address: Address,
    client: Client,
    store: kv::Store,
    /// Notified when updates may have been missed.
    missed_updates: Arc<Notify>,
}

/// A write to one key of the bucket.
pub(super) struct Update {
    pub(super) name: StreamName,
    /// `None` if the definition was deleted.
    pub(super) record: Option<Arc<Record>>,
    pub(super) version: u64,
}

/// Writes to the bucket from some moment on.
pub(super) type Updates = kv::Watch;

/// All keys of a bucket, and the writes that follow.
pub(super) struct Snapshot {
    /// Version of the last write, or 0 if the bucket was never written to.
    pub(super) newest: u64,
    pub(super) all: Vec<Update>,
    pub(super) updates: Updates,
}

impl Bucket {
    /// Connects to a bucket, and creates it if it does not exist.
    pub(super) async fn open(address: &Address) -> Result<Self, BucketError> {
        let failed = |problem: &dyn fmt::Display| address.failed(problem);
        let servers = address.servers.iter().map(|server| server.parse::<ServerAddr>());
        let servers: Vec<_> = servers.collect::<Result<_, _>>().map_err(|error| failed(&error))?;
        let options = credentials(&servers).map_err(|problem| failed(&problem))?;
        let missed_updates = Arc::new(Notify::new());
        let (named, notify_missed) = (address.to_string(), Arc::clone(&missed_updates));
        let options =
            options.name("barstone").connection_timeout(CONNECT_TIMEOUT).request_timeout(Some(ANSWER_TIMEOUT));
        let options = options.event_callback(move |event| {
            match event {
                Event::Disconnected => {
                    tracing::warn!(
                        store = named,
                        "the store is not reachable; streams continue, and barstone refuses changes"
                    )
                }
                Event::Connected => {
                    tracing::info!(store = named, "connected to the store");
                    notify_missed.notify_one();
                }
                event => tracing::debug!(store = named, %event, "the store"),
            }
            std::future::ready(())
        });
        let client = options.connect(servers).await.map_err(|error| failed(&error))?;
        let store = open_or_create(&client, &address.bucket).await.map_err(|problem| failed(&problem))?;
        Ok(Self { address: address.clone(), client, store, missed_updates })
    }

    /// Reads all keys and subscribes to the writes that follow.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, BucketError> {
        let failed = |problem: &dyn fmt::Display| self.address.failed(problem);
        let store = open_or_create(&self.client, &self.address.bucket).await.map_err(|problem| failed(&problem))?;
        let state = &store.stream.cached_info().state;
        let newest = state.last_sequence;
        let mut there = state.messages > 0;
        let mut updates = store.watch_with_history(">").await.map_err(|error| failed(&error))?;
        let mut all = Vec::new();
        while there {
            let entry = timeout(ANSWER_TIMEOUT, updates.next()).await.map_err(|_| failed(&"no answer within 1 s"))?;
            let entry = entry.ok_or_else(|| failed(&"the watch has ended"))?.map_err(|error| failed(&error))?;
            there = entry.delta > 0;
            all.extend(Update::of(&entry));
        }
        Ok(Snapshot { newest, all, updates })
    }

    /// Resolves with the next write. Fails if the connection was interrupted, because the subscription survives an
    /// interruption without reporting it. `None` is an entry that is ignored.
    pub(super) async fn next(&self, updates: &mut Updates) -> Result<Option<Update>, BucketError> {
        let entry = tokio::select! {
            entry = updates.next() => entry,
            () = self.missed_updates.notified() => return Err(self.address.failed(&"something may have been missed")),
        };
        let entry = entry.ok_or_else(|| self.address.failed(&"the watch has ended"))?;
        Ok(Update::of(&entry.map_err(|error| self.address.failed(&error))?))
    }

    /// Reads one key. `None` if the key never existed or its value cannot be parsed.
    pub(super) async fn get(&self, name: &StreamName) -> Result<Option<Update>, BucketError> {
        let read = async { self.store.entry(name.as_str()).await.map_err(|error| self.address.failed(&error)) };
        Ok(self.if_connected(read).await?.as_ref().and_then(Update::of))
    }

    pub(super) async fn write(&self, record: &Record, version: u64) -> Result<u64, Refusal> {
        let (name, text) = (record.spec.name.as_str(), text::serialize(record).into());
        let written = async {
            match version {
                0 => self.store.create(name, text).await.map_err(|error| match error.kind() {
                    kv::CreateErrorKind::AlreadyExists => Refusal::Conflict,
                    _ => self.failed(&error).into(),
                }),
                version => self.store.update(name, text, version).await.map_err(|error| self.refusal(&error)),
            }
        };
        self.if_connected(written).await
    }

    pub(super) async fn remove(&self, name: &StreamName, version: u64) -> Result<(), Refusal> {
        let removed = self.store.delete_expect_revision(name.as_str(), Some(version));
        self.if_connected(async { removed.await.map_err(|error| self.refusal(&error)) }).await
    }

    /// Runs a request if the client is connected. Without a connection the library would queue the request; the caller
    /// gets an error instead.
    async fn if_connected<T, E: From<BucketError>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        if self.client.connection_state() != connection::State::Connected {
            return Err(self.failed(&"not connected").into());
        }
        timeout(ANSWER_TIMEOUT, work).await.unwrap_or_else(|_| Err(self.failed(&"no answer within 1 s").into()))
    }

    fn refusal(&self, error: &kv::UpdateError) -> Refusal {
        match error.kind() {
            kv::UpdateErrorKind::WrongLastRevision => Refusal::Conflict,
            _ => self.failed(error).into(),
        }
    }

    /// The error of a request without a usable answer. All definitions are read again, because updates may be missing as well.
    fn failed(&self, problem: &dyn fmt::Display) -> BucketError {
        self.missed_updates.notify_one();
        self.address.failed(problem)
    }
}

/// User and password, or token, of the first server that has one. The library does not read them from the URL.
fn credentials(servers: &[ServerAddr]) -> Result<ConnectOptions, Utf8Error> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(Cow::into_owned);
    let Some((server, name)) = servers.iter().find_map(|server| Some((server, server.username()?))) else {
        return Ok(ConnectOptions::new());
    };
    Ok(match server.password() {
        Some(password) => ConnectOptions::with_user_and_password(decoded(name)?, decoded(password)?),
        None => ConnectOptions::with_token(decoded(name)?),
    })
}

async fn open_or_create(client: &Client, bucket: &str) -> Result<kv::Store, String> {
    let mut context = jetstream::new(client.clone());
    context.set_timeout(ANSWER_TIMEOUT);
    if let Ok(store) = context.get_key_value(bucket).await {
        return Ok(store);
    }
    // `create_key_value` of the library requires fields that servers before 2.10 do not send.
    let config = stream::Config {
        name: format!("KV_{bucket}"),
        description: Some("definitions of streams".into()),
        subjects: vec![format!("$KV.{bucket}.>")],
        max_messages_per_subject: 1,
        discard: stream::DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        num_replicas: 1,
        ..stream::Config::default()
    };
    context.create_stream(config).await.map_err(|error| error.to_string())?;
    context.get_key_value(bucket).await.map_err(|error| error.to_string())
}

impl Update {
    /// Parses an entry. Logs and ignores an entry that cannot be parsed.
    fn of(entry: &kv::Entry) -> Option<Self> {
        let (key, version) = (&entry.key, entry.revision);
        let Some(name) = StreamName::parse(key) else {
            tracing::error!(key, "ignoring a key in the store that is not a stream name");
            return None;
        };
        if entry.operation != kv::Operation::Put {
            return Some(Self { name, record: None, version });
        }
        match text::parse(key, &entry.value) {
            Ok(record) => Some(Self { name, record: Some(Arc::new(record)), version }),
            Err(problem) => {
                tracing::error!(key, problem, "ignoring a definition in the store that cannot be read");
                None
            }
        }
    }
}

impl Address {
    fn failed(&self, problem: &dyn fmt::Display) -> BucketError {
        BucketError { address: self.to_string(), problem: os_error::without_numbers(&problem.to_string()) }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be nats://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…][/BUCKET], or tls://…".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (servers, bucket) = rest.split_once('/').unwrap_or((rest, ""));
        let bucket = if bucket.is_empty() { DEFAULT_BUCKET } else { bucket };
        let is_name = bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let servers: Vec<_> = servers.split(',').map(|server| format!("{scheme}://{server}")).collect();
        let is_server = |server: &String| server.parse::<ServerAddr>().is_ok_and(|address| !address.host().is_empty());
        match SCHEMES.contains(&scheme) && is_name && servers.iter().all(is_server) {
            true => Ok(Self { servers, bucket: bucket.to_owned() }),
            false => Err(wrong()),
        }
    }
}

/// The address without user, password and token.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.servers.first().and_then(|server| server.split("://").next()).unwrap_or_default();
        let hosts = self.servers.iter().filter_map(|server| server.split("://").nth(1)?.rsplit('@').next());
        write!(f, "{scheme}://{}/{}", hosts.collect::<Vec<_>>().join(","), self.bucket)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
