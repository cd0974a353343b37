//! Urgency of a response (RFC 9218): from the client's `priority` header, else from the kind of resource.

use std::path::Path;

use axum::http::{HeaderMap, HeaderName};

const PRIORITY: HeaderName = HeaderName::from_static("priority");
/// Urgency of manifests: small, and players cannot go on without them.
const MANIFEST: u8 = 1;
/// RFC 9218 4.1.
const DEFAULT: u8 = 3;
/// Urgency of media: large, and players have a buffer.
const MEDIA: u8 = 4;

/// The parameters of RFC 9218 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Priority {
    /// 0 is the most urgent, 7 the least.
    pub(super) urgency: u8,
    /// Whether a part of the response is already useful, so that it shares bandwidth with others of the same urgency.
    pub(super) incremental: bool,
}

impl Priority {
    /// The priority of the response to a request for `path`. Invalid parts of the header are ignored.
    ///
    /// PRIORITY_UPDATE frames (RFC 9218 7) have no effect, because h2 ignores them.
    pub(super) fn of(path: &str, request: &HeaderMap) -> Self {
        let mut priority = Self { urgency: urgency(path), incremental: false };
        let values = request.get_all(PRIORITY).iter().filter_map(|value| value.to_str().ok());
        for member in values.flat_map(|value| value.split(',')) {
            let member = member.split(';').next().unwrap_or_default().trim();
            match member.split_once('=').unwrap_or((member, "?1")) {
                ("u", digit) => priority.urgency = parse_urgency(digit).unwrap_or(DEFAULT),
                ("i", word) => priority.incremental = word == "?1",
                _ => {}
            }
        }
        priority
    }
}

fn parse_urgency(urgency: &str) -> Option<u8> {
    match urgency.as_bytes() {
        [digit @ b'0'..=b'7'] => Some(digit - b'0'),
        _ => None,
    }
}

fn urgency(path: &str) -> u8 {
    match Path::new(path).extension().and_then(|ending| ending.to_str()) {
        Some("m3u8" | "mpd") => MANIFEST,
        Some("m4s") => MEDIA,
        Some(_) | None => DEFAULT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, header: Option<&str>, urgency: u8, incremental: bool) {
        let headers = header.map(|value| (PRIORITY, value.parse().unwrap())).into_iter().collect();
        assert_eq!(Priority::of(path, &headers), Priority { urgency, incremental }, "{path} {header:?}");
    }

    #[test]
    fn the_priority_header_sets_the_priority() {
        check("/live/test/v720/0/7.m4s", Some("u=0"), 0, false);
        check("/live/test/hls.m3u8", Some("u=7, i"), 7, true);
        check("/", Some("i;x=1 , u=5;y, other=\"z\""), 5, true);
        check("/", Some("u=2,i=?1"), 2, true);
        check("/", Some("i, i=?0, u=1, u=6"), 6, false);
    }

    #[test]
    fn invalid_parts_of_the_priority_header_are_ignored() {
        for wrong in ["u=8", "u=-1", "u=1.0", "u", "u=\"1\"", "u=", "u=10"] {
            check("/live/test/hls.m3u8", Some(wrong), DEFAULT, false);
        }
        check("/", Some("i=1"), DEFAULT, false);
        check("/", Some(",=;,U=1"), DEFAULT, false);
    }

    #[test]
    fn manifests_are_more_urgent_than_media() {
        check("/live/test/hls.m3u8", None, 1, false);
        check("/dash/test.mpd", None, 1, false);
        check("/live/test/v720/0123abcd/init.mp4", None, 3, false);
        check("/api/v1/streams", None, 3, false);
        check("/live/test/v720/0123abcd/7.m4s", None, 4, false);
        check("/live/test/v720/0123abcd/7.2.m4s", Some("i"), 4, true);
    }
}
