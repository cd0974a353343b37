//! Negotiation of the content coding (RFC 9110 12.5.3).

use axum::http::{HeaderMap, header};

/// Weight 1 in thousandths; weights have at most three decimals.
const FULL_WEIGHT: u16 = 1000;

/// Whether the client prefers gzip to no coding. A client that accepts neither gets no coding.
pub(in crate::http) fn prefers_gzip(request: &HeaderMap) -> bool {
    let lines = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for (coding, weight) in lines.flat_map(|line| line.split(',')).filter_map(member) {
        let slot = match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => &mut gzip,
            "identity" => &mut identity,
            "*" => &mut any,
            _ => continue,
        };
        *slot = (*slot).max(Some(weight));
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && identity.or(any).is_none_or(|identity| gzip >= identity)
}

/// Coding and weight of one member of the list. `None` if it is invalid.
fn member(text: &str) -> Option<(&str, u16)> {
    let Some((coding, parameter)) = text.split_once(';') else { return Some((text.trim(), FULL_WEIGHT)) };
    let (name, value) = parameter.trim().split_once('=')?;
    Some((coding.trim(), weight(value).filter(|_| name.eq_ignore_ascii_case("q"))?))
}

/// Parses a `qvalue` (RFC 9110 12.4.2) in thousandths.
fn weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let decimals = format!("{decimals:0<3}").parse::<u16>().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(FULL_WEIGHT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn prefers(lines: &[&str]) -> bool {
        let mut request = HeaderMap::new();
        for line in lines {
            request.append(header::ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        prefers_gzip(&request)
    }

    #[test]
    fn the_coding_with_the_greatest_weight_is_chosen() {
        for (lines, gzip) in [
            (&["gzip"][..], true),
            (&["GZIP"], true),
            (&["x-gzip"], true),
            (&["br, gzip ; q=0.5"], true),
            (&["br", "gzip;Q=0.001"], true),
            (&["*"], true),
            (&["gzip, identity"], true),
            (&["gzip;q=0.5, identity;q=0.5"], true),
            (&["identity;q=0, gzip;q=0.1"], true),
            (&["*;q=0, gzip"], true),
            (&[], false),
            (&[""], false),
            (&["br"], false),
            (&["gzip;q=0"], false),
            (&["gzip;q=0.000"], false),
            (&["GZip;q=0, *"], false),
            (&["gzip", "identity;q=1, gzip;q=0.4, *;q=0"], true),
            (&["gzip;q=0.5", "identity"], false),
            (&["gzip;q=0.1, *;q=0.5"], false),
            (&["*;q=0"], false),
            (&["identity;q=0"], false),
            (&["gzip;q=2"], false),
            (&["gzip;q=0.0001"], false),
            (&["gzip;level=9"], false),
        ] {
            assert_eq!(prefers(lines), gzip, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn the_order_and_the_lines_of_codings_do_not_matter(
            gzip in proptest::option::of(0_u16..=1000),
            identity in proptest::option::of(0_u16..=1000),
            any in proptest::option::of(0_u16..=1000),
            split: bool,
        ) {
            let named = |name: &str, weight: Option<u16>| {
                weight.map(|weight| format!("{name};q={}.{:03}", weight / 1000, weight % 1000))
            };
            let all = [named("gzip", gzip), named("identity", identity), named("*", any), Some("br".into())];
            let mut all: Vec<_> = all.into_iter().flatten().collect();
            let expected = {
                let gzip = gzip.or(any).unwrap_or(0);
                gzip > 0 && gzip >= identity.or(any).unwrap_or(0)
            };
            for _ in 0..all.len() {
                all.rotate_left(1);
                let lines = if split { all.clone() } else { vec![all.join(" ,\t")] };
                prop_assert_eq!(prefers(&lines.iter().map(String::as_str).collect::<Vec<_>>()), expected, "{:?}", lines);
            }
        }

        #[test]
        fn any_text_is_parsed_without_panic(text in "[ -~]*") {
            let _ = prefers(&[&text]);
        }
    }
}
