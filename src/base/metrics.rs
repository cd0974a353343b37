//! All metrics of the program, in one struct that is passed to the code that counts, and their Prometheus text for
//! `/metrics`.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text;
pub use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::{family::Family, gauge::Gauge, histogram::Histogram, info::Info};
use prometheus_client::registry::{Registry, Unit};

mod labels;
mod process;
mod webrtc;

use super::format::Format;
pub use labels::{
    ConditionLabels, DirectionLabels, HookLabels, PhaseLabels, RefusedConnectionLabels, RefusedSessionLabels,
    RefusedViewerLabels, RequestLabels, RestartLabels, StreamLabels, TransportLabels, ViewerLabels, labels,
};
use process::ProcessCollector;
pub use webrtc::WebrtcMetrics;

/// Counts one blocked request until it is dropped.
#[derive(Debug)]
pub struct Held(Gauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Buckets of lag histograms in seconds: less than a frame, a few frames, a chunk, a segment.
const LAGS: [f64; 12] = [0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.24, 0.32, 1.0, 2.0, 5.0];

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Metrics of the process, whose names do not begin with `barstone_`.
    process: Registry,
    /// Chunks published, over all tracks.
    pub chunks: Family<StreamLabels, Counter>,
    /// Seconds from the end of the last frame of a chunk to the publication of the chunk, live chunks only.
    pub publish_lag: Histogram,
    /// Seconds from the time of a frame to its encoded access unit, live frames only.
    pub encode_lag: Histogram,
    /// Runs that were restarted after an error.
    pub restarts: Family<RestartLabels, Counter>,
    /// 1 while a stream's phase is `running`.
    pub running: Family<StreamLabels, Gauge>,
    /// Number of streams in each phase.
    pub streams: Family<PhaseLabels, Gauge>,
    /// Segments larger than their bitrate allows.
    pub oversized: Family<StreamLabels, Counter>,
    /// Segments that were skipped because the run was too late.
    pub skipped: Family<StreamLabels, Counter>,
    /// Jumps of time, by a clock step or a suspension, whose segments a track rendered afterwards.
    pub jumps: Family<StreamLabels, Counter>,
    /// Files that could not be written to or removed from the media directory.
    pub directory_errors: Family<StreamLabels, Counter>,
    /// Seconds by which the wall clock has moved against the monotonic clock.
    pub clock_offset: Gauge<f64, AtomicU64>,
    pixels_used: Gauge,
    pixels_capacity: Gauge,
    /// Events for hooks by outcome: delivered, failed at the last attempt, or dropped because the queue was full.
    pub hook_deliveries: Family<HookLabels, Counter>,
    /// Open connections.
    pub connections: Gauge,
    /// Connections refused because a limit was reached.
    pub connections_refused: Family<RefusedConnectionLabels, Counter>,
    /// Answered requests.
    pub requests: Family<RequestLabels, Counter>,
    /// Answers that a condition in the URL changed.
    pub conditions: Family<ConditionLabels, Counter>,
    /// Requests for past segments that the archive's cache answered.
    pub archive_hits: Counter,
    /// Blocks of past segments that were rendered.
    pub archive_renders: Counter,
    /// Seconds of past media that were rendered, over all tracks.
    pub archive_seconds: Counter<f64, AtomicU64>,
    /// Requests for past segments that were refused because too many waited.
    pub archive_refused: Counter,
    /// Size of the past segments in the archive's cache, in memory or in archive_dir.
    pub archive_bytes: Gauge,
    /// Requests that wait for media that is not published yet.
    blocked: Gauge,
    /// Bytes of response bodies passed to connections.
    pub egress: Counter,
    /// Bytes of the manifests and media of each stream, as of the last measurement.
    pub stream_egress: Family<StreamLabels, Counter>,
    /// Number of viewers, as of the last measurement.
    pub viewers: Family<ViewerLabels, Gauge>,
    /// Viewers that were refused or redirected.
    pub refused_viewers: Family<RefusedViewerLabels, Counter>,
    /// Clients of `stream.mp4` and `stream.ts` that read too slowly and skipped media.
    pub reader_skips: Family<StreamLabels, Counter>,
    /// Push targets that accept data.
    pub push_running: Family<StreamLabels, Gauge>,
    /// Pushes that failed and are retried.
    pub push_failures: Family<StreamLabels, Counter>,
    /// Bytes that push targets have accepted.
    pub push_bytes: Family<StreamLabels, Counter>,
    /// Metrics of sessions over WebRTC.
    pub webrtc: WebrtcMetrics,
}

impl Metrics {
    /// All metrics at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("barstone");
        registry.register("build", "Version of the program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let mut process = Registry::default();
        process.register_collector(Box::new(ProcessCollector));
        let mut metrics = Self {
            registry,
            process,
            chunks: Family::default(),
            publish_lag: Histogram::new(LAGS),
            encode_lag: Histogram::new(LAGS),
            restarts: Family::default(),
            running: Family::default(),
            streams: Family::default(),
            oversized: Family::default(),
            skipped: Family::default(),
            jumps: Family::default(),
            directory_errors: Family::default(),
            clock_offset: Gauge::default(),
            pixels_used: Gauge::default(),
            pixels_capacity: Gauge::default(),
            hook_deliveries: Family::default(),
            connections: Gauge::default(),
            connections_refused: Family::default(),
            requests: Family::default(),
            conditions: Family::default(),
            archive_hits: Counter::default(),
            archive_renders: Counter::default(),
            archive_seconds: Counter::default(),
            archive_refused: Counter::default(),
            archive_bytes: Gauge::default(),
            blocked: Gauge::default(),
            egress: Counter::default(),
            stream_egress: Family::default(),
            viewers: Family::default(),
            refused_viewers: Family::default(),
            reader_skips: Family::default(),
            push_running: Family::default(),
            push_failures: Family::default(),
            push_bytes: Family::default(),
            webrtc: WebrtcMetrics::default(),
        };
        metrics.register();
        metrics
    }

