//! Conditional requests: `If-None-Match`, `If-Modified-Since` and `If-Range` (RFC 9110 13.1).

use std::time::UNIX_EPOCH;

use axum::http::{HeaderMap, HeaderName, header};

/// Validators of a representation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Validators<'a> {
    /// A strong entity tag, including its quotes.
    pub(super) etag: &'a str,
    /// Time of the last change in whole seconds since 1970. A representation is published and never changes within the
    /// same second.
    pub(super) modified: Option<u64>,
}

/// Whether a GET or HEAD gets 304.
pub(super) fn is_not_modified(request: &HeaderMap, current: Validators<'_>) -> bool {
    // The date is ignored if the request has tags, even invalid ones (RFC 9110 13.1.3).
    if request.contains_key(header::IF_NONE_MATCH) {
        let mut lines = request.get_all(header::IF_NONE_MATCH).iter();
        return lines.any(|line| contains_tag(&String::from_utf8_lossy(line.as_bytes()), current.etag));
    }
    let since = date(request, header::IF_MODIFIED_SINCE);
    current.modified.zip(since).is_some_and(|(modified, since)| modified <= since)
}

/// Whether a range of this representation may be sent (RFC 9110 13.1.5). Tags are compared strongly; a date must be
/// equal.
pub(super) fn may_be_partial(request: &HeaderMap, current: Validators<'_>) -> bool {
    if !request.contains_key(header::IF_RANGE) {
        return true;
    }
    let Some(text) = single(request, header::IF_RANGE) else { return false };
    let same_date = date(request, header::IF_RANGE).is_some_and(|date| current.modified == Some(date));
    text == current.etag || same_date
}

/// Whether a list of entity tags contains `etag` by weak comparison, or is `*`. Tags may contain commas.
fn contains_tag(list: &str, etag: &str) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let opaque = rest.strip_prefix("W/").unwrap_or(rest);
        let Some(end) = opaque.strip_prefix('"').and_then(|inner| inner.find('"')) else { return false };
        let (tag, behind) = opaque.split_at(end + 2);
        if tag == etag {
            return true;
        }
        rest = behind.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return false;
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    false
}

/// The `HTTP-date` in a header, in seconds since 1970. `None` unless there is exactly one valid date.
fn date(request: &HeaderMap, name: HeaderName) -> Option<u64> {
    let time = httpdate::parse_http_date(single(request, name)?).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// Value of a header that occurs exactly once.
pub(super) fn single(request: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = request.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const DATE: &str = "Sat, 21 Nov 2026 03:40:28 GMT";
    const CURRENT: Validators<'_> = Validators { etag: "\"a,b\"", modified: Some(1_795_232_428) };

    fn request(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut request = HeaderMap::new();
        for (name, value) in lines {
            request.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        request
    }

    #[test]
    fn tags_are_compared_weakly_and_come_before_dates() {
        let (tag, date) = (header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE);
        for (lines, not_modified) in [
            (&[(tag.clone(), "\"a,b\"")][..], true),
            (&[(tag.clone(), "W/\"a,b\"")], true),
            (&[(tag.clone(), " , \"x\" ,, W/\"y\"\t, \"a,b\" ,")], true),
            (&[(tag.clone(), "\"x\""), (tag.clone(), "\"a,b\"")], true),
            (&[(tag.clone(), "*")], true),
            (&[(tag.clone(), "\"ü\", \"a,b\"")], true),
            (&[(tag.clone(), "\"a\", \"b\"")], false),
            (&[(tag.clone(), "w/\"a,b\"")], false),
            (&[(tag.clone(), "a,b")], false),
            (&[(tag.clone(), "\"x\"\"a,b\"")], false),
            (&[(tag.clone(), "\"a,b")], false),
            (&[(tag.clone(), "\"x\", *")], false),
            (&[(tag.clone(), "")], false),
            (&[(tag.clone(), "\"x\""), (date.clone(), DATE)], false),
            (&[(tag.clone(), "\"a,b\""), (date.clone(), "Thu, 01 Jan 1970 00:00:00 GMT")], true),
            (&[(date.clone(), DATE)], true),
            (&[(date.clone(), "Saturday, 21-Nov-26 03:40:28 GMT")], true),
            (&[(date.clone(), "Sat Nov 21 03:40:28 2026")], true),
            (&[(date.clone(), "Sat, 21 Nov 2026 03:40:29 GMT")], true),
            (&[(date.clone(), "Sat, 21 Nov 2026 03:40:27 GMT")], false),
            (&[(date.clone(), "yesterday")], false),
            (&[(date.clone(), DATE), (date.clone(), DATE)], false),
            (&[], false),
        ] {
            assert_eq!(is_not_modified(&request(lines), CURRENT), not_modified, "{lines:?}");
        }
        let undated = Validators { modified: None, ..CURRENT };
        assert!(!is_not_modified(&request(&[(date, DATE)]), undated));
    }

    #[test]
    fn a_range_is_sent_only_of_the_representation_that_the_client_has() {
        for (value, partial) in [
            ("\"a,b\"", true),
            (DATE, true),
            ("W/\"a,b\"", false),
            ("\"a\"", false),
            ("*", false),
            ("", false),
            ("Sat, 21 Nov 2026 03:40:29 GMT", false),
            ("Sat, 21 Nov 2026 03:40:27 GMT", false),
        ] {
            assert_eq!(may_be_partial(&request(&[(header::IF_RANGE, value)]), CURRENT), partial, "{value:?}");
        }
        assert!(may_be_partial(&request(&[]), CURRENT));
        assert!(!may_be_partial(&request(&[(header::IF_RANGE, "\"a,b\""), (header::IF_RANGE, "\"a,b\"")]), CURRENT));
    }

    proptest! {
        #[test]
        fn a_tag_is_found_at_any_place_of_the_list(before in "(W/)?\"[!#-~]*\"", after in "\"[!#-~]*\"", weak: bool) {
            let tag = if weak { format!("W/{}", CURRENT.etag) } else { CURRENT.etag.to_owned() };
            let line = format!("{before},{tag} , {after}");
            prop_assert!(contains_tag(&line, CURRENT.etag), "{}", line);
        }

        #[test]
        fn any_text_is_parsed_without_panic(text: String) {
            let _ = contains_tag(&text, CURRENT.etag);
        }
    }
}
