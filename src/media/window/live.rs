//! The current group of pictures of a video track, picture by picture, for viewers that cannot wait for a chunk. The
//! writer, which is the thread of an encoder or the session of a publisher, waits for nobody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::base::timeline::UnixTime;
use crate::media::cmaf::Slices;
use crate::media::rtp::{self, ParameterSets, VIDEO_CLOCK_RATE, VideoCodec};

/// Delay of a picture behind UTC with which a run has caught up. On a machine that is not overloaded a picture is encoded
/// within a fraction of it.
const CAUGHT_UP: Duration = Duration::from_millis(250);
/// Delay of a picture behind UTC after which the run catches up: the clock has jumped, or the machine was suspended. While
/// nobody follows, pictures of up to half a chunk, which is at most 5 s, are encoded together.
const BEHIND: Duration = Duration::from_secs(6);

/// Longest group of a publisher that is stored. A publisher need not send an IDR picture unless one is requested.
const MOST_RELAYED: Duration = Duration::from_secs(10);
/// Most bytes of such a group.
const MOST_RELAYED_BYTES: usize = 4 * 1024 * 1024;

static NEXT_WRITER: AtomicU64 = AtomicU64::new(1);

/// The current group of pictures of a track. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Live {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Default)]
struct State {
    group: Option<Arc<Group>>,
    /// Id of the writer of the group.
    writer: u64,
    /// Whether followers get the group.
    is_shown: bool,
    /// The newest frame that followers could get.
    newest: Option<u64>,
}

/// The pictures from an IDR picture on, at least one. They are consecutive, and of one encoder. If a publisher sends so many
/// that they are not all stored, the first ones are missing.
#[derive(Debug, Clone)]
pub struct Group {
    /// Codec of all pictures.
    pub codec: VideoCodec,
    /// The pictures, oldest first.
    pub pictures: Vec<Arc<Picture>>,
}

/// A picture as its encoder returned it, without padding.
#[derive(Debug)]
pub struct Picture {
    /// Number of the frame, counted from 1970, or from the first picture of a publisher.
    pub frame: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Time of the frame, or of its arrival.
    pub due: UnixTime,
    is_idr: bool,
    /// What the payloads are made of; empty if a publisher has sent them.
    slices: Vec<u8>,
    /// Parameter sets before the slices, if this is an IDR picture.
    parameters: Option<Arc<ParameterSets>>,
    payloads: OnceLock<Vec<Arc<[u8]>>>,
}

/// Writes the pictures of one encoder. When it is dropped, its group is gone.
#[derive(Debug)]
pub struct Writer {
    track: TrackWriter,
    parameters: Arc<ParameterSets>,
    has_caught_up: bool,
}

/// Writes the pictures of one publisher, who has encoded them. When it is dropped, its group is gone.
#[derive(Debug)]
pub struct RelayWriter(TrackWriter);

/// A picture that a publisher has sent.
#[derive(Debug)]
pub struct Relayed {
    /// Whether decoding may start here.
    pub is_idr: bool,
    /// RTP timestamp.
    pub timestamp: u32,
    /// When it has arrived.
    pub arrived: UnixTime,
    /// The RTP payloads.
    pub payloads: Vec<Arc<[u8]>>,
}

/// The right to write the group of a track.
#[derive(Debug)]
struct TrackWriter {
    live: Live,
    id: u64,
    codec: VideoCodec,
}

/// Follows a track until it is dropped.
#[derive(Debug, Clone)]
pub struct Follower {
    state: watch::Receiver<State>,
}

/// The track is gone, with its presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the presentation is gone")]
pub struct Gone;

impl Live {
    /// Follows the track. Its pictures are encoded when they are due as long as it is followed.
    pub fn follow(&self) -> Follower {
        Follower { state: self.state.subscribe() }
    }

    /// Whether the track is followed.
    pub fn followed(&self) -> bool {
        self.state.receiver_count() > 0
    }

    /// A writer for an encoder with these parameter sets.
    pub fn writer(&self, parameters: ParameterSets) -> Writer {
        let track = self.track_writer(VideoCodec::H264(parameters.profile_level_id));
        Writer { track, parameters: Arc::new(parameters), has_caught_up: false }
    }

    /// A writer for a publisher who sends pictures of this codec.
    pub fn relay_writer(&self, codec: VideoCodec) -> RelayWriter {
        RelayWriter(self.track_writer(codec))
    }

