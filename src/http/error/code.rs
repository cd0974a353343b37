//! All kinds of problems with code, status and title. `docs/api.md` has a row for each.

use axum::http::StatusCode;

macro_rules! codes {
    ($($code:ident: $status:ident $word:literal $title:literal)*) => {
        /// Kind of a problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::http) enum Code {
            $($code),*
        }

        impl Code {
            pub(in crate::http) const ALL: &'static [Self] = &[$(Self::$code),*];

            pub(in crate::http) const fn status(self) -> StatusCode {
                match self {
                    $(Self::$code => StatusCode::$status),*
                }
            }

            /// Name of the kind in the API. It never changes.
            pub(in crate::http) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $word),*
                }
            }

            /// Title of all problems of this kind.
            pub(in crate::http) const fn title(self) -> &'static str {
                match self {
                    $(Self::$code => $title),*
                }
            }
        }
    };
}

codes! {
    NotJson: BAD_REQUEST "not_json" "The body is not JSON"
    BadBody: BAD_REQUEST "bad_body" "The body could not be read"
    BadQuery: BAD_REQUEST "bad_query" "The query is not allowed"
    BadDirective: BAD_REQUEST "bad_directive" "A delivery directive is not allowed"
    BadCondition: BAD_REQUEST "bad_condition" "A condition is not allowed"
    TooFarAhead: BAD_REQUEST "too_far_ahead" "The request is too far ahead of the playlist"
    BadSdp: BAD_REQUEST "bad_sdp" "The body is not an SDP offer"
    TokenNeeded: UNAUTHORIZED "token_needed" "The API token is missing"
    BadToken: UNAUTHORIZED "bad_token" "The API token is wrong"
    PublishTokenNeeded: UNAUTHORIZED "publish_token_needed" "The publish token is missing"
    BadPublishToken: UNAUTHORIZED "bad_publish_token" "The publish token is not valid"
    PublishTokenExpired: UNAUTHORIZED "publish_token_expired" "The publish token has expired"
    AddressDenied: FORBIDDEN "address_denied" "The client's address is not allowed"
    ViewerTokenNeeded: FORBIDDEN "viewer_token_needed" "The stream is private"
    BadViewerToken: FORBIDDEN "bad_viewer_token" "The viewer token is not valid"
    ViewerTokenExpired: FORBIDDEN "viewer_token_expired" "The viewer token has expired"
    UnknownPath: NOT_FOUND "unknown_path" "No resource has this URL"
    UnknownStream: NOT_FOUND "unknown_stream" "No stream has this name"
    NotServed: NOT_FOUND "not_served" "This server serves the API only"
    WebrtcOff: NOT_FOUND "webrtc_off" "This server has no WebRTC"
    NotPainted: NOT_FOUND "not_painted" "A publisher sends the picture"
    NoSuchSession: NOT_FOUND "no_such_session" "The session does not exist"
    NoSuchMedia: NOT_FOUND "no_such_media" "The media does not exist"
    WrongMethod: METHOD_NOT_ALLOWED "wrong_method" "The resource does not support this method"
    TooSlow: REQUEST_TIMEOUT "too_slow" "The body did not arrive in time"
    Exists: CONFLICT "exists" "The name is taken"
    Declared: CONFLICT "declared" "The configuration file declares the stream"
    NotRunning: CONFLICT "not_running" "The stream has no pictures now"
    NotPublishable: CONFLICT "not_publishable" "The stream is a test signal"
    AlreadyPublished: CONFLICT "already_published" "Another client publishes to the stream"
    Expired: GONE "expired" "The segment has left the window"
    Changed: PRECONDITION_FAILED "changed" "The stream does not meet the condition of the request"
    SessionChanged: PRECONDITION_FAILED "session_changed" "ICE of the session has been restarted"
    TooLarge: PAYLOAD_TOO_LARGE "too_large" "The body is too large"
    NotJsonType: UNSUPPORTED_MEDIA_TYPE "not_json_type" "The body's type is not application/json"
    NotSdpType: UNSUPPORTED_MEDIA_TYPE "not_sdp_type" "The body has another type than WHEP and WHIP need"
    BadRange: RANGE_NOT_SATISFIABLE "bad_range" "The range cannot be satisfied"
    BadValue: UNPROCESSABLE_ENTITY "bad_value" "A value is not allowed"
    NoCommonCodec: UNPROCESSABLE_ENTITY "no_common_codec" "The client offers no codec of the stream"
    TooEarly: TOO_EARLY "too_early" "The media does not exist yet"
    NoPrecondition: PRECONDITION_REQUIRED "no_precondition" "The header If-Match is missing"
    HeadTooLong: REQUEST_HEADER_FIELDS_TOO_LARGE "head_too_long" "The request head is too long"
    Internal: INTERNAL_SERVER_ERROR "internal" "barstone has a bug"
    NotKept: SERVICE_UNAVAILABLE "not_kept" "The definition could not be saved"
    Overdue: SERVICE_UNAVAILABLE "overdue" "The media did not arrive in time"
    Starting: SERVICE_UNAVAILABLE "starting" "The stream is starting"
    Wedged: SERVICE_UNAVAILABLE "wedged" "The supervisor of the streams does not run"
    TooManyConnections: SERVICE_UNAVAILABLE "too_many_connections" "Too many connections are open"
    Crowded: SERVICE_UNAVAILABLE "crowded" "The viewer or bandwidth limit is reached"
    TooManySessions: SERVICE_UNAVAILABLE "too_many_sessions" "The limit of WebRTC sessions is reached"
    FaultLimit: SERVICE_UNAVAILABLE "fault_limit" "Faults hold too many answers open"
    ArchiveBusy: SERVICE_UNAVAILABLE "archive_busy" "Too many past segments are requested"
    StillsBusy: SERVICE_UNAVAILABLE "stills_busy" "Too many stills are requested"
    NoRoomYet: SERVICE_UNAVAILABLE "no_room" "The stream waits for encoding capacity"
    NoRoom: INSUFFICIENT_STORAGE "no_room" "Not enough encoding capacity"
    Full: INSUFFICIENT_STORAGE "full" "The limit of streams is reached"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_a_remedy_for_every_code() {
        let document = include_str!("../../../docs/api.md");
        let section = document.split("\n## ").find(|section| section.starts_with("Errors\n"));
        let mut listed = Vec::new();
        for row in section.unwrap().lines().filter(|line| line.contains("| `")) {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let [_, status, code, advice, _] = cells[..] else { panic!("{row}") };
            assert!(advice.ends_with('.') && advice.contains(' '), "{row}");
            listed.push(format!("{status} {code}"));
        }
        let expected = Code::ALL.iter().map(|code| format!("{} `{}`", code.status().as_u16(), code.as_str()));
        assert_eq!(listed, expected.collect::<Vec<_>>());
    }
}
