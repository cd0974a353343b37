//! Delivery of segments while they are encoded, and afterwards.

use std::time::Duration;

use crate::inspect::boxes::{Chunk, Segment};
use crate::inspect::reply::Reply;
use crate::inspect::rules::{Level, Report, Violation};

/// Tolerated delay on a loaded machine, in microseconds.
const SLACK: u128 = 1_000_000;
/// Time before the last chunk begins at which an answer is certainly one to a growing segment, although the clocks of client
/// and server differ a little, in microseconds.
const LEAD: i128 = 200_000;

/// An HTTP/1.1 response with the arrival time of each piece.
#[derive(Debug, Clone, Default)]
pub struct Growing {
    /// Status line and headers.
    pub head: String,
    /// Pieces of `Transfer-Encoding: chunked` with their arrival times in microseconds since 1970.
    pub pieces: Vec<(Vec<u8>, u128)>,
}

impl Growing {
    /// Value of a header; empty if the header is missing.
    pub fn header(&self, name: &str) -> &str {
        let named = |line: &'_ str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        let line = self.head.lines().find(|line| named(line)).unwrap_or_default();
        line.split_once(':').map_or("", |(_, value)| value.trim())
    }

    /// Status code; 0 if there is none.
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    /// The body: the concatenated pieces.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(piece, _)| piece).copied().collect()
    }
}

/// Checks the status of a segment requested before (`early`) or after its availability time minus the offset.
pub fn check_early(status: u16, early: bool) -> Vec<Violation> {
    let mut report = Report::default();
    let right = if early { matches!(status, 404 | 425) } else { status == 200 };
    report.demand("E9", right, || {
        format!("status {status} {} the availability time", if early { "before" } else { "after" })
    });
    report.0
}

/// Checks a segment received while it was made. `timescale` is in ticks per second.
pub fn check_growing(answer: &Growing, timescale: u64) -> Vec<Violation> {
    let mut report = Report::default();
    let open = answer.header("content-length").is_empty() && answer.header("transfer-encoding") == "chunked";
    report.demand("E11", open, || format!("the response is not chunked, or has a Content-Length: {}", answer.head));
    report.demand("E11", answer.pieces.len() > 1, || format!("the response has {} piece", answer.pieces.len()));
    for (index, (piece, came)) in answer.pieces.iter().enumerate() {
        let segment = match Segment::parse(piece) {
            Ok(segment) => segment,
            Err(error) => {
                report.demand("E11", false, || {
                    format!("piece {index} of the response does not end with a chunk: {error}")
                });
                continue;
            }
        };
        let end = u128::from(segment.start() + segment.duration()) * 1_000_000 / u128::from(timescale);
        report.demand("E11", *came <= end + SLACK, || {
            format!("piece {index} of the response is {} µs late", came.abs_diff(end))
        });
    }
    report.0
}

/// Checks the same segment when it is complete.
pub fn check_complete(growing: &Growing, complete: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let length = complete.header("content-length");
    let right = length == complete.body.len().to_string();
    report.advise(("E11", Level::Should), right, || format!("Content-Length {length:?} of a complete segment"));
    report.advise(("E11", Level::Recommended), !complete.header("etag").is_empty(), || "no ETag".into());
    let ranges = complete.header("accept-ranges");
    report.advise(("E11", Level::Recommended), ranges == "bytes", || format!("Accept-Ranges {ranges:?}"));
    report.demand("E11", growing.body() == complete.body, || {
        "the bytes differ from those that were sent during encoding".into()
    });
    report.0
}

/// Checks a response with the bytes of a complete segment from `from` on.
pub fn check_range(whole: &[u8], from: usize, part: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("E11", part.status == 206, || format!("status {} for a range", part.status));
    report
        .demand("E11", whole.get(from..) == Some(&part.body[..]), || "the bytes differ from those of the range".into());
    report.0
}

/// The times of a segment on the clock of the server, in microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// UTC of media time 0.
    pub origin: i128,
    /// Time of the request.
    pub sent: i128,
    /// Time at which the headers of the answer arrived.
    pub answered: i128,
    /// Largest error of these times.
    pub error: i128,
    /// Ticks of the media per second.
    pub timescale: u64,
}

/// Checks that each chunk of a segment arrived soon after its end. `arrivals` has the number of bytes received up to each time after
/// the request. `None` if the segment may have been complete when it was requested.
pub fn check_pace(body: &[u8], arrivals: &[(usize, Duration)], timing: &Timing) -> Option<Vec<Violation>> {
    let segment = Segment::parse(body).ok()?;
    let end_of = |ticks: u64| timing.origin + i128::from(ticks) * 1_000_000 / i128::from(timing.timescale.max(1));
    let end = |chunk: &Chunk| end_of(chunk.start() + chunk.duration());
    let last = segment.chunks.last()?;
    if end(last) <= timing.sent + timing.error {
        return None;
    }
    let mut report = Report::default();
    let came = |after: Duration| timing.sent - timing.error + after.as_micros() as i128;
    // The server may have answered after the end of the segment although the request was sent before, and then has it whole.
    let grew = timing.answered + timing.error + LEAD < end_of(last.start());
    report.demand("E11", !grew || arrivals.len() > 1, || "a segment arrived in one piece while it was encoded".into());
    for (index, chunk) in segment.chunks.iter().enumerate() {
        let arrived = arrivals.iter().find(|(bytes, _)| *bytes >= chunk.mdat.end).map(|(_, after)| *after);
        let late = came(arrived.unwrap_or_default()) - end(chunk).max(timing.sent + timing.error);
        report.demand("E11", late <= SLACK as i128, || {
            format!("chunk {index} arrived {} s after its end", late as f64 / 1e6)
        });
    }
    Some(report.0)
}