    fn track_writer(&self, codec: VideoCodec) -> TrackWriter {
        TrackWriter { live: self.clone(), id: NEXT_WRITER.fetch_add(1, Ordering::Relaxed), codec }
    }
}

impl Writer {
    /// Adds the picture of `frame`, which is due at `due` and was encoded at `now`. Followers do not get pictures of a run
    /// that catches up, nor of frames that they could get before.
    pub fn push(&mut self, frame: u64, due: UnixTime, slices: Slices, now: UnixTime) {
        let behind = now.saturating_since(due);
        self.has_caught_up = behind < if self.has_caught_up { BEHIND } else { CAUGHT_UP };
        let Slices { bytes: slices, is_idr } = slices;
        let parameters = is_idr.then(|| Arc::clone(&self.parameters));
        let timestamp = rtp::timestamp(due, VIDEO_CLOCK_RATE);
        let picture = Picture { frame, timestamp, due, is_idr, slices, parameters, payloads: OnceLock::new() };
        let picture = Arc::new(picture);
        self.track.live.state.send_if_modified(|state| {
            if !state.add(&self.track, picture) {
                return false;
            }
            let was_shown = state.is_shown;
            state.is_shown = self.has_caught_up && state.newest.is_none_or(|newest| frame > newest);
            if state.is_shown {
                state.newest = Some(frame);
            }
            state.is_shown || was_shown
        });
    }
}

impl RelayWriter {
    /// Adds a picture. Pictures before the first at which decoding may start are ignored.
    pub fn push(&mut self, picture: Relayed) {
        let Relayed { is_idr, timestamp, arrived: due, payloads } = picture;
        self.0.live.state.send_if_modified(|state| {
            let frame = state.newest.map_or(0, |newest| newest + 1);
            let (slices, parameters, payloads) = (Vec::new(), None, payloads.into());
            let picture = Picture { frame, timestamp, due, is_idr, slices, parameters, payloads };
            let is_added = state.add(&self.0, Arc::new(picture));
            if is_added {
                (state.newest, state.is_shown) = (Some(frame), true);
                state.shorten();
            }
            is_added
        });
    }
}

impl Drop for TrackWriter {
    fn drop(&mut self) {
        self.live.state.send_if_modified(|state| {
            let own = state.writer == self.id && state.group.is_some();
            if own {
                (state.group, state.is_shown) = (None, false);
            }
            own
        });
    }
}

impl State {
    /// Adds a picture of a writer. Returns whether it begins a group or continues the group of the writer.
    fn add(&mut self, writer: &TrackWriter, picture: Arc<Picture>) -> bool {
        let next = self.group.as_ref().map(|group| group.newest().frame + 1);
        if picture.is_idr() && next.is_none_or(|next| picture.frame >= next) {
            self.group = Some(Arc::new(Group { codec: writer.codec, pictures: vec![picture] }));
            self.writer = writer.id;
            return true;
        }
        let continues = self.writer == writer.id && next == Some(picture.frame);
        if let (Some(group), true) = (&mut self.group, continues) {
            // Copied if a follower still uses the group without the picture.
            Arc::make_mut(group).pictures.push(picture);
        }
        continues
    }

    /// Removes the older half of a group that is too long.
    fn shorten(&mut self) {
        let Some(group) = &mut self.group else { return };
        let duration = group.newest().due.saturating_since(group.pictures[0].due);
        let bytes: usize =
            group.pictures.iter().flat_map(|picture| picture.payloads()).map(|payload| payload.len()).sum();
        if duration > MOST_RELAYED || bytes > MOST_RELAYED_BYTES {
            let half = group.pictures.len() / 2;
            Arc::make_mut(group).pictures.drain(..half);
        }
    }
}

impl Group {
    /// The newest picture.
    pub fn newest(&self) -> &Arc<Picture> {
        self.pictures.last().expect("a group has pictures")
    }

    /// The pictures that a decoder needs after the picture `sent`: those after it if it is of this group, otherwise all. None
    /// if decoding cannot start.
    pub fn after(&self, sent: Option<&Arc<Picture>>) -> &[Arc<Picture>] {
        let found = sent.and_then(|sent| self.pictures.iter().rposition(|picture| Arc::ptr_eq(picture, sent)));
        match found {
            Some(found) => &self.pictures[found + 1..],
            None if self.pictures[0].is_idr() => &self.pictures,
            None => &[],
        }
    }
}

impl Picture {
    /// Whether decoding may start here.
    pub const fn is_idr(&self) -> bool {
        self.is_idr
    }

