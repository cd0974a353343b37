//! The reason in the body of an HTTP answer with which another server refuses a request.

/// Most characters of a reason.
const MOST_REASON: usize = 200;

/// `detail` or `title` of RFC 9457, or the first line of the body; empty if the body is empty.
pub fn reason(body: &str) -> String {
    let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let named = ["detail", "title"].iter().find_map(|name| problem[*name].as_str());
    named.unwrap_or_else(|| body.trim().lines().next().unwrap_or_default()).chars().take(MOST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_reason_of_its_body() {
        let check = |body: &str, expected| assert_eq!(reason(body), expected, "{body}");
        check(r#"{"title": "A title", "detail": "a reason"}"#, "a reason");
        check(r#"{"title": "A title"}"#, "A title");
        check("No such room\nmore", "No such room");
        check("", "");
    }
}
