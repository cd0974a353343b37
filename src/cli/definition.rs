//! Definition of a stream for commands that compute what the stream should be.

use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

use super::client;
use crate::definition::spec::{StreamRequest, StreamSpec};
use crate::inspect::fetch::{Fetcher, Request};

/// Time limit of a request.
const WITHIN: Duration = Duration::from_secs(20);

/// Reads a definition from `place`: a file, or the URL of a server that has the stream `name`.
pub(super) async fn read(place: &str, name: Option<&str>, fetcher: &Fetcher) -> Result<StreamSpec, String> {
    let value = match Url::parse(place).ok().filter(|url| url.scheme().starts_with("http")) {
        Some(server) => {
            let name = name.ok_or("the URL does not contain /live/NAME/: name the stream with --stream")?;
            on_server(&server, name, fetcher).await?
        }
        None => client::read_definition(Path::new(place))?,
    };
    let request: StreamRequest = serde_json::from_value(value).map_err(|error| format!("{place}: {error}"))?;
    StreamSpec::try_from(request).map_err(|error| format!("{place}: {error}"))
}

async fn on_server(server: &Url, name: &str, fetcher: &Fetcher) -> Result<Value, String> {
    let url = server.join("/api/v1/definitions").map_err(|error| format!("{server}: {error}"))?;
    let answer =
        fetcher.fetch(&Request::manifest(url.clone(), WITHIN)).await.map_err(|error| format!("{url}: {error}"))?;
    let unknown = || format!("{server}: this server has no stream {name}");
    let mut all: Value = serde_json::from_slice(&answer.reply.body).map_err(|_| unknown())?;
    let streams = all["streams"].as_array_mut().ok_or_else(unknown)?;
    let found = streams.iter_mut().find(|definition| definition["name"] == name);
    found.map(Value::take).ok_or_else(unknown)
}
