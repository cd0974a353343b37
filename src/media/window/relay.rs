//! Picture and sound of a publisher, on their way to the viewers. One publisher at a time sends them; viewers follow, whether
//! somebody publishes or not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::live::{self, Live, RelayWriter, Relayed};
use super::sound;
use crate::media::rtp::VideoCodec;

/// What a publisher sends to the viewers of a stream. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Relay(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    pictures: Live,
    sound: sound::Sender,
    publisher: Mutex<Option<Publisher>>,
    /// Whether the publisher has sent media.
    is_live: watch::Sender<bool>,
    /// Notified when a viewer needs an IDR picture.
    idr_wanted: Notify,
}

/// What viewers must know of a publisher.
#[derive(Debug, Clone, Copy)]
struct Publisher {
    /// Codec of the pictures, if the publisher sends any.
    codec: Option<VideoCodec>,
}

/// The right to publish, until it is dropped.
#[derive(Debug)]
pub struct Publication {
    relay: Relay,
    writer: Option<RelayWriter>,
}

impl Relay {
    /// Begins to publish. `None` if somebody else publishes.
    pub fn publish(&self) -> Option<Publication> {
        let mut publisher = self.publisher();
        if publisher.is_some() {
            return None;
        }
        *publisher = Some(Publisher { codec: None });
        Some(Publication { relay: self.clone(), writer: None })
    }

    /// Codec of the pictures, if the publisher sends any. `None` if nobody publishes.
    pub fn codec(&self) -> Option<Option<VideoCodec>> {
        self.publisher().map(|publisher| publisher.codec)
    }

    /// A receiver of whether a publisher sends media.
    pub fn is_live(&self) -> watch::Receiver<bool> {
        self.0.is_live.subscribe()
    }

    /// Follows the pictures.
    pub fn pictures(&self) -> live::Follower {
        self.0.pictures.follow()
    }

    /// Follows the sound.
    pub fn sound(&self) -> sound::Follower {
        self.0.sound.follow()
    }

    /// Says that a viewer needs an IDR picture.
    pub fn request_idr(&self) {
        self.0.idr_wanted.notify_one();
    }

    fn publisher(&self) -> MutexGuard<'_, Option<Publisher>> {
        self.0.publisher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publication {
    /// Sets the codec of the pictures.
    pub fn set_codec(&mut self, codec: VideoCodec) {
        *self.relay.publisher() = Some(Publisher { codec: Some(codec) });
        self.writer = Some(self.relay.0.pictures.relay_writer(codec));
    }

    /// Sends a picture to the viewers.
    pub fn add_picture(&mut self, picture: Relayed) {
        let Some(writer) = &mut self.writer else { return };
        writer.push(picture);
        self.set_live(true);
    }

    /// Sends sound to the viewers.
    pub fn add_sound(&self, packet: sound::Packet) {
        self.relay.0.sound.send(packet);
        self.set_live(true);
    }

    /// Resolves when a viewer needs an IDR picture.
    pub async fn idr_wanted(&self) {
        self.relay.0.idr_wanted.notified().await;
    }

    fn set_live(&self, is_live: bool) {
        self.relay.0.is_live.send_if_modified(|before| std::mem::replace(before, is_live) != is_live);
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        // The group of pictures is gone before another publisher can begin one.
        self.writer = None;
        self.set_live(false);
        *self.relay.publisher() = None;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::base::timeline::UnixTime;

    fn picture() -> Relayed {
        Relayed { is_idr: true, timestamp: 0, arrived: UnixTime::default(), payloads: vec![[7].into()] }
    }

    #[test]
    fn one_publisher_at_a_time_sends_to_all_viewers() {
        let relay = Relay::default();
        let (mut pictures, mut sound, is_live) = (relay.pictures(), relay.sound(), relay.is_live());
        assert!(relay.codec().is_none() && !*is_live.borrow());
        let mut publication = relay.publish().unwrap();
        assert!(relay.publish().is_none());
        assert_eq!((relay.codec(), *is_live.borrow()), (Some(None), false));
        publication.set_codec(VideoCodec::Vp8);
        assert_eq!(relay.codec(), Some(Some(VideoCodec::Vp8)));
        publication.add_picture(picture());
        assert!(*is_live.borrow() && pictures.group().is_some());
        publication.add_sound(sound::Packet { timestamp: 5, due: UnixTime::default(), payload: [1].into() });
        assert_eq!(sound.next().now_or_never().unwrap().unwrap().timestamp, 5);
        drop(publication);
        assert!(relay.codec().is_none() && !*is_live.borrow() && pictures.group().is_none());
        assert!(sound.next().now_or_never().is_none(), "viewers wait");
        let mut next = relay.publish().unwrap();
        next.set_codec(VideoCodec::Vp8);
        next.add_picture(picture());
        assert!(*is_live.borrow() && pictures.group().is_some());
    }

    #[test]
    fn requests_for_an_idr_picture_reach_the_publisher_together() {
        let relay = Relay::default();
        let publication = relay.publish().unwrap();
        assert_eq!(publication.idr_wanted().now_or_never(), None);
        relay.request_idr();
        relay.clone().request_idr();
        assert_eq!(publication.idr_wanted().now_or_never(), Some(()));
        assert_eq!(publication.idr_wanted().now_or_never(), None);
    }
}
