//! Limits of `delay` for a stream: at least the minimum of the standards, and less than the window.

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

/// The minimum is three target durations or two parts (RFC 8216bis 4.4.3.8), or a segment in DASH, which has no rule. The maximum is
/// the window minus one segment, so that players can seek.
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
