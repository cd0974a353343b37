//! Live test streams, bars and tone on the UTC clock, made once and served as HLS, LL-HLS, DASH and LL-DASH.
//!
//! # Three ideas
//!
//! 1. **The stream is a function of UTC.** Pictures, sound, numbers, names, timestamps and durations are computed from the
//!    frame index since 1970; nothing counts from when the stream started. See [`timeline`] and [`signal`].
//! 2. **Replicas are byte-identical.** Two processes with the same definition publish the same bytes under the same URLs,
//!    whenever they started: runs begin on boundaries where encoders are in the same state ([`pipeline`]), and the packager
//!    ([`cmaf`]) takes every number from the frame index.
//! 3. **Encode once, package once, publish once.** There is one encode for each rendition and one CMAF chunk in memory;
//!    manifests are pure functions of a definition and a [`window`].
//!
//! # The way of the data
//!
//! ```text
//! config file ─┐
//! REST request ┴→ StreamRequest → StreamSpec → definitions → registry → life of a stream → run
//!                 (may be wrong)  (cannot be)  (on disk)     desired(now)  (restarts)      │
//!                                                                                          ▼
//!  browser ← HTTP ← manifest ← snapshot ← window ← chunk ← packager ← encoder (GStreamer) ← picture | tone
//!                                            └──────────→ media directory
//! ```
//!
//! Data goes one way. What is left of [`spec::StreamSpec`] is not trusted; what is right of it is not checked twice.
//! Control goes down by cancellation tokens, news comes up by `watch` channels. What happens to streams is also told as
//! [`stream::Events`], which [`hooks`] post to other servers.
//!
//! # A run
//!
//! A run renders *from* a segment *until* a segment or for ever; UTC paces only what is not yet past. The live run begins
//! four segments before now, so that a stream is playable as soon as a few hundred frames are encoded. Behind it a
//! second run fills in the rest of the window: manifests list it from the start, because what a window shows is a function
//! of UTC and not of when the process began, and a request for a segment that is not there yet waits for it.
//!
//! As many runs as there are cores catch up at once, and one fills in the past, so that those that are on time stay so. The
//! frames of a run are painted on the encoder's own thread when the encoder asks for them, and pictures in groups that halve
//! towards the end of their chunk, which is the least that anybody gets. When time jumps, a run makes what is missing; when
//! it is too slow, the next one goes on nearer to now and what is between is a gap.
//!
//! # What is wanted, and what runs
//!
//! Whoever changes a definition writes it to [`definitions`]. The registry in [`stream`] makes what runs match them and the
//! time, again at every change and every few seconds, so that a restart, a moment that was missed and a clock that is set
//! heal the same way. What the machine cannot make beside what runs waits for room. A definition that differs in picture or sound only begins at a segment that is stored with it: the
//! windows go on, and what lies between two changes is an *epoch*, with a revision and a pipeline of its own.
//!
//! # Low latency
//!
//! A chunk is published when its last frame is encoded, a frame's length before it would end on a camera. Readers wait on
//! the window's `watch` channel; each manifest is rendered by the first who finds it old and shared by all ([`http`]).
//!
//! # Pushing
//!
//! A push reads the windows as a viewer does, takes the frames out of the chunks and has a pipeline that puts them into
//! another container. Nothing that makes or serves media knows of it or waits for it, and each target has a task that tries
//! for ever ([`stream`]).
//!
//! # Who may watch
//!
//! A definition says who may watch, and nothing of that changes what is published. A [`viewer_token`] is the beginning of the
//! path and is taken off before there is a route ([`http`]), so that manifests, which are relative, are the same bytes for all.
//!
//! # Words
//!
//! *stream* what a user starts · *definition* what the user asked for · *track* one encoded video rendition or audio ·
//! *frame* one picture, or one AAC frame of 1024 samples · *segment* the media between two grid points, starting with an
//! IDR picture · *chunk* a piece of a segment, `moof` and `mdat` · *window* the segments that a track keeps · *snapshot* an
//! immutable view of a window · *output* all windows of a stream · *audience* those who watch a stream · *target* another
//! server that a stream is pushed to · *run* one life of a pipeline · *phase* where a stream is in its life · *revision* eight
//! hex digits, a hash of everything that changes media bytes.
//!
//! # Modules, from what depends on nothing to what depends on all
//!
//! The order of the `mod` lines is the order of dependence; `tests/architecture.rs` keeps it. GStreamer is known in
//! [`pipeline`] only, axum in [`http`] only, reqwest in [`hooks`] and [`client`] only, the wall clock in [`utc`] only; [`timeline`],
//! [`spec`], [`signal`], [`cmaf`] and [`manifest`] have no lock, no clock and nothing asynchronous.

pub mod network;
pub mod timeline;
pub mod utc;

pub mod secret;

pub mod spec;

pub mod audience;

pub mod metrics;
pub mod viewer_token;

#[cfg(test)]
mod edited;

pub mod signal;

pub mod cmaf;

pub mod window;

pub mod manifest;

pub mod pipeline;

pub mod directory;

pub mod definitions;

pub mod stream;

pub mod hooks;

pub mod config;

pub mod http;

pub mod client;

pub mod shutdown;
pub mod telemetry;
pub mod wait;

pub mod app;

pub mod cli;
