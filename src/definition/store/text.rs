//! A definition as it is written down: JSON that people can read.

use serde::{Deserialize, Serialize};

use super::{Before, Origin, Record};
use crate::base::timeline::UnixTime;
use crate::definition::spec::{SpecError, StreamRequest, StreamSpec};

/// What is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// When the definition was last written.
    changed: jiff::Timestamp,
    /// When it was last said by hand whether the stream runs.
    switched: jiff::Timestamp,
    /// The first segment of the definition.
    #[serde(default)]
    from: u64,
    #[serde(default)]
    before: Vec<Earlier>,
    /// How many definitions there were before those.
    #[serde(default)]
    forgotten: u64,
    definition: StreamRequest,
}

/// A definition that the stream had.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    changed: jiff::Timestamp,
    from: u64,
    definition: StreamRequest,
}

/// Writes a definition down.
pub(super) fn written(record: &Record) -> Vec<u8> {
    let content = Content {
        changed: timestamp(record.changed),
        switched: timestamp(record.switched),
        from: record.from,
        before: record.before.iter().map(Earlier::from).collect(),
        forgotten: record.forgotten,
        definition: StreamRequest::from(&record.spec),
    };
    let mut text = serde_json::to_vec_pretty(&content).expect("texts and numbers have a form in JSON");
    text.push(b'\n');
    text
}

/// Reads what was written down under `name`.
///
/// # Errors
/// Why it makes no sense.
pub(super) fn read(name: &str, text: &[u8]) -> Result<Record, String> {
    let content: Content = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let spec = StreamSpec::try_from(content.definition).map_err(|error| error.to_string())?;
    if name != spec.name.as_str() {
        return Err(format!("it defines {}", spec.name));
    }
    let before = content.before.into_iter().map(Before::try_from).collect::<Result<Vec<_>, _>>();
    let before = before.map_err(|error| error.to_string())?;
    let starts: Vec<_> = before.iter().map(|before| before.from).chain([content.from]).collect();
    if !starts.is_sorted_by(|one, next| one < next) || !before.iter().all(|before| before.spec.goes_over_to(&spec)) {
        return Err("it was not what is before it that it follows".into());
    }
    let [changed, switched] = [content.changed, content.switched].map(unix_time);
    let Content { from, forgotten, .. } = content;
    Ok(Record { spec, changed, from, before, forgotten, switched, origin: Origin::Stored })
}

impl From<&Before> for Earlier {
    fn from(before: &Before) -> Self {
        let Before { spec, from, changed } = before;
        Self { changed: timestamp(*changed), from: *from, definition: StreamRequest::from(spec) }
    }
}

impl TryFrom<Earlier> for Before {
    type Error = SpecError;

    fn try_from(earlier: Earlier) -> Result<Self, SpecError> {
        let Earlier { changed, from, definition } = earlier;
        Ok(Self { spec: definition.try_into()?, from, changed: unix_time(changed) })
    }
}

fn unix_time(time: jiff::Timestamp) -> UnixTime {
    UnixTime::from_millis(time.as_millisecond().max(0) as u64)
}

fn timestamp(time: UnixTime) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(time.as_millis() as i64).unwrap_or_default()
}