    /// All metrics in the OpenMetrics 1.0 text format.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode_registry(&mut out, &self.registry)
            .and_then(|()| text::encode_registry(&mut out, &self.process))
            .and_then(|()| text::encode_eof(&mut out));
        out
    }

    /// Sets the encoding load and the encoding capacity, in pixels per second. `u64::MAX` means no limit.
    pub fn tell_pixels(&self, used: u64, capacity: u64) {
        self.pixels_used.set(used.try_into().unwrap_or(i64::MAX));
        self.pixels_capacity.set(capacity.try_into().unwrap_or(0));
    }

    /// Counts a blocked request until the returned value is dropped.
    pub fn hold(&self) -> Held {
        self.blocked.inc();
        Held(self.blocked.clone())
    }

    /// Removes the metrics of a stream that was deleted.
    pub fn forget(&self, stream: &str) {
        let labels = labels(stream);
        self.chunks.remove(&labels);
        self.running.remove(&labels);
        self.oversized.remove(&labels);
        self.skipped.remove(&labels);
        self.jumps.remove(&labels);
        self.directory_errors.remove(&labels);
        self.stream_egress.remove(&labels);
        self.reader_skips.remove(&labels);
        self.push_running.remove(&labels);
        self.push_failures.remove(&labels);
        self.push_bytes.remove(&labels);
        let stream = labels.stream;
        for reason in RestartLabels::REASONS {
            self.restarts.remove(&RestartLabels { stream: stream.clone(), reason });
        }
        for format in Format::ALL.map(Format::as_str).into_iter().chain([ViewerLabels::WEBRTC]) {
            self.viewers.remove(&ViewerLabels { stream: stream.clone(), format });
        }
        for reason in RefusedViewerLabels::REASONS {
            self.refused_viewers.remove(&RefusedViewerLabels { stream: stream.clone(), reason });
        }
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("chunks_published", "Chunks published, all tracks together", self.chunks.clone());
        let help = "Time from the end of a chunk's last frame until the chunk is published";
        registry.register_with_unit("publish_lag", help, Unit::Seconds, self.publish_lag.clone());
        let help = "Time from the start of a frame until the frame is encoded";
        registry.register_with_unit("encode_lag", help, Unit::Seconds, self.encode_lag.clone());
        registry.register("restarts", "Runs that failed and were started again", self.restarts.clone());
        registry.register("stream_running", "1 while the stream is running", self.running.clone());
        registry.register("streams", "Streams in each phase", self.streams.clone());
        registry.register(
            "oversized_segments",
            "Segments that exceed the bitrate of their track",
            self.oversized.clone(),
        );
        registry.register(
            "skipped_segments",
            "Segments that were not encoded because the machine was too slow",
            self.skipped.clone(),
        );
        registry.register("time_jumps", "Clock steps and suspends after which a track caught up", self.jumps.clone());
        registry.register("directory_errors", "Failed writes to the media directory", self.directory_errors.clone());
        let help = "Sum of all clock steps and suspends since start";
        registry.register_with_unit("clock_offset", help, Unit::Seconds, self.clock_offset.clone());
        let help = "Encoding capacity in use, in pixels per second of the fastest preset";
        registry.register("used_pixels_per_second", help, self.pixels_used.clone());
        let help = "Encoding capacity, in pixels per second of the fastest preset; 0 without a limit";
        registry.register("capacity_pixels_per_second", help, self.pixels_capacity.clone());
        registry.register("hook_deliveries", "Events posted to hooks, by outcome", self.hook_deliveries.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        let help = "Connections refused because a limit of connections was reached";
        registry.register("connections_refused", help, self.connections_refused.clone());
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register(
            "http_conditions",
            "Requests answered otherwise because of a condition in the URL",
            self.conditions.clone(),
        );
        registry.register(
            "http_blocked_requests",
            "Requests held until a manifest, segment or part exists",
            self.blocked.clone(),
        );
        let help = "Requests for past segments answered from the archive's cache";
        registry.register("archive_hits", help, self.archive_hits.clone());
        registry.register("archive_renders", "Blocks of past segments rendered", self.archive_renders.clone());
        let help = "Past media rendered, all tracks together";
        registry.register_with_unit("archive_rendered", help, Unit::Seconds, self.archive_seconds.clone());
        let help = "Requests for past segments refused because too many waited";
        registry.register("archive_refused", help, self.archive_refused.clone());
        let help = "Size of the past segments in the archive's cache, in memory or in archive_dir";
        registry.register_with_unit("archive", help, Unit::Bytes, self.archive_bytes.clone());
        registry.register_with_unit("http_egress", "Response bodies sent", Unit::Bytes, self.egress.clone());
        let help = "Manifests and media sent";
        registry.register_with_unit("stream_egress", help, Unit::Bytes, self.stream_egress.clone());
        registry.register("viewers", "Viewers now", self.viewers.clone());
        registry.register(
            "refused_viewers",
            "Viewers refused because a limit was reached",
            self.refused_viewers.clone(),
        );
        let help = "Times that a client read stream.mp4 or stream.ts too slowly and skipped to the newest IDR picture";
        registry.register("reader_skips", help, self.reader_skips.clone());
        registry.register("push_running", "Push targets that accept frames", self.push_running.clone());
        registry.register("push_failures", "Failed pushes", self.push_failures.clone());
        registry.register_with_unit("push", "Bytes sent to push targets", Unit::Bytes, self.push_bytes.clone());
        self.webrtc.register(registry);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
