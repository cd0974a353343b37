//! Multiplexers and network sinks of push targets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gstreamer as gst;

use super::{PipelineError, Receipt, make, refused};
use crate::base::timeline::Kind;
use crate::definition::spec::{Protocol, PushUrl};

/// Size of an RTMP chunk in bytes. With the default of 128, one byte in a hundred would be a header.
const RTMP_CHUNK: u32 = 4096;
/// MPEG-TS packets in a datagram. This number fits the MTU of every network.
const PACKETS_PER_DATAGRAM: i32 = 7;

/// Multiplexer and sink.
pub(super) struct Container {
    muxer: gst::Element,
    sink: gst::Element,
    protocol: Protocol,
}

impl Container {
    pub(super) fn add(pipeline: &gst::Pipeline, url: &PushUrl) -> Result<Self, PipelineError> {
        let protocol = url.protocol();
        let (muxer, sink) = match protocol {
            Protocol::Rtmp | Protocol::Rtmps => (flv()?, rtmp(url)?),
            Protocol::Srt => (transport_stream()?, srt(url)?),
            Protocol::Udp => (transport_stream()?, udp(url)?),
            Protocol::Whip | Protocol::Whips => return Err(no_container()),
        };
        // The feed paces frames already.
        sink.set_property("sync", false);
        let linked = pipeline.add_many([&muxer, &sink]).and_then(|()| muxer.link(&sink));
        linked.map_err(|error| refused(sink.name().as_str(), &error))?;
        Ok(Self { muxer, sink, protocol })
    }

    /// Adds a source of frames.
    pub(super) fn take(
        &self,
        pipeline: &gst::Pipeline,
        kind: Kind,
        source: &gst::Element,
    ) -> Result<(), PipelineError> {
        let refused = |error| refused(source.name().as_str(), &error);
        pipeline.add(source).map_err(refused)?;
        match (self.protocol, kind) {
            (Protocol::Rtmp | Protocol::Rtmps, Kind::Video) => {
                source.link_pads(Some("src"), &self.muxer, Some("video"))
            }
            (Protocol::Rtmp | Protocol::Rtmps, Kind::Audio) => {
                source.link_pads(Some("src"), &self.muxer, Some("audio"))
            }
            (Protocol::Srt | Protocol::Udp | Protocol::Whip | Protocol::Whips, Kind::Video) => {
                let parser = annex_b()?;
                pipeline.add(&parser).and_then(|()| gst::Element::link_many([source, &parser, &self.muxer]))
            }
            (Protocol::Srt | Protocol::Udp | Protocol::Whip | Protocol::Whips, Kind::Audio) => source.link(&self.muxer),
        }
        .map_err(refused)
    }

    /// Watches the buffers that reach the sink. The sink accepts one buffer at a time, so when a buffer arrives the
    /// one before it has been sent. Returns the presentation time up to which all buffers have been sent.
    pub(super) fn watch(&self, receipt: &Receipt) -> Arc<AtomicU64> {
        let passed = Arc::new(AtomicU64::new(0));
        let (passed_by, receipt, previous) = (Arc::clone(&passed), receipt.clone(), Mutex::new(SinkBuffers::default()));
        let pad = self.sink.static_pad("sink").expect("a sink has a pad");
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            let received = SinkBuffers::of(info);
            let sent_before =
                std::mem::replace(&mut *previous.lock().unwrap_or_else(PoisonError::into_inner), received);
            receipt.bytes.fetch_add(sent_before.bytes, Ordering::Relaxed);
            receipt.counted.inc_by(sent_before.bytes);
            if let Some(time) = sent_before.time {
                passed_by.fetch_max(time.nseconds(), Ordering::Relaxed);
            }
            if sent_before.is_media {
                // It is already set after the first buffer.
                let _ = receipt.taken.set(());
            }
            gst::PadProbeReturn::Ok
        });
        passed
    }
}

/// Buffers that reached a sink.
#[derive(Debug, Default)]
struct SinkBuffers {
    bytes: u64,
    time: Option<gst::ClockTime>,
    /// Whether media has arrived: a sink accepts a header before it is connected.
    is_media: bool,
}

impl SinkBuffers {
    fn of(info: &gst::PadProbeInfo) -> Self {
        let one = |buffer: &gst::BufferRef| (buffer.pts(), !buffer.flags().contains(gst::BufferFlags::HEADER));
        let (bytes, first) = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => (buffer.size(), Some(one(buffer))),
            Some(gst::PadProbeData::BufferList(list)) => (list.calculate_size(), list.get(0).map(one)),
            _ => (0, None),
        };
        let (time, is_media) = first.unwrap_or_default();
        Self { bytes: bytes as u64, time, is_media }
    }
}

/// WebRTC is sent without a pipeline.
fn no_container() -> PipelineError {
    PipelineError::Element { element: "push".to_owned(), message: "WHIP has no container".to_owned() }
}

fn flv() -> Result<gst::Element, PipelineError> {
    let muxer = make("flvmux")?;
    muxer.set_property("streamable", true);
    Ok(muxer)
}

fn transport_stream() -> Result<gst::Element, PipelineError> {
    let muxer = make("mpegtsmux")?;
    muxer.set_property("alignment", PACKETS_PER_DATAGRAM);
    Ok(muxer)
}

/// Converts lengths to start codes and inserts parameter sets before every IDR picture.
fn annex_b() -> Result<gst::Element, PipelineError> {
    let parser = make("h264parse")?;
    parser.set_property("config-interval", -1_i32);
    Ok(parser)
}

fn rtmp(url: &PushUrl) -> Result<gst::Element, PipelineError> {
    let sink = make("rtmp2sink")?;
    sink.set_property("host", url.host());
    sink.set_property("port", i32::from(url.port()));
    let (application, key) = url.application_and_key();
    sink.set_property("application", application);
    sink.set_property("stream", key);
    // GIO loads TLS from glib-networking, which trusts the certificates that the system trusts.
    sink.set_property_from_str("scheme", if url.protocol() == Protocol::Rtmps { "rtmps" } else { "rtmp" });
    sink.set_property("chunk-size", RTMP_CHUNK);
    Ok(sink)
}

fn srt(url: &PushUrl) -> Result<gst::Element, PipelineError> {
    let sink = make("srtsink")?;
    sink.set_property("uri", url.reveal());
    // The task of the target reconnects and reports the error.
    sink.set_property("auto-reconnect", false);
    Ok(sink)
}

fn udp(url: &PushUrl) -> Result<gst::Element, PipelineError> {
    let sink = make("udpsink")?;
    sink.set_property("host", url.host());
    sink.set_property("port", i32::from(url.port()));
    Ok(sink)
}
