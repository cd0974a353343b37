//! Follows a publisher like a viewer, and decodes what the publisher sends. No decoder runs while nobody publishes.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use super::PipelineError;
use super::decoder::Decoder;
use super::jitter_buffer::SAMPLES;
use super::published::Published;
use crate::definition::spec::StreamSpec;
use crate::media::rtp::VideoCodec;
use crate::media::window::Relay;
use crate::media::window::live::{Group, Picture};
use crate::media::window::sound::Packet;

/// Decodes into `published` until it is dropped.
pub(super) async fn receive(relay: &Relay, spec: &StreamSpec, published: &Arc<Published>) -> Infallible {
    let pictures = Pictures { relay, spec, published, decoder: None, newest: None };
    let sound = Sound { relay, published, decoder: None };
    let has_sound = spec.audio.is_some();
    tokio::select! {
        never = pictures.receive(), if !spec.video.is_empty() => never,
        never = sound.receive(), if has_sound => never,
    }
}

/// The pictures.
struct Pictures<'a> {
    relay: &'a Relay,
    spec: &'a StreamSpec,
    published: &'a Arc<Published>,
    decoder: Option<(VideoCodec, Decoder)>,
    /// The newest picture that was decoded or skipped.
    newest: Option<Arc<Picture>>,
}

impl Pictures<'_> {
    async fn receive(mut self) -> Infallible {
        let mut follower = self.relay.pictures();
        // An element that is missing for one picture is missing for the next.
        let mut is_missing = false;
        loop {
            match follower.group() {
                Some(group) if !is_missing => {
                    if let Err(error) = self.decode(&group) {
                        tracing::warn!(stream = %self.spec.name, %error, "cannot decode the pictures of the publisher");
                        is_missing = !error.is_transient();
                        self.clear();
                    }
                }
                Some(_) => {}
                None => {
                    is_missing = false;
                    self.clear();
                }
            }
            if follower.changed().await.is_err() {
                return pending().await;
            }
        }
    }

    /// Decodes the pictures that are new, from one on at which decoding may start.
    fn decode(&mut self, group: &Group) -> Result<(), PipelineError> {
        let pictures = group.after(self.newest.as_ref());
        self.newest = Some(Arc::clone(group.newest()));
        let known = self.decoder.take_if(|(codec, _)| *codec == group.codec);
        let Some(first) = pictures.first().filter(|first| known.is_some() || first.is_idr()) else {
            self.relay.request_idr();
            return Ok(());
        };
        let (_, decoder) = self.decoder.insert(match known {
            Some(known) => known,
            None => (group.codec, Decoder::pictures(group.codec, self.spec, first.due, self.published)?),
        });
        pictures.iter().try_for_each(|picture| decoder.push(picture.due, group.codec.access_unit(picture.payloads())))
    }

    fn clear(&mut self) {
        self.decoder = None;
        self.published.clear_pictures();
    }
}

/// The sound.
struct Sound<'a> {
    relay: &'a Relay,
    published: &'a Arc<Published>,
    decoder: Option<Decoder>,
}

impl Sound<'_> {
    async fn receive(mut self) -> Infallible {
        let (mut follower, mut is_live) = (self.relay.sound(), self.relay.is_live());
        loop {
            tokio::select! {
                Ok(packet) = follower.next() => {
                    if let Err(error) = self.decode(&packet) {
                        tracing::warn!(%error, "cannot decode the sound of the publisher");
                        self.decoder = None;
                    }
                }
                Ok(()) = is_live.changed() => {
                    if !*is_live.borrow_and_update() {
                        self.decoder = None;
                        *self.published.sound() = Default::default();
                    }
                }
                else => return pending().await,
            }
        }
    }

    fn decode(&mut self, packet: &Packet) -> Result<(), PipelineError> {
        let sample = self.published.sound().place(packet.timestamp, packet.due);
        let at = SAMPLES.frame_start(sample);
        if self.decoder.is_none() {
            self.decoder = Some(Decoder::sound(at, self.published)?);
        }
        match &self.decoder {
            Some(decoder) => decoder.push(at, packet.payload.to_vec()),
            None => Ok(()),
        }
    }
}
