//! A type finder that recognises MPDs. GStreamer 1.22 takes some MPDs for other XML, such as those of live streams that ffmpeg writes.

use gst::glib::BoolError;
use gstreamer as gst;

/// The media type that the demuxers of DASH take.
const MEDIA_TYPE: &str = "application/dash+xml";
/// Number of bytes in which the root element begins.
const MOST: usize = 4096;

/// Registers the function that recognises MPDs, for this process.
///
/// # Errors
/// GStreamer refuses it.
pub(super) fn register() -> Result<(), BoolError> {
    let caps = gst::Caps::new_empty_simple(MEDIA_TYPE);
    let found = caps.clone();
    gst::TypeFind::register(None, "mpd-by-root-element", gst::Rank::PRIMARY, Some("mpd"), Some(&caps), move |source| {
        let bytes = (0..MOST as i64).map_while(|offset| source.peek(offset, 1).map(|bytes| bytes[0]));
        if is_mpd(bytes) {
            source.suggest(gst::TypeFindProbability::Maximum, &found);
        }
    })
}

/// Whether a document begins with the element `MPD`, after declarations, processing instructions and comments.
fn is_mpd(mut document: impl Iterator<Item = u8>) -> bool {
    while document.any(|byte| byte == b'<') {
        let name: Vec<u8> = document.by_ref().take_while(|byte| !byte.is_ascii_whitespace() && *byte != b'>').collect();
        if !name.starts_with(b"?") && !name.starts_with(b"!") {
            return name == b"MPD";
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mpd_has_the_root_element_mpd() {
        let begins = |text: &str| is_mpd(text.bytes());
        assert!(begins("<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\""));
        assert!(begins("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<MPD\n\txmlns:xsi="));
        assert!(begins("\u{feff}<?xml version=\"1.0\"?>\r\n<!-- A packager. -->\r\n<MPD>"));
        assert!(!begins("<?xml version=\"1.0\"?><SmoothStreamingMedia MajorVersion=\"2\">"));
        assert!(!begins("<MPDs>") && !begins("#EXTM3U\n") && !begins("") && !begins("<?xml version=\"1.0\"?>"));
    }
}
