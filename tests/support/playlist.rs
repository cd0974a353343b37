//! Reads playlists (RFC 8216bis) line by line.

/// A media playlist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Playlist {
    pub(crate) version: u32,
    /// Seconds.
    pub(crate) target: u64,
    pub(crate) sequence: u64,
    pub(crate) discontinuity_sequence: Option<u64>,
    pub(crate) ended: bool,
    pub(crate) segments: Vec<Segment>,
}

/// A segment of a media playlist, with the tags that apply to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) uri: String,
    /// EXTINF in microseconds.
    pub(crate) micros: u64,
    /// EXT-X-PROGRAM-DATE-TIME as it stands.
    pub(crate) date: String,
    /// The attributes of EXT-X-MAP.
    pub(crate) map: Option<String>,
    pub(crate) gap: bool,
    pub(crate) discontinuity: bool,
}

impl Playlist {
    /// Reads what it knows; other tags are passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let mut playlist = Self::default();
        let mut next = Segment::default();
        for line in text.lines() {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            match tag {
                "#EXT-X-VERSION" => playlist.version = value.parse().unwrap_or_default(),
                "#EXT-X-TARGETDURATION" => playlist.target = value.parse().unwrap_or_default(),
                "#EXT-X-MEDIA-SEQUENCE" => playlist.sequence = value.parse().unwrap_or_default(),
                "#EXT-X-DISCONTINUITY-SEQUENCE" => playlist.discontinuity_sequence = value.parse().ok(),
                "#EXT-X-ENDLIST" => playlist.ended = true,
                "#EXT-X-MAP" => next.map = Some(value.to_owned()),
                "#EXT-X-PROGRAM-DATE-TIME" => next.date = value.to_owned(),
                "#EXT-X-GAP" => next.gap = true,
                "#EXT-X-DISCONTINUITY" => next.discontinuity = true,
                "#EXTINF" => next.micros = micros(value.split(',').next().unwrap_or_default()),
                _ if line.is_empty() || line.starts_with('#') => {}
                _ => {
                    next.number = playlist.sequence + playlist.segments.len() as u64;
                    next.uri = line.to_owned();
                    // A map applies until the next one.
                    let after = Segment { map: next.map.clone(), ..Segment::default() };
                    playlist.segments.push(std::mem::replace(&mut next, after));
                }
            }
        }
        playlist
    }

    /// The URI of the init segment.
    pub(crate) fn init(&self) -> String {
        let map = self.segments.first().and_then(|segment| segment.map.as_deref()).unwrap_or_default();
        attribute(map, "URI").expect("EXT-X-MAP has a URI")
    }

    pub(crate) fn last(&self) -> &Segment {
        self.segments.last().expect("there are segments")
    }
}

/// An attribute of an attribute list, without its quotes (RFC 8216bis 4.2).
pub(crate) fn attribute(list: &str, name: &str) -> Option<String> {
    let mut rest = list;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').map(|(value, next)| (value, next.trim_start_matches(',')))?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key == name {
            return Some(value.to_owned());
        }
        rest = next;
    }
    None
}

/// The attribute lists of every `tag`, and the line after each.
pub(crate) fn tags<'a>(text: &'a str, tag: &str) -> Vec<(&'a str, &'a str)> {
    let lines: Vec<_> = text.lines().collect();
    let list = |line: &'a str| line.strip_prefix(tag)?.strip_prefix(':');
    let after = |index: usize| lines.get(index + 1).copied().unwrap_or_default();
    lines.iter().enumerate().filter_map(|(index, line)| Some((list(line)?, after(index)))).collect()
}

/// Decimal seconds as microseconds.
fn micros(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<6.6}").parse().unwrap_or_default()
}
