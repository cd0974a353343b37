//! Every rule with its id, level, clause and summary. The options of the checker, its output and `docs/check.md` come
//! from this table.
//!
//! Clauses: **HLS** draft-pantos-hls-rfc8216bis · **Apple** HLS Authoring Specification · **DASH** ISO/IEC 23009-1 ·
//! **TM** DASH-IF Restricted Timing Model · **IOP** DASH-IF IOP v5 · **LL** DASH-IF low latency · **CMAF** ISO/IEC
//! 23000-19.

/// Degree to which a rule binds a server. A greater level is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Practice that helps players and caches.
    Recommended,
    /// SHOULD of a specification.
    Should,
    /// MUST or SHALL of a specification.
    Must,
}

/// A rule. Violations of a part that binds less have a lower level than the rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Id, such as `H3`.
    pub id: &'static str,
    /// Strictest level of the parts of the rule.
    pub level: Level,
    /// Clause of the specification that contains the rule.
    pub clause: &'static str,
    /// Demand of the rule, as a sentence.
    pub summary: &'static str,
}

impl Level {
    /// The word in options and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Recommended => "recommended",
            Self::Should => "should",
            Self::Must => "must",
        }
    }
}

/// The rule with this id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

const fn must(id: &'static str, clause: &'static str, summary: &'static str) -> Rule {
    Rule { id, level: Level::Must, clause, summary }
}

const fn should(id: &'static str, clause: &'static str, summary: &'static str) -> Rule {
    Rule { id, level: Level::Should, clause, summary }
}

