//! Live test streams, bars and tone on the UTC clock, encoded once and served as HLS, LL-HLS, DASH and LL-DASH.
//!
//! # Three ideas
//!
//! 1. **The stream is a function of UTC.** Pictures, sound, numbers, names, timestamps and durations are computed from the
//!    frame index since 1970; nothing counts from when the stream started. See [`base::timeline`] and [`media::signal`].
//! 2. **Replicas are byte-identical.** Two processes with the same definition publish the same bytes under the same URLs,
//!    whenever they started: runs begin on boundaries where encoders are in the same state ([`media::pipeline`]), and the packager
//!    ([`media::cmaf`]) derives every number from the frame index.
//! 3. **Encode once, package once, publish once.** Each rendition is encoded once and each CMAF chunk is in memory once;
//!    manifests are pure functions of a definition and a [`media::window`].
//!
//! # The way of the data
//!
//! ```text
//! config file ─┐
//! REST request ┴→ StreamRequest → StreamSpec → definitions → registry → supervisor → run
//!                 (may be wrong)  (cannot be)  (on disk)     desired     (restarts)   │
//!                                                                                     ▼
//!  browser ← HTTP ← manifest ← snapshot ← window ← chunk ← packager ← encoder ← picture | tone
//!                                            └──────────→ media directory
//! ```
//!
//! Data flows one way. A [`definition::spec::StreamSpec`] is valid by construction: data before it is untrusted, data after
//! it is not checked again. Control flows down by cancellation tokens, status flows up by `watch` channels. Changes of
//! streams are published as [`stream::Events`], which [`stream::hooks`] post to other servers.
//!
//! # A run
//!
//! A run renders *from* a segment, *until* a segment or without end; UTC paces only frames that are not yet past. The live
//! run begins four segments before the current one, so that a stream is playable as soon as a few hundred frames are
//! encoded. A second run renders the rest of the window behind it. Manifests list the whole window from the start, because
//! the content of a window is a function of UTC and not of the start of the process; a request for a segment that is not
//! rendered yet waits for it.
//!
//! As many runs as there are cores may catch up with UTC simultaneously, and one at a time may render the past, so that
//! streams that are on time stay on time. Frames are painted on the encoder's own thread when the encoder requests them,
//! pictures in groups that halve towards the end of their chunk. After a jump of the clock a run renders the missing
//! segments. A run that is too slow is replaced by one nearer to the current time, and the segments in between are a gap.
//!
//! # Desired and actual state
//!
//! Every change of a definition is written to [`definition::store`]. The registry in [`stream`] is the reconciler: at every
//! change and every few seconds it compares the running streams with the definitions, the schedules and the time, so that a
//! restart, a missed moment and a clock that is set heal in the same way. Streams for which the machine has no capacity
//! wait. A change of picture or sound takes effect at a segment that is stored with the definition: the windows continue, and
//! the segments between two changes are an *epoch*, with a revision and a pipeline of its own. Epochs with the same init
//! segments are one *Period* of the MPD, whose template names the revision of the first.
//!
//! # Low latency
//!
//! A chunk is published when its last frame is encoded, one frame duration before that frame would end on a camera. Readers
//! wait on the window's `watch` channel. The first request that finds a manifest out of date renders it, and all requests
//! share the rendering ([`http`]).
//!
//! Viewers over WebRTC cannot wait for a chunk. While somebody follows a track, its frames are encoded one by one, when they
//! are due, and are published in [`media::window::Live`] too: once for all viewers, with the same bytes as in the chunk.
//!
//! # Pushing
//!
//! A push reads the windows as a viewer does, extracts the frames from the chunks and sends them in another container. A push
//! with WHIP follows the tracks instead, as a viewer over WebRTC does. Nothing else waits for a push, and each target has a
//! task that reconnects until it is stopped ([`stream`]).
//!
//! # Access
//!
//! A definition states who may watch, which does not change the published bytes. A viewer token
//! ([`http::viewer_token`]) is the beginning of the path and is removed before routing, so that manifests, whose URLs are
//! relative, are the same bytes for all viewers.
//!
//! # Words
//!
//! *stream* a live programme that a user creates and starts · *definition* the description of a stream by the user · *track* one encoded video rendition or audio ·
//! *frame* one picture, or one AAC frame of 1024 samples · *segment* the media between two grid points, starting with an
//! IDR picture · *chunk* a piece of a segment, `moof` and `mdat` · *window* the segments of a track that are available · *snapshot* an
//! immutable view of a window · *output* all windows of a stream · *audience* the viewers of a stream · *target* another
//! server that a stream is pushed to · *run* one pipeline from its start to its end · *supervisor* the task that restarts the
//! runs of a stream · *phase* the state of a stream, such as running or failed · *revision* eight hex digits, a hash of
//! everything that changes media bytes.
//!
//! # Wings, in the order of dependence
//!
//! | wing | what belongs in it, and what does not |
//! |---|---|
//! | [`base`] | time, network addresses, manifest formats, secrets, memory and metrics: used by every other wing, knows none of them |
//! | [`definition`] | conditions in URLs and stream definitions, valid by construction, and the store of definitions; nothing of what runs |
//! | [`media`] | from the painted picture to the text of a manifest; no HTTP, no decision about which stream runs |
//! | [`stream`] | streams that run: desired state, supervisors, viewers, events, hooks, push and WebRTC; no HTTP server and no GStreamer |
//! | [`http`] | every route, who may call it, how an answer is cached and sent; no decision about media |
//! | [`program`] | the server process: configuration, log, start and end; no protocol |
//! | [`inspect`] | servers seen from outside: readers, the rules of HLS, DASH and CMAF, the checker, the probe; nothing of what this server writes |
//! | [`cli`] | the command line and the client of the REST API |
//!
//! The order of the `mod` lines is the order of dependence, and so is the order of modules inside a wing;
//! `tests/architecture.rs` keeps both. GStreamer is known in [`media::pipeline`] and in the player of
//! [`inspect::probe`] only, axum in [`http`] only, reqwest in [`stream::hooks`], the client of WHIP in [`stream::webrtc`], [`inspect`] and [`cli`] only, str0m in [`stream::webrtc`] and the viewer of [`inspect::probe`] only, the wall clock in [`base::utc`] only; [`base::timeline`], [`definition::condition`], [`definition::spec`],
//! [`media::signal`], [`media::still`], [`media::cmaf`], [`media::rtp`], [`media::transport_stream`], [`media::manifest`] and [`media::truth`]
//! have no lock, no clock and nothing asynchronous.

pub mod base;

pub mod definition;

pub mod media;

pub mod stream;

pub mod http;

pub mod program;

pub mod inspect;

pub mod cli;
