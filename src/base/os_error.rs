//! Texts of errors of the operating system.

use std::error::Error;
use std::io;

/// Text of an error without the suffix that the standard library appends, such as ` (os error 28)`.
pub fn text(error: &io::Error) -> String {
    let text = error.to_string();
    let number = error.raw_os_error().map(|code| format!(" (os error {code})"));
    number.and_then(|number| text.strip_suffix(&number).map(str::to_owned)).unwrap_or(text)
}

/// A message of a library without the error numbers of the system that it contains.
pub fn without_numbers(message: &str) -> String {
    let mut pieces = message.split(" (os error ");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once(')') {
            Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => text.push_str(rest),
            _ => text.extend([" (os error ", piece]),
        }
    }
    text
}

/// Text of an error and all its causes, without error numbers of the system.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    without_numbers(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_error_number_is_removed() {
        assert_eq!(text(&io::Error::from_raw_os_error(28)), "No space left on device");
        assert_eq!(text(&io::Error::other("half (os error 1) done")), "half (os error 1) done");
    }

    #[test]
    fn every_error_number_of_a_message_is_removed() {
        let message = "a (os error 1): b (os error x) (os error 2)";
        assert_eq!(without_numbers(message), "a: b (os error x)");
        assert_eq!(without_numbers("no (os error"), "no (os error");
    }
}