/// All rules, family by family.
pub const RULES: &[Rule] = &[
    must("H1", "HLS 4", "a playlist is recognisable by .m3u8 or its Content-Type and starts with #EXTM3U, without BOM"),
    must("H2", "HLS 8", "EXT-X-VERSION is as high as the tags of the playlist need"),
    must(
        "H3",
        "HLS 4.4.3.1, 6.2.1",
        "a media playlist has one EXT-X-TARGETDURATION, its value never changes, and no rounded EXTINF exceeds it",
    ),
    must(
        "H4",
        "HLS 4.4.3.2, 6.2.2",
        "EXT-X-MEDIA-SEQUENCE rises by one for each removed segment, and a segment keeps its number",
    ),
    must(
        "H5",
        "HLS 6.2.1",
        "a reload only appends at the end and removes the oldest segments; tags of a segment do not change",
    ),
    must("H6", "HLS 6.2.2", "EXT-X-DISCONTINUITY-SEQUENCE rises by one for each removed discontinuity"),
    must("H7", "HLS 6.2.2", "a live playlist from which segments were removed lasts at least three target durations"),
    must("H8", "HLS 4.4.3.5, 6.2.1", "a playlist that removes segments has no EXT-X-PLAYLIST-TYPE"),
    must("H9", "HLS 6.2.2", "a removed segment stays available for its own duration plus the duration of the playlist"),
    must("H10", "HLS 6.2.1", "a new segment is listed within 1.5 target durations of the previous one"),
    must(
        "H11",
        "HLS 6.2.1",
        "a listed segment is available as a whole, and its download takes less time than its playback",
    ),
    must(
        "H12",
        "HLS 4.4.3.5, 6.2.1",
        "a playlist with EXT-X-ENDLIST never changes again; a VOD playlist has EXT-X-ENDLIST (should)",
    ),
    must("H13", "HLS 4.4.4.3", "EXT-X-DISCONTINUITY marks each change of file format, encoding or timestamps"),
    must(
        "H14",
        "HLS 3.1.2",
        "fragmented MP4 has EXT-X-MAP, an init segment with brand iso6, mvex and no samples, and a tfdt in each fragment",
    ),
    must(
        "H15",
        "HLS 4.4.4.6, 6.2.1",
        "EXT-X-PROGRAM-DATE-TIME has a time zone and milliseconds (should), and continues from segment to segment",
    ),
    must(
        "H16",
        "HLS 6.2.4",
        "all renditions have the same target duration, discontinuities, dates and EXT-X-SERVER-CONTROL",
    ),
    should("H20", "HLS 6.2.1; Apple 10.1", "playlists are compressed with gzip if the client accepts it"),
    must(
        "H21",
        "Apple 7.7, 8.1",
        "EXTINF equals the duration of the segment to within a frame, and is at most the target duration plus 0.5 s",
    ),
    must(
        "H22",
        "Apple 1.28, 1.29",
        "the measured average is below 110 % of AVERAGE-BANDWIDTH, and the measured peak below 125 % of BANDWIDTH",
    ),
    must(
        "H23",
        "Apple 1.13, 7.4, 7.5",
        "each segment starts with an IDR picture, and an IDR picture comes every two seconds (should)",
    ),
    must(
        "H24",
        "HLS 4.4.6.2; Apple 6.1, 9",
        "a multivariant playlist states bit rates, codecs, sizes and frame rates, and lists I-frame playlists",
    ),
    must(
        "H25",
        "Apple 8.4, 8.17",
        "a live playlist has EXT-X-PROGRAM-DATE-TIME, and EXT-X-DISCONTINUITY-SEQUENCE if it has discontinuities",
    ),
    must(
        "H26",
        "Apple 8.18, 8.24",
        "media is not redirected, and Last-Modified of a live playlist is within three target durations of Date",
    ),
    must(
        "H27",
        "Apple 10.4",
        "Content-Type matches the file: application/vnd.apple.mpegurl, video/mp4, audio/mp4, video/iso.segment, video/MP2T",
    ),
    must(
        "L1",
        "HLS 4.4.3.7, 4.4.4.9",
        "a playlist with EXT-X-PART has EXT-X-PART-INF, whose PART-TARGET does not change before the end",
    ),
    must(
        "L2",
        "HLS 4.4.4.9",
        "a part has the duration that its tag states: at most PART-TARGET, and at least 85 % of PART-TARGET unless the part is the last of its segment",
    ),
    must(
        "L3",
        "HLS 4.4.3.8; Apple 14.3",
        "EXT-X-SERVER-CONTROL does not change before the end; CAN-SKIP-UNTIL is at least six target durations, HOLD-BACK three, and PART-HOLD-BACK two part targets (should: three)",
    ),
    must("L4", "HLS 4.4.4.9", "INDEPENDENT=YES marks only parts with an independent frame (should: all such parts)"),
    must("L5", "HLS 4.4.4", "tags of a segment precede its first part"),
    must("L6", "HLS 3.2", "the concatenated parts of a segment have the same bytes as the segment"),
    must("L7", "HLS 6.2.1", "a new part is listed within a part target of the previous one"),
    must(
        "L8",
        "HLS 6.2.2",
        "parts leave the playlist three target durations from its end (should), and stay available for three more target durations",
    ),
    must(
        "L9",
        "HLS 6.2.5.2",
        "the server holds a request with _HLS_msn and _HLS_part until the playlist lists that part",
    ),
    must("L10", "HLS 6.2.5.2", "a part index past the end of a segment means the first part of the next segment"),
    must("L11", "HLS 6.2.5.2", "the server answers _HLS_part without _HLS_msn with 400"),
    should("L12", "HLS 6.2.5.2", "the server immediately answers a request too far ahead with 400"),
    should("L13", "HLS 6.2.5.2", "the server answers a request that it has held for three target durations with 503"),
    must(
        "L14",
        "HLS 6.2.5.2",
        "a request for a segment or part that is listed, or has left the window, immediately gets the whole current playlist",
    ),
    must(
        "L15",
        "HLS 4.4.5.2, 6.2.5.1",
        "a delta update, applied to the previous playlist, results in the current playlist",
    ),
    should(
        "L15b",
        "HLS 4.4.4.9, 6.2.5.2",
        "the server holds requests for I-frame playlists as for other playlists, and I-frame playlists have no parts",
    ),
    must(
        "L16",
        "HLS 4.4.5.3, 6.2.6",
        "a hinted part appears under the hinted URI, clients can request the part as soon as it is hinted, and the server sends it as soon as it is listed",
    ),
    must(
        "L17",
        "HLS 6.2.6",
        "the server sends no byte of a part before it can send the whole part at the speed of the link; parts that were not hinted are not found (should)",
    ),
    must("L18", "HLS 4.4.5.4, B.1", "EXT-X-RENDITION-REPORT of each other rendition is as current as the playlist"),
    must("L20", "HLS B.1", "the server delivers low-latency playlists over HTTP/2 or HTTP/3"),
    must("L21", "HLS B.1", "low-latency playlists are compressed with gzip"),
    must(
        "L22",
        "HLS B.1",
        "each segment has an independent frame, and the ends of renditions are at most a part target apart",
    ),
    should(
        "L23",
        "HLS B.1",
        "max-age is half a target duration for playlists, and six target durations for blocking playlists and for media",
    ),
    should("L24", "HLS 6.2.5", "unknown parameters and the order of parameters do not change the answer"),
    must("L26", "Apple 14.4, 14.5", "a playlist of more than two minutes offers delta updates"),
    must("D0", "DASH Annex B", "the MPD is well-formed, and its elements and attributes have the types of the schema"),
    must(
        "D1",
        "DASH 5.3.1.2; IOP",
        "a dynamic MPD has availabilityStartTime, publishTime, minimumUpdatePeriod, minBufferTime, profiles and timeShiftBufferDepth",
    ),
    must("D2", "TM", "the MPD has a UTCTiming of a scheme that clients support"),
    must("D3", "DASH 5.4; TM", "an update keeps availabilityStartTime, ids, order, starts and init segments"),
    must("D4", "DASH 5.3.1.2", "publishTime rises if and only if the MPD changes"),
    must("D5", "TM", "a SegmentTimeline is only extended at its end and shortened at its start"),
    must("D6", "TM", "a SegmentTimeline lists every available segment, except the one that is being published"),
    must("D7", "TM", "a segment leaves its SegmentTimeline only after it has left the time shift buffer"),
    must(
        "D8",
        "DASH A.3; TM",
        "a segment is available from its availability time on, and the server answers 404 or 425 before",
    ),
    must(
        "D9",
        "TM",
        "segments follow each other without gap, and start at most half a segment from their nominal time",
    ),
    must("D10", "DASH 5.3.9; TM", "the MPD states a timescale, and its times and offsets match the media"),
    must("D11", "DASH 5.3.3", "the MPD declares that segments are aligned and start with access points"),
    must("D12", "TM", "suggestedPresentationDelay is shorter than timeShiftBufferDepth"),
    must("D13", "TM", "an MPD without low latency has no availabilityTimeOffset and no availabilityTimeComplete"),
    must("D14", "TM; IOP", "an MPD whose end is known has no minimumUpdatePeriod, and its last Period has a duration"),
    should("D15", "TM; IOP", "the MPD has an ETag and is compressed with gzip"),
    must("D16", "IOP", "durations in the MPD have no years and months, and times are in UTC"),
    must(
        "D18",
        "DASH 5.15; IOP",
        "a patch of the MPD is available within its ttl, and makes the new MPD of the old one",
    ),
    must("D19", "DASH 5.10.3", "the MPD announces the events in segments, and equal ids mean equal events"),
    must(
        "D21",
        "DASH; practice",
        "Content-Type is application/dash+xml, the response has Date, and pages of other origins may read the MPD",
    ),
    should("E1", "LL", "the MPD declares the profile of low latency"),
    must("E2", "LL 9.X.4.2", "the latency target is longer than a chunk"),
    must("E3", "LL", "the MPD has a UTCTiming with milliseconds"),
    must(
        "E4",
        "LL",
        "each adaptation set has a ProducerReferenceTime with correct times and with prft boxes in the media",
    ),
    must("E5", "LL 9.X.4.5; CMAF 7.3.2.3", "a segment has several chunks without gaps"),
    must(
        "E6",
        "LL 9.X.4.5",
        "availabilityTimeOffset is less than the segment duration, and availabilityTimeComplete is false",
    ),
    should("E7", "LL 9.X.4.5", "Resync states where chunks start"),
    must(
        "E9",
        "LL",
        "segments are addressed by number, or by the number or time of a timeline, and none is available before its time",
    ),
    must(
        "E11",
        "LL; DASH A.12",
        "the server sends a segment chunk by chunk while it is encoded, and later the whole segment with the same bytes",
    ),
    must(
        "C1",
        "CMAF 7.3.2.2, 7.3.4",
        "decode times continue from chunk to chunk, and are equal in all tracks of a switching set",
    ),
    must(
        "C2",
        "CMAF 7.3.2.3",
        "a chunk is a moof and its mdat, offsets count from the moof, and the first chunk starts with a sync sample",
    ),
    must("C3", "CMAF 7.3.2.4", "a fragment can be decoded without other fragments"),
    must("C4", "CMAF 7.3.4", "tracks of a switching set have the same timescale and segments"),
    must("C6", "CMAF 7.3.6", "tracks of a presentation start together"),
    must(
        "C7",
        "CMAF 7.5.17, 9.2.1",
        "composition offsets are negative or the track has an edit list, and a cmf2 track has no edit list",
    ),
    must("C8", "CMAF 10.4", "AAC of the core profile has at most two channels and 48 kHz"),
    must("C9", "CMAF 7.3", "a file has one track and the brands of CMAF"),
    must("A1", "check --against", "both origins list the same segments, at most one segment apart (should)"),
    must("A2", "check --against", "both origins have the same init segments and segments, byte for byte"),
    must("T1", "RFC 9112 6.3, 8; RFC 9110 8.4", "a body has the stated length and the stated coding"),
    should("T2", "RFC 9110 9.3.2", "the server answers HEAD as it answers GET, without the body"),
    should(
        "T3",
        "RFC 9110 13.1.2",
        "a manifest has an ETag or Last-Modified, and the server answers a request with the current ETag with 304",
    ),
    must("T4", "RFC 9110 14.2, 15.3.7", "a response to a range request has the bytes of that range"),
    should("T5", "Fetch 3.2", "pages of other origins may read manifests and media"),
    should("T6", "RFC 9111 4.2", "caches may store a live manifest until its next change, and no longer"),
    must("T7", "RFC 9110 15", "the server answers requests, and answers requests for manifests with 200"),
    should("T8", "practice", "the first byte of a manifest arrives within two seconds"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_an_id_of_its_own_a_clause_and_a_summary() {
        for (index, rule) in RULES.iter().enumerate() {
            assert!(!rule.clause.is_empty() && rule.summary.len() > 20, "{}", rule.id);
            assert_eq!(find(rule.id), Some(&RULES[index]), "{} stands twice", rule.id);
        }
    }

    /// The ids in calls of `demand` and `advise`, as they stand in the sources.
    #[test]
    fn every_rule_that_is_checked_is_in_the_table() {
        let sources = [
            include_str!("cmaf.rs"),
            include_str!("dash.rs"),
            include_str!("dash/events.rs"),
            include_str!("dash/patch.rs"),
            include_str!("dash/timeline.rs"),
            include_str!("hls.rs"),
            include_str!("hls/delivery.rs"),
            include_str!("http.rs"),
            include_str!("lldash.rs"),
            include_str!("lldash/delivery.rs"),
            include_str!("llhls.rs"),
            include_str!("llhls/delivery.rs"),
            include_str!("llhls/reload.rs"),
            include_str!("llhls/update.rs"),
            include_str!("origins.rs"),
            include_str!("schema.rs"),
        ];
        let all = sources.concat();
        for call in
            all.split(['"']).filter(|word| word.len() <= 4 && word.starts_with(['H', 'L', 'D', 'E', 'C', 'A', 'T']))
        {
            let is_id = call[1..].starts_with(|c: char| c.is_ascii_digit());
            assert!(!is_id || find(call).is_some(), "{call} is not in the table");
        }
        for rule in RULES {
            assert!(all.contains(&format!("\"{}\"", rule.id)), "nothing checks {}", rule.id);
        }
    }
}
