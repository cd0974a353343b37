//! Live test streams, bars and tone on the UTC clock, made once and served as HLS, LL-HLS, DASH and LL-DASH.
//!
//! # Three ideas
//!
//! 1. **The stream is a function of UTC.** Pictures, sound, numbers, names, timestamps and durations are computed from the
//!    frame index since 1970; nothing counts from when the stream started. See [`base::timeline`] and [`media::signal`].
//! 2. **Replicas are byte-identical.** Two processes with the same definition publish the same bytes under the same URLs,
//!    whenever they started: runs begin on boundaries where encoders are in the same state ([`media::pipeline`]), and the packager
//!    ([`media::cmaf`]) takes every number from the frame index.
//! 3. **Encode once, package once, publish once.** There is one encode for each rendition and one CMAF chunk in memory;
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
//! Data goes one way. What is left of [`definition::spec::StreamSpec`] is not trusted; what is right of it is not checked twice.
//! Control goes down by cancellation tokens, news comes up by `watch` channels. What happens to streams is also told as
//! [`stream::Events`], which [`stream::hooks`] post to other servers.
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
//! Whoever changes a definition writes it to [`definition::store`]. The registry in [`stream`] makes what runs match them and the
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
//! A definition says who may watch, and nothing of that changes what is published. A [`http::viewer_token`] is the beginning of the
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
//! # Wings, from the one that depends on nothing to the one that depends on all
//!
//! | wing | what is in it, and what may not be |
//! |---|---|
//! | [`base`] | time, network addresses, secrets and metrics: used by every other wing, knows none of them |
//! | [`definition`] | what a user asked for, valid by construction, and where it is stored; nothing of what runs |
//! | [`media`] | from the painted picture to the text of a manifest; no HTTP, no decision about which stream runs |
//! | [`stream`] | streams that run: desired state, supervisors, viewers, events, hooks and push; no HTTP server and no GStreamer |
//! | [`http`] | every route, who may call it, how an answer is cached and sent; no decision about media |
//! | [`program`] | the server process: configuration, log, start and end; no protocol |
//! | [`cli`] | the command line and the client of the REST API |
//!
//! The order of the `mod` lines is the order of dependence, and so is the order of modules inside a wing;
//! `tests/architecture.rs` keeps both. GStreamer is known in [`media::pipeline`] only, axum in [`http`] only, reqwest in
//! [`stream::hooks`] and [`cli::client`] only, the wall clock in [`base::utc`] only; [`base::timeline`], [`definition::spec`],
//! [`media::signal`], [`media::cmaf`] and [`media::manifest`] have no lock, no clock and nothing asynchronous.

pub mod base;

pub mod definition;

pub mod media;

pub mod stream;

pub mod http;

pub mod program;

pub mod cli;
