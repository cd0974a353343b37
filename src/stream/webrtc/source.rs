//! The pictures and the sound that a session sends: where they come from, and when they are due.

use std::sync::Arc;
use std::time::Instant;

use super::peer::{Kind, Packet};
use super::schedule::Times;
use crate::base::timeline::{Kind as TrackKind, UnixTime};
use crate::base::utc::Clock;
use crate::definition::spec::AudioSpec;
use crate::media::pipeline::PipelineError;
use crate::media::pipeline::opus::OpusEncoders;
use crate::media::rtp::VideoCodec;
use crate::media::window::live::Group;
use crate::media::window::{Ending, Output, live, sound};

/// The pictures of a track, and the codec that the other side decodes.
pub(super) type Pictures = (live::Follower, VideoCodec);

/// Where the sound of a session comes from.
pub(super) enum Sound {
    /// The encoder of the test signal.
    Signal(AudioSpec),
    /// The publisher.
    Published,
}

impl Sound {
    /// Follows the sound.
    ///
    /// # Errors
    /// [`PipelineError`] if the encoder of the test signal does not start.
    pub(super) fn follow(&self, output: &Output, encoders: &OpusEncoders) -> Result<sound::Follower, PipelineError> {
        match self {
            Self::Signal(sound) => encoders.follow(sound),
            Self::Published => Ok(output.relay.sound()),
        }
    }

    /// Takes over the sound that is defined at `now`. Returns whether it differs.
    pub(super) fn redefine(&mut self, output: &Output, now: UnixTime) -> bool {
        let Self::Signal(sound) = self else { return false };
        let segment = output.spec.timeline.segment_at(now);
        let Some(defined) = output.epoch(segment).spec.audio.clone().filter(|defined| defined != sound) else {
            return false;
        };
        *sound = defined;
        true
    }
}

/// Waits for the first picture. Returns its codec too. `None` if the track is gone.
pub(super) async fn first_picture(mut follower: live::Follower) -> Option<Pictures> {
    loop {
        match follower.group() {
            Some(group) => return Some((follower, group.codec)),
            None => follower.changed().await.ok()?,
        }
    }
}

/// Resolves when the pictures differ from those that were last read.
pub(super) async fn next_picture(pictures: &mut Option<Pictures>) -> Result<(), live::Gone> {
    match pictures {
        Some((follower, _)) => follower.changed().await,
        None => std::future::pending().await,
    }
}

/// Resolves with the next packet of sound.
pub(super) async fn next_sound(sound: &mut Option<sound::Follower>) -> Result<Arc<sound::Packet>, sound::Gone> {
    match sound {
        Some(follower) => follower.next().await,
        None => std::future::pending().await,
    }
}

/// The times of a group of pictures.
pub(super) fn times(group: &Group, output: &Output, clock: &Clock) -> Times {
    let newest = group.newest();
    let idr = (!output.spec.is_published()).then(|| {
        let timeline = &output.spec.timeline;
        let length = u64::from(timeline.segment_frames());
        timeline.frame_start(TrackKind::Video, (newest.frame / length + 1) * length)
    });
    Times { now: Instant::now(), due: instant(newest.due, clock), idr: idr.map(|idr| instant(idr, clock)) }
}

/// The packet of RTP with sound.
pub(super) fn sound_packet(packet: &sound::Packet, clock: &Clock) -> Packet {
    let (timestamp, due, payload) = (packet.timestamp, instant(packet.due, clock), Arc::clone(&packet.payload));
    Packet { kind: Kind::Audio, timestamp, due, is_last: true, payload }
}

/// Whether the stream has ended.
pub(super) fn is_over(output: &Output, now: UnixTime) -> bool {
    let is_past = |ending: Ending| output.spec.timeline.segment_start(ending.last + 1) <= now;
    output.ended() || output.ending().is_some_and(is_past)
}

/// Converts UTC to the time of the monotonic clock.
fn instant(time: UnixTime, clock: &Clock) -> Instant {
    let (now, utc) = (Instant::now(), clock.now());
    let past = now.checked_sub(utc.saturating_since(time)).unwrap_or(now);
    past + time.saturating_since(utc)
}
