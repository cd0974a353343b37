//! Which delays a stream allows: so long that the standards allow them, and so short that there is something to play.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{hls, latency};
use crate::base::format::Format;
use crate::definition::condition::{ConditionError, Conditions, Span};
use crate::definition::spec::StreamSpec;

/// Checks that a player of `format` can play the stream with the delay of the conditions, if they have one.
///
/// # Errors
/// [`ConditionError::Impossible`].
pub fn check(conditions: &Conditions, format: Format, spec: &StreamSpec) -> Result<(), ConditionError> {
    let Some(delay) = conditions.delay() else { return Ok(()) };
    let allowed = allowed(format, conditions, spec);
    match allowed.contains(&delay.duration()) {
        true => Ok(()),
        false => Err(ConditionError::Impossible {
            name: "delay",
            value: delay.to_string(),
            allowed: format!(
                "a duration from {} to {}",
                Span::covering(*allowed.start()),
                Span::covering(*allowed.end())
            ),
        }),
    }
}

/// The least is three target durations or two parts (RFC 8216bis 4.4.3.8), or a segment where DASH has no rule; the most leaves a
/// segment of the window to seek in.
fn allowed(format: Format, conditions: &Conditions, spec: &StreamSpec) -> RangeInclusive<Duration> {
    let segment = spec.timeline.segment_duration();
    let least = match format {
        Format::Hls => hls::least_hold_back(spec),
        Format::LlHls | Format::LlDash => latency::part_target(spec) * 2,
        Format::Dash => segment,
    };
    let window = conditions.window().map_or(spec.window, Span::duration);
    least..=window.saturating_sub(segment)
}
