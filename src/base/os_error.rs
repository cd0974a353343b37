//! Texts of errors of the operating system.

use std::io;

/// Text of an error without the suffix that the standard library appends, such as ` (os error 28)`.
pub fn text(error: &io::Error) -> String {
    let text = error.to_string();
    let number = error.raw_os_error().map(|code| format!(" (os error {code})"));
    number.and_then(|number| text.strip_suffix(&number).map(str::to_owned)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_error_number_is_removed() {
        assert_eq!(text(&io::Error::from_raw_os_error(28)), "No space left on device");
        assert_eq!(text(&io::Error::other("half (os error 1) done")), "half (os error 1) done");
    }
}