    /// The RTP payloads, of which the last belongs into a packet with the marker bit. They are made once, when the first
    /// follower needs them.
    pub fn payloads(&self) -> &[Arc<[u8]>] {
        self.payloads.get_or_init(|| rtp::payloads(&self.slices, self.parameters.as_deref()))
    }
}

impl Follower {
    /// The current group. `None` if the stream does not run, or has not caught up with UTC.
    pub fn group(&mut self) -> Option<Arc<Group>> {
        let state = self.state.borrow_and_update();
        state.group.clone().filter(|_| state.is_shown)
    }

    /// Resolves when the group differs from what [`Self::group`] returned last. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn changed(&mut self) -> Result<(), Gone> {
        self.state.changed().await.map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const PARAMETERS: [u8; 13] = [1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68];

    fn writer(live: &Live) -> Writer {
        live.writer(ParameterSets::of(&PARAMETERS).unwrap())
    }

    fn due(frame: u64) -> UnixTime {
        UnixTime::from_millis(40 * frame)
    }

    /// Writes frames, of which every tenth is an IDR picture, `behind` their time.
    fn write(writer: &mut Writer, frames: std::ops::Range<u64>, behind: Duration) {
        for frame in frames {
            let is_idr = frame % 10 == 0;
            let bytes = vec![0, 0, 0, 2, if is_idr { 0x65 } else { 0x41 }, frame as u8];
            writer.push(frame, due(frame), Slices { bytes, is_idr }, due(frame) + behind);
        }
    }

    /// Frames of the current group.
    fn frames(follower: &mut Follower) -> Vec<u64> {
        let group = follower.group();
        group.iter().flat_map(|group| &group.pictures).map(|picture| picture.frame).collect()
    }

    #[tokio::test]
    async fn a_follower_joins_at_any_frame_and_gets_every_later_one() {
        let live = Live::default();
        let mut writer = writer(&live);
        let mut followers: Vec<(u64, Follower)> = Vec::new();
        for frame in 10..25 {
            write(&mut writer, frame..frame + 1, Duration::ZERO);
            for (_, follower) in &mut followers {
                assert_eq!(follower.changed().now_or_never(), Some(Ok(())));
                assert_eq!(frames(follower), (frame / 10 * 10..=frame).collect::<Vec<_>>());
                assert_eq!(follower.changed().now_or_never(), None);
            }
            let mut joins = live.follow();
            assert_eq!(frames(&mut joins), (frame / 10 * 10..=frame).collect::<Vec<_>>());
            followers.push((frame, joins));
        }
        assert!(live.followed());
        followers.clear();
        assert!(!live.followed());
    }

    #[test]
    fn a_slow_follower_gets_what_it_has_not_sent() {
        let live = Live::default();
        let mut writer = writer(&live);
        let mut follower = live.follow();
        write(&mut writer, 10..13, Duration::ZERO);
        let sent = Arc::clone(follower.group().unwrap().newest());
        let after = |follower: &mut Follower| {
            let group = follower.group().unwrap();
            group.after(Some(&sent)).iter().map(|picture| picture.frame).collect::<Vec<_>>()
        };
        assert_eq!(after(&mut follower), [0; 0]);
        write(&mut writer, 13..16, Duration::ZERO);
        assert_eq!(after(&mut follower), [13, 14, 15]);
        write(&mut writer, 16..22, Duration::ZERO);
        assert_eq!(after(&mut follower), [20, 21]);
    }

    #[test]
    fn payloads_are_made_once_and_parameter_sets_precede_idr_pictures() {
        let live = Live::default();
        let mut writer = writer(&live);
        write(&mut writer, 10..12, Duration::ZERO);
        let group = live.follow().group().unwrap();
        let other = live.follow().group().unwrap();
        let [first, second] = group.pictures.as_slice() else { panic!("two pictures") };
        assert_eq!((first.is_idr(), second.is_idr()), (true, false));
        assert_eq!((first.payloads().len(), second.payloads().len()), (2, 1));
        assert_eq!(*second.payloads()[0], [0x41, 11]);
        assert_eq!(second.timestamp - first.timestamp, 3600);
        assert!(Arc::ptr_eq(&first.payloads()[0], &other.pictures[0].payloads()[0]));
        assert_eq!(group.codec, VideoCodec::H264([0x42, 0xc0, 0x1f]));
    }

