//! The stored form of a definition: readable JSON.

use serde::{Deserialize, Serialize};

use super::{Before, Begin, Forgotten, Origin, Record};
use crate::base::timeline::UnixTime;
use crate::definition::spec::{SpecError, StreamRequest, StreamSpec};

/// Contents of a stored definition.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Time of the last write.
    changed: jiff::Timestamp,
    /// Time of the last start or stop by hand.
    switched: jiff::Timestamp,
    /// Number of the presentation.
    #[serde(default, skip_serializing_if = "is_zero")]
    presentation: u64,
    /// Number of the first segment of the definition.
    #[serde(default)]
    from: u64,
    /// Segment from which players of the previous presentation continue; 0 without a previous presentation.
    #[serde(default, skip_serializing_if = "is_zero")]
    joins: u64,
    /// Number of definitions that were announced before this one.
    #[serde(default)]
    number: Option<u64>,
    /// Time of the last change of the MPD.
    #[serde(default)]
    described: Option<jiff::Timestamp>,
    /// Earlier definitions whose segments may still be listed, oldest first.
    #[serde(default)]
    before: Vec<EarlierDefinition>,
    /// Number of earlier definitions that are no longer in `before`.
    #[serde(default)]
    forgotten: u64,
    /// The forgotten definition that began the Period of the oldest definition in `before`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lead: Option<EarlierDefinition>,
    /// Number of times that a revision would have named segments of two definitions.
    #[serde(default, skip_serializing_if = "is_zero")]
    takes: u64,
    /// Whether the stream is deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
    definition: StreamRequest,
}

/// An earlier definition of the stream.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EarlierDefinition {
    #[serde(alias = "changed")]
    described: jiff::Timestamp,
    from: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    joins: u64,
    #[serde(default)]
    number: Option<u64>,
    definition: StreamRequest,
}

/// Serializes a record as JSON.
pub(super) fn serialize(record: &Record) -> Vec<u8> {
    let Record { spec, changed, presentation, begin, before, forgotten, switched, origin: _, removed } = record;
    let Forgotten { count, lead, takes } = forgotten;
    let content = Document {
        changed: timestamp(*changed),
        switched: timestamp(*switched),
        presentation: *presentation,
        from: begin.from,
        joins: begin.joins,
        number: Some(begin.number),
        described: Some(timestamp(begin.described)),
        before: before.iter().map(EarlierDefinition::from).collect(),
        forgotten: *count,
        lead: lead.as_deref().map(EarlierDefinition::from),
        takes: *takes,
        removed: *removed,
        definition: StreamRequest::from(spec),
    };
    let mut text = serde_json::to_vec_pretty(&content).expect("texts and numbers have a form in JSON");
    text.push(b'\n');
    text
}

/// Parses the stored definition of the stream `name`. Early versions stored no `number`; it then follows from the
/// order.
///
/// # Errors
/// A text that says why the definition is not valid.
pub(super) fn parse(name: &str, text: &[u8]) -> Result<Record, String> {
    let content: Document = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let spec = StreamSpec::try_from(content.definition).map_err(|error| error.to_string())?;
    if name != spec.name.as_str() {
        return Err(format!("it defines {}", spec.name));
    }
    let Document { presentation, from, joins, number, described, forgotten: count, lead, takes, removed, .. } = content;
    let before = content.before.into_iter().zip(count..).map(|(earlier, place)| earlier.before(place));
    let before = before.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let lead = lead.map(|earlier| earlier.before(0)).transpose().map_err(|error| error.to_string())?;
    let starts: Vec<_> = before.iter().map(|before| before.begin.from).chain([from]).collect();
    if !starts.is_sorted_by(|one, next| one < next) || !before.iter().all(|before| before.spec.continues_as(&spec)) {
        return Err("its earlier definitions are not in order, or cannot be followed by it".into());
    }
    let [changed, switched] = [content.changed, content.switched].map(unix_time);
    let begin = Begin {
        from,
        joins,
        number: number.unwrap_or(count + before.len() as u64),
        described: described.map_or(if from == 0 { UnixTime::default() } else { changed }, unix_time),
    };
    let forgotten = Forgotten { count, lead: lead.map(Box::new), takes };
    Ok(Record { spec, changed, presentation, begin, before, forgotten, switched, origin: Origin::Stored, removed })
}

impl From<&Before> for EarlierDefinition {
    fn from(before: &Before) -> Self {
        let Before { spec, begin: Begin { from, joins, number, described } } = before;
        let definition = StreamRequest::from(spec);
        Self { described: timestamp(*described), from: *from, joins: *joins, number: Some(*number), definition }
    }
}

impl EarlierDefinition {
    fn before(self, place: u64) -> Result<Before, SpecError> {
        let Self { described, from, joins, number, definition } = self;
        let begin = Begin { from, joins, number: number.unwrap_or(place), described: unix_time(described) };
        Ok(Before { spec: definition.try_into()?, begin })
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn unix_time(time: jiff::Timestamp) -> UnixTime {
    UnixTime::from_millis(time.as_millisecond().max(0) as u64)
}

fn timestamp(time: UnixTime) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(time.as_millis() as i64).unwrap_or_default()
}
