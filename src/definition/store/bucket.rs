//! Definitions in a NATS JetStream key-value bucket, which replicas share: one key for each stream. What is written names
//! the version that it replaces, so that of two who write at once one is told.

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
use crate::definition::spec::StreamName;

const SCHEMES: [&str; 2] = ["nats", "tls"];
const DEFAULT_BUCKET: &str = "barstone";
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take: what is written later than this is not heard of in time.
const ANSWER: Duration = Duration::from_secs(1);

/// Where a bucket is: `nats://[USER:PASSWORD@]HOST[:PORT][,…][/BUCKET]`, or `tls://…`; `TOKEN@` is taken too.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    servers: Vec<String>,
    bucket: String,
}

/// A bucket that has been there.
pub(super) struct Bucket {
    address: Address,
    client: Client,
    store: kv::Store,
    /// What was heard of it may not be all.
    doubt: Arc<Notify>,
}

/// What a key has come to.
pub(super) struct Heard {
    pub(super) name: StreamName,
    /// `None` if it has been removed.
    pub(super) record: Option<Arc<Record>>,
    pub(super) version: u64,
}

/// What happens to a bucket from some moment on.
pub(super) type News = kv::Watch;

/// Everything that there is, and what comes after it.
pub(super) struct Heads {
    /// The version of what was written last; 0 if nobody has ever written anything.
    pub(super) newest: u64,
    pub(super) all: Vec<Heard>,
    pub(super) news: News,
}

impl Bucket {
    /// Connects, and makes the bucket if there is none.
    pub(super) async fn open(address: &Address) -> Result<Self, BucketError> {
        let failed = |problem: &dyn fmt::Display| address.failed(problem);
        let servers = address.servers.iter().map(|server| server.parse::<ServerAddr>());
        let servers: Vec<_> = servers.collect::<Result<_, _>>().map_err(|error| failed(&error))?;
        let options = credentials(&servers).map_err(|problem| failed(&problem))?;
        let doubt = Arc::new(Notify::new());
        let (named, doubtful) = (address.to_string(), Arc::clone(&doubt));
        let options = options.name("barstone").connection_timeout(CONNECT).request_timeout(Some(ANSWER));
        let options = options.event_callback(move |event| {
            match event {
                Event::Disconnected => {
                    tracing::warn!(store = named, "the store is not reachable; streams go on, and changes are refused")
                }
                Event::Connected => {
                    tracing::info!(store = named, "connected to the store");
                    doubtful.notify_one();
                }
                event => tracing::debug!(store = named, %event, "the store"),
            }
            std::future::ready(())
        });
        let client = options.connect(servers).await.map_err(|error| failed(&error))?;
        let store = find_or_make(&client, &address.bucket).await.map_err(|problem| failed(&problem))?;
        Ok(Self { address: address.clone(), client, store, doubt })
    }

    /// What there is now, and whatever happens to it.
    pub(super) async fn heads(&self) -> Result<Heads, BucketError> {
        let failed = |problem: &dyn fmt::Display| self.address.failed(problem);
        let store = find_or_make(&self.client, &self.address.bucket).await.map_err(|problem| failed(&problem))?;
        let state = &store.stream.cached_info().state;
        let newest = state.last_sequence;
        let mut there = state.messages > 0;
        let mut news = store.watch_with_history(">").await.map_err(|error| failed(&error))?;
        let mut all = Vec::new();
        while there {
            let entry = timeout(ANSWER, news.next()).await.map_err(|_| failed(&"no answer within 1 s"))?;
            let entry = entry.ok_or_else(|| failed(&"the watch has ended"))?.map_err(|error| failed(&error))?;
            there = entry.delta > 0;
            all.extend(Heard::of(&entry));
        }
        Ok(Heads { newest, all, news })
    }

    /// The next thing that happens. It fails also when the connection has been broken meanwhile, which a watch outlives
    /// without a word.
    pub(super) async fn next(&self, news: &mut News) -> Result<Option<Heard>, BucketError> {
        let entry = tokio::select! {
            entry = news.next() => entry,
            () = self.doubt.notified() => return Err(self.address.failed(&"something may have been missed")),
        };
        let entry = entry.ok_or_else(|| self.address.failed(&"the watch has ended"))?;
        Ok(Heard::of(&entry.map_err(|error| self.address.failed(&error))?))
    }

    /// What one key has come to; `None` if there has never been such a key, or it makes no sense.
    pub(super) async fn get(&self, name: &StreamName) -> Result<Option<Heard>, BucketError> {
        let entry = timeout(ANSWER, self.store.entry(name.as_str())).await;
        let entry = entry.map_err(|_| self.address.failed(&"no answer within 1 s"))?;
        Ok(entry.map_err(|error| self.address.failed(&error))?.as_ref().and_then(Heard::of))
    }

    pub(super) async fn write(&self, record: &Record, version: u64) -> Result<u64, Refusal> {
        let (name, text) = (record.spec.name.as_str(), text::written(record).into());
        let written = async {
            match version {
                0 => self.store.create(name, text).await.map_err(|error| match error.kind() {
                    kv::CreateErrorKind::AlreadyExists => Refusal::Behind,
                    _ => self.failed(&error),
                }),
                version => self.store.update(name, text, version).await.map_err(|error| self.refusal(&error)),
            }
        };
        self.at_once(written).await
    }

    pub(super) async fn remove(&self, name: &StreamName, version: u64) -> Result<(), Refusal> {
        let removed = self.store.delete_expect_revision(name.as_str(), Some(version));
        self.at_once(async { removed.await.map_err(|error| self.refusal(&error)) }).await
    }

    /// What cannot be done now is not kept for later: whoever asked for it is told that it failed.
    async fn at_once<T>(&self, work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        if self.client.connection_state() != connection::State::Connected {
            return Err(self.failed(&"not connected"));
        }
        timeout(ANSWER, work).await.unwrap_or_else(|_| Err(self.failed(&"no answer within 1 s")))
    }

    fn refusal(&self, error: &kv::UpdateError) -> Refusal {
        match error.kind() {
            kv::UpdateErrorKind::WrongLastRevision => Refusal::Behind,
            _ => self.failed(error),
        }
    }

    fn failed(&self, problem: &dyn fmt::Display) -> Refusal {
        self.doubt.notify_one();
        Refusal::Failed(self.address.failed(problem).into())
    }
}

/// Of the first server that has some, as the library does not read them there; a name alone is a token.
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

async fn find_or_make(client: &Client, bucket: &str) -> Result<kv::Store, String> {
    let mut context = jetstream::new(client.clone());
    context.set_timeout(ANSWER);
    if let Ok(store) = context.get_key_value(bucket).await {
        return Ok(store);
    }
    // The library's own way of making one asks for what servers before 2.10 do not tell.
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

impl Heard {
    /// What makes no sense is reported, and as if it were not there.
    fn of(entry: &kv::Entry) -> Option<Self> {
        let (key, version) = (&entry.key, entry.revision);
        let Some(name) = StreamName::parse(key) else {
            tracing::error!(key, "ignoring a key in the store that is not a stream name");
            return None;
        };
        if entry.operation != kv::Operation::Put {
            return Some(Self { name, record: None, version });
        }
        match text::read(key, &entry.value) {
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
        BucketError { address: self.to_string(), problem: problem.to_string() }
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

/// Without what is secret.
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