    #[test]
    fn a_run_that_catches_up_is_shown_once_it_is_on_time() {
        let live = Live::default();
        let mut follower = live.follow();
        let mut writer = writer(&live);
        write(&mut writer, 10..15, Duration::from_secs(8));
        assert_eq!((follower.changed().now_or_never(), frames(&mut follower)), (None, vec![]));
        write(&mut writer, 15..16, Duration::from_millis(40));
        assert_eq!(frames(&mut follower), (10..16).collect::<Vec<_>>());
        write(&mut writer, 16..18, Duration::from_secs(1));
        assert_eq!(frames(&mut follower), (10..18).collect::<Vec<_>>(), "an overloaded machine");
        write(&mut writer, 18..19, Duration::from_secs(30));
        assert_eq!(follower.changed().now_or_never(), Some(Ok(())));
        assert_eq!(frames(&mut follower), [0; 0], "a machine that was suspended");
    }

    #[test]
    fn a_run_that_is_replaced_goes_on_with_the_first_frame_that_was_not_shown() {
        let live = Live::default();
        let mut follower = live.follow();
        let mut first = writer(&live);
        write(&mut first, 10..15, Duration::ZERO);
        assert_eq!(frames(&mut follower).len(), 5);
        drop(first);
        assert_eq!((follower.changed().now_or_never(), frames(&mut follower)), (Some(Ok(())), vec![]));
        let mut second = writer(&live);
        write(&mut second, 10..15, Duration::ZERO);
        assert_eq!((follower.changed().now_or_never(), frames(&mut follower)), (None, vec![]));
        write(&mut second, 15..16, Duration::ZERO);
        assert_eq!(frames(&mut follower), (10..16).collect::<Vec<_>>());
    }

    #[test]
    fn pictures_of_a_publisher_follow_each_other_until_an_idr_picture() {
        let live = Live::default();
        let mut follower = live.follow();
        let push = |writer: &mut RelayWriter, number: u32, is_idr: bool, bytes: usize| {
            let (payload, arrived) = (vec![number as u8; bytes].into(), UnixTime::from_millis(40 * u64::from(number)));
            writer.push(Relayed { is_idr, timestamp: 3600 * number, arrived, payloads: vec![payload] });
        };
        let mut writer = live.relay_writer(VideoCodec::Vp8);
        push(&mut writer, 1, false, 10);
        assert_eq!(frames(&mut follower), [0; 0], "decoding cannot start");
        (2..5).for_each(|number| push(&mut writer, number, number == 2, 10));
        assert_eq!(frames(&mut follower), [0, 1, 2]);
        let sent = Arc::clone(follower.group().unwrap().newest());
        assert_eq!((sent.timestamp, &*sent.payloads()[0]), (4 * 3600, &[4; 10][..]));
        drop(writer);
        assert_eq!(frames(&mut follower), [0; 0], "the publisher is gone");
        let mut writer = live.relay_writer(VideoCodec::Vp8);
        push(&mut writer, 9, true, 10);
        assert_eq!(frames(&mut follower), [3], "another publisher goes on");
        // A group that is too long has no beginning; a follower that has its newest pictures goes on.
        (10..300).for_each(|number| push(&mut writer, number, false, 20_000));
        let group = follower.group().unwrap();
        assert!(group.pictures.len() < 220 && group.after(None).is_empty() && group.after(Some(&sent)).is_empty());
        let newest = Arc::clone(group.newest());
        push(&mut writer, 300, false, 10);
        assert_eq!(follower.group().unwrap().after(Some(&newest)).len(), 1);
        push(&mut writer, 301, true, 10);
        assert_eq!(follower.group().unwrap().after(Some(&newest)).len(), 1, "from the IDR picture on");
    }

    #[test]
    fn an_encoder_whose_group_another_has_taken_over_changes_nothing() {
        let live = Live::default();
        let mut follower = live.follow();
        let (mut before, mut next) = (writer(&live), writer(&live));
        write(&mut before, 10..18, Duration::ZERO);
        write(&mut next, 20..22, Duration::ZERO);
        write(&mut before, 18..20, Duration::ZERO);
        write(&mut before, 10..22, Duration::ZERO);
        assert_eq!(frames(&mut follower), [20, 21]);
        drop(before);
        assert_eq!(frames(&mut follower), [20, 21]);
        drop((next, live));
        assert_eq!(frames(&mut follower), [0; 0]);
        assert_eq!(follower.changed().now_or_never(), Some(Err(Gone)));
    }
}
