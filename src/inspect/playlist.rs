//! Media playlists (RFC 8216bis), read tag by tag, and the renditions of multivariant playlists. Tags that no rule needs are
//! skipped.

use reqwest::Url;

/// Most renditions in addition to the played ones.
const MOST_OTHERS: usize = 8;

/// A media playlist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Playlist {
    /// EXT-X-VERSION.
    pub version: u32,
    /// EXT-X-TARGETDURATION in seconds.
    pub target: u64,
    /// EXT-X-MEDIA-SEQUENCE.
    pub sequence: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: Option<u64>,
    /// Whether the playlist has EXT-X-ENDLIST.
    pub ended: bool,
    /// Whole segments.
    pub segments: Vec<Segment>,
    /// EXT-X-PART-INF:PART-TARGET in microseconds.
    pub part_target: Option<u64>,
    /// The attributes of EXT-X-SERVER-CONTROL.
    pub control: Option<String>,
    /// SKIPPED-SEGMENTS of EXT-X-SKIP. Numbers of later segments continue after it.
    pub skipped: Option<u64>,
    /// EXT-X-PART.
    pub parts: Vec<Part>,
    /// The attributes of each EXT-X-PRELOAD-HINT.
    pub hints: Vec<String>,
    /// The attributes of each EXT-X-RENDITION-REPORT.
    pub reports: Vec<String>,
}

/// A part of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Number of the segment that contains the part.
    pub segment: u64,
    /// Index of the part in its segment.
    pub index: u64,
    /// URI, relative to the playlist.
    pub uri: String,
    /// BYTERANGE.
    pub range: Option<String>,
    /// DURATION in microseconds.
    pub micros: u64,
    /// INDEPENDENT=YES.
    pub independent: bool,
    /// GAP=YES.
    pub gap: bool,
}

/// A segment of a media playlist, with the tags that apply to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segment {
    /// Media sequence number.
    pub number: u64,
    /// URI, relative to the playlist.
    pub uri: String,
    /// EXT-X-BYTERANGE.
    pub range: Option<String>,
    /// EXTINF in microseconds.
    pub micros: u64,
    /// EXT-X-PROGRAM-DATE-TIME, unparsed.
    pub date: String,
    /// The attributes of EXT-X-MAP.
    pub map: Option<String>,
    /// EXT-X-GAP.
    pub gap: bool,
    /// EXT-X-DISCONTINUITY.
    pub discontinuity: bool,
}

impl Playlist {
    /// Parses the tags that rules need and skips others.
    pub fn parse(text: &str) -> Self {
        let mut playlist = Self::default();
        let mut next = Segment::default();
        for line in text.trim_start_matches('\u{feff}').lines().map(str::trim_end) {
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
                "#EXT-X-BYTERANGE" => next.range = Some(value.to_owned()),
                "#EXT-X-DISCONTINUITY" => next.discontinuity = true,
                "#EXT-X-PART-INF" => playlist.part_target = attribute(value, "PART-TARGET").map(|text| micros(&text)),
                "#EXT-X-SERVER-CONTROL" => playlist.control = Some(value.to_owned()),
                "#EXT-X-SKIP" => playlist.skipped = attribute(value, "SKIPPED-SEGMENTS").and_then(|n| n.parse().ok()),
                "#EXT-X-PART" => playlist.parts.push(Part::parse(&playlist, value)),
                "#EXT-X-PRELOAD-HINT" => playlist.hints.push(value.to_owned()),
                "#EXT-X-RENDITION-REPORT" => playlist.reports.push(value.to_owned()),
                "#EXTINF" => next.micros = micros(value.split(',').next().unwrap_or_default()),
                _ if line.is_empty() || line.starts_with('#') => {}
                _ => {
                    next.number = playlist.next();
                    next.uri = line.to_owned();
                    // A map applies until the next map.
                    let after = Segment { map: next.map.clone(), ..Segment::default() };
                    playlist.segments.push(std::mem::replace(&mut next, after));
                }
            }
        }
        playlist
    }

    /// Number after that of the last whole segment.
    pub fn next(&self) -> u64 {
        self.sequence + self.skipped.unwrap_or_default() + self.segments.len() as u64
    }

    /// Segment and index of the last part.
    pub fn edge(&self) -> Option<(u64, u64)> {
        self.parts.last().map(|part| (part.segment, part.index))
    }

    /// Number of parts in a segment, according to the newest segment with parts.
    pub fn parts_per_segment(&self) -> Option<u64> {
        let newest = self.parts.iter().rev().find(|part| part.segment < self.next())?;
        Some(newest.index + 1)
    }

    /// Duration of the whole segments in microseconds.
    pub fn micros(&self) -> u64 {
        self.segments.iter().map(|segment| segment.micros).sum()
    }

    /// Whether the server blocks reloads.
    pub fn can_block(&self) -> bool {
        let blocks = self.control.as_deref().and_then(|list| attribute(list, "CAN-BLOCK-RELOAD"));
        blocks.as_deref() == Some("YES")
    }

    /// URI of the hinted part. A hinted byte range has no end, so it is left out.
    pub fn hinted_part(&self) -> Option<String> {
        let part = self.hints.iter().find(|list| attribute(list, "TYPE").as_deref() == Some("PART"))?;
        attribute(part, "URI").filter(|_| attribute(part, "BYTERANGE-START").is_none())
    }

    /// A number in EXT-X-SERVER-CONTROL, seconds as microseconds.
    pub fn control(&self, name: &str) -> Option<u64> {
        attribute(self.control.as_deref()?, name).map(|text| micros(&text))
    }
}

