//! Opens the session of a viewer.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::connection::{Negotiation, Permission};
use super::peer::{Peer, Wanted};
use super::sdp::Role;
use super::session::{Session, Tracks};
use super::source::{Pictures, Sound, first_picture};
use super::{Inner, Negotiated, OpenError, Webrtc, routes};
use crate::base::timeline::Kind;
use crate::definition::spec::AudioSpec;
use crate::media::window::live;
use crate::stream::ActiveOutput;
use crate::stream::audience::Watching;

/// Longest wait for the first picture of a stream that starts.
const START: Duration = Duration::from_secs(10);

/// A request for a session.
pub struct Watch {
    /// The SDP offer.
    pub offer: String,
    /// The stream, and the count of its viewers.
    pub output: ActiveOutput,
    /// Counts the viewer as long as the session exists.
    pub watching: Watching,
    /// Index of the video track of the test signal.
    pub video: Option<usize>,
    /// The sound of the test signal.
    pub audio: Option<AudioSpec>,
    /// Address of the client.
    pub client: IpAddr,
    /// Addresses by which the client has reached this host.
    pub reached: Vec<IpAddr>,
    /// Whether the viewer may still watch.
    pub may_watch: Permission,
}

impl Webrtc {
    /// Opens the session of a viewer. Waits for the first picture of a stream that starts.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn watch(&self, request: Watch) -> Result<Negotiated, OpenError> {
        let opened = self.admit_viewer(request).await;
        self.counted(opened)
    }

    async fn admit_viewer(&self, request: Watch) -> Result<Negotiated, OpenError> {
        let Inner { sessions, certificate, .. } = &*self.0;
        let Watch { offer, output, watching, video, audio, client, reached, may_watch } = request;
        let stream = output.spec.name.clone();
        sessions.check(&stream, client)?;
        let (pictures, sound) = match output.spec.is_published() {
            true => {
                let codec = output.relay.codec().ok_or(OpenError::NobodyPublishes)?;
                // The next publisher may send sound even if this one does not.
                (codec.map(|codec| (output.relay.pictures(), codec)), Some(Sound::Published))
            }
            false => {
                let pictures = match video {
                    Some(track) => Some(first_picture_of(output.tracks[track].live.follow()).await?),
                    None => None,
                };
                (pictures, audio.map(Sound::Signal))
            }
        };
        let video = pictures.as_ref().map(|(_, codec)| *codec);
        let group = output.spec.timeline.longest_segment(Kind::Video);
        let wanted = Wanted { role: Role::Viewer, video, audio: sound.is_some(), group };
        let addresses = self.addresses(&reached).await;
        let (peer, answer) = Peer::accept(&offer, wanted, &addresses, certificate, Instant::now())?;
        let (gets_pictures, gets_sound) = peer.uses();
        let (pictures, sound) = (pictures.filter(|_| gets_pictures), sound.filter(|_| gets_sound));
        let negotiation = Negotiation { peer, offer, addresses };
        let (added, connection) = self.add((&stream, client), negotiation, routes::VIEWER_INBOX)?;
        let tracks = Tracks { output, _watching: watching, pictures, sound, may_watch };
        Ok(self.run(added, answer, Session { connection, tracks }.run()))
    }
}

/// Waits for the first picture. Returns its codec too.
async fn first_picture_of(follower: live::Follower) -> Result<Pictures, OpenError> {
    timeout(START, first_picture(follower)).await.ok().flatten().ok_or(OpenError::NoPictures)
}
