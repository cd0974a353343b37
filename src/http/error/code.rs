//! Every kind of problem: its stable code, its status and its title. docs/api.md has a row for each.

use axum::http::StatusCode;

macro_rules! codes {
    ($($code:ident: $status:ident $word:literal $title:literal)*) => {
        /// What a program tells problems apart by.
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

            /// The word for it; it never changes.
            pub(in crate::http) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $word),*
                }
            }

            /// The same for all problems with this code.
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
    BadQuery: BAD_REQUEST "bad_query" "The query is wrong"
    BadDirective: BAD_REQUEST "bad_directive" "A delivery directive is wrong"
    TooFarAhead: BAD_REQUEST "too_far_ahead" "Too far ahead of the playlist"
    TokenNeeded: UNAUTHORIZED "token_needed" "A token is needed"
    BadToken: UNAUTHORIZED "bad_token" "The token is wrong"
    AddressDenied: FORBIDDEN "address_denied" "Not from this address"
    ViewerTokenNeeded: FORBIDDEN "viewer_token_needed" "The stream is private"
    BadViewerToken: FORBIDDEN "bad_viewer_token" "The viewer token is wrong"
    ViewerTokenExpired: FORBIDDEN "viewer_token_expired" "The viewer token has expired"
    UnknownPath: NOT_FOUND "unknown_path" "Nothing is here"
    UnknownStream: NOT_FOUND "unknown_stream" "There is no such stream"
    NotServed: NOT_FOUND "not_served" "This is not served here"
    NoSuchMedia: NOT_FOUND "no_such_media" "There is no such media"
    WrongMethod: METHOD_NOT_ALLOWED "wrong_method" "Not with this method"
    TooSlow: REQUEST_TIMEOUT "too_slow" "The body has not come in time"
    Exists: CONFLICT "exists" "The name is taken"
    Declared: CONFLICT "declared" "The configuration file declares the stream"
    Expired: GONE "expired" "The segment has expired"
    Changed: PRECONDITION_FAILED "changed" "The definition is another one by now"
    TooLarge: PAYLOAD_TOO_LARGE "too_large" "The body is too large"
    NotJsonType: UNSUPPORTED_MEDIA_TYPE "not_json_type" "The body is not declared as JSON"
    BadRange: RANGE_NOT_SATISFIABLE "bad_range" "The range cannot be satisfied"
    BadValue: UNPROCESSABLE_ENTITY "bad_value" "A value is not allowed"
    TooEarly: TOO_EARLY "too_early" "The segment is not there yet"
    HeadTooLong: REQUEST_HEADER_FIELDS_TOO_LARGE "head_too_long" "The head of the request is too long"
    Internal: INTERNAL_SERVER_ERROR "internal" "Something went wrong"
    NotKept: SERVICE_UNAVAILABLE "not_kept" "The definition could not be kept"
    Overdue: SERVICE_UNAVAILABLE "overdue" "It has not come in time"
    Starting: SERVICE_UNAVAILABLE "starting" "The stream is starting"
    Wedged: SERVICE_UNAVAILABLE "wedged" "The program is stuck"
    TooManyConnections: SERVICE_UNAVAILABLE "too_many_connections" "There are too many connections"
    Crowded: SERVICE_UNAVAILABLE "crowded" "There are too many viewers"
    NoRoomYet: SERVICE_UNAVAILABLE "no_room" "There is no room for the stream yet"
    NoRoom: INSUFFICIENT_STORAGE "no_room" "The machine cannot make more pictures"
    Full: INSUFFICIENT_STORAGE "full" "There are too many streams"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_says_of_every_code_what_to_do() {
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