impl Segment {
    /// URI without query, and byte range: they identify the segment in another version of the playlist.
    pub fn identity(&self) -> (&str, Option<&str>) {
        (without_query(&self.uri), self.range.as_deref())
    }
}

impl Part {
    /// Parses an EXT-X-PART that follows the contents of `playlist`.
    fn parse(playlist: &Playlist, list: &str) -> Self {
        let segment = playlist.next();
        let index = playlist.parts.iter().filter(|part| part.segment == segment).count() as u64;
        let is = |name| attribute(list, name).as_deref() == Some("YES");
        Self {
            segment,
            index,
            uri: attribute(list, "URI").unwrap_or_default(),
            micros: attribute(list, "DURATION").map_or(0, |text| micros(&text)),
            range: attribute(list, "BYTERANGE"),
            independent: is("INDEPENDENT"),
            gap: is("GAP"),
        }
    }
}

/// Value of an attribute without quotes (RFC 8216bis 4.2).
pub fn attribute(list: &str, name: &str) -> Option<String> {
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

/// Attribute list of every `tag`, and the line after it.
pub fn tags<'a>(text: &'a str, tag: &str) -> Vec<(&'a str, &'a str)> {
    let lines: Vec<_> = text.lines().collect();
    let list = |line: &'a str| line.strip_prefix(tag)?.strip_prefix(':');
    let after = |index: usize| lines.get(index + 1).copied().unwrap_or_default();
    lines.iter().enumerate().filter_map(|(index, line)| Some((list(line)?, after(index)))).collect()
}

/// URLs of the media playlists of a multivariant playlist: those of the first variant and its audio, and a few others.
pub fn renditions(text: &str, base: &Url) -> (Vec<Url>, Vec<Url>) {
    let variants = tags(text, "#EXT-X-STREAM-INF");
    let url = |uri: &str| base.join(uri).ok();
    let group = variants.first().and_then(|(list, _)| attribute(list, "AUDIO"));
    let media = tags(text, "#EXT-X-MEDIA")
        .into_iter()
        .map(|(list, _)| list)
        .filter(|list| attribute(list, "TYPE").is_some_and(|kind| kind == "AUDIO" || kind == "VIDEO"));
    let mut sounds: Vec<_> = media.filter_map(|list| Some((list, url(&attribute(list, "URI")?)?))).collect();
    sounds.sort_by_key(|(list, _)| attribute(list, "DEFAULT").as_deref() != Some("YES"));
    let mut played: Vec<_> = variants.first().and_then(|(_, uri)| url(uri)).into_iter().collect();
    let sound = sounds.iter().find(|(list, _)| group.is_some() && attribute(list, "GROUP-ID") == group);
    played.extend(sound.map(|(_, url)| url.clone()));
    played.dedup();
    let mut others: Vec<Url> = Vec::new();
    for url in variants.iter().filter_map(|(_, uri)| url(uri)).chain(sounds.into_iter().map(|(_, url)| url)) {
        if !played.contains(&url) && !others.contains(&url) && others.len() < MOST_OTHERS {
            others.push(url);
        }
    }
    (played, others)
}

/// Whether a text is a playlist.
pub fn is_playlist(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').starts_with("#EXTM3U")
}

/// A URI without its query, which may change with each reload.
pub fn without_query(uri: &str) -> &str {
    uri.split('?').next().unwrap_or_default()
}

/// Decimal seconds as microseconds.
fn micros(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<6.6}").trim().parse().unwrap_or_default()
}
