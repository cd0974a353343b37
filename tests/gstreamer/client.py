"""A client of WHEP and WHIP with webrtcbin of GStreamer, which shares no code with browsers, aiortc or str0m.

    client.py watch URL            prints the size of the pictures and the number of samples when it has some of both
    client.py publish URL TOKEN    sends a test picture and a tone until its standard input ends
"""

import hashlib
import json
import re
import ssl
import subprocess
import sys
import threading
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC

PICTURES = 20
SAMPLES = 48_000
WAIT_S = 60
BYTES_OF_SAMPLE = 4

H264 = "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96,packetization-mode=(string)1"
OPUS = "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,payload=97"
KEY = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256".split()
CERTIFICATE = "openssl req -new -x509 -key /dev/stdin -subj /CN=client -days 30".split()
BIN = "webrtcbin name=client bundle-policy=max-bundle"
# The end of the pipeline for each kind of track.
DECODERS = {
    "video": "rtph264depay ! h264parse ! openh264dec ! fakesink name=end signal-handoffs=true sync=false async=false",
    "audio": "rtpopusdepay ! opusdec ! audio/x-raw,format=S16LE,channels=2 ! fakesink name=end signal-handoffs=true sync=false async=false",
}
SENT = f"""{BIN}
    videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=480,framerate=25/1
        ! x264enc tune=zerolatency sliced-threads=false speed-preset=ultrafast key-int-max=50 bitrate=800
        ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 mtu=1200 ! {H264} ! client.
    audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay ! {OPUS} ! client."""


class Certificate:
    """A certificate with an ECDSA key, which DTLS of barstone needs. That of webrtcbin has an RSA key."""

    def __init__(self):
        key = subprocess.run(KEY, check=True, capture_output=True, text=True).stdout
        certificate = subprocess.run(CERTIFICATE, check=True, capture_output=True, text=True, input=key).stdout
        self.pem = certificate + key
        self.fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest().hex(":").upper()

    def use_in(self, pipeline):
        pipeline.connect("deep-element-added", self.set)

    def set(self, _, __, element):
        match element.__gtype__.name:
            case "GstDtlsDec":
                element.set_property("pem", self.pem)
            case "GstNiceSrc":
                # barstone ends a session if the client does not repeat its check of the connection.
                element.get_property("agent").set_property("keepalive-conncheck", True)

    def named(self, sdp):
        """webrtcbin 1.22 takes the key for a part of the certificate, so that the fingerprint in its offer is wrong."""
        return re.sub(r"(?<=a=fingerprint:sha-256 )[0-9A-F:]+", self.fingerprint, sdp)


def asked(element, signal, *arguments):
    """Emits a signal whose last argument is a promise; returns the reply, which owns its values."""
    promise = Gst.Promise.new()
    element.emit(signal, *arguments, promise)
    assert promise.wait() == Gst.PromiseResult.REPLIED, signal
    return promise.get_reply()


def negotiate(client, certificate, url, token=None):
    """Posts the offer; returns the URL of the session."""
    offered = asked(client, "create-offer", None)
    asked(client, "set-local-description", offered.get_value("offer"))
    headers = {"Content-Type": "application/sdp"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = certificate.named(client.get_property("local-description").sdp.as_text()).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST")) as answer:
        assert answer.status == 201, answer.status
        session = urllib.parse.urljoin(url, answer.headers["Location"])
        _, sdp = GstSdp.SDPMessage.new_from_text(answer.read().decode())
    description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
    asked(client, "set-remote-description", description)
    return session


def end(pipeline, session, token=None):
    """Ends the session."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(session, headers=headers, method="DELETE")) as answer:
        assert answer.status == 200, answer.status
    pipeline.set_state(Gst.State.NULL)


class Viewer:
    """Counts what is decoded."""

    def __init__(self, pipeline):
        self.pipeline = pipeline
        self.size, self.pictures, self.samples = None, 0, 0
        self.is_complete = threading.Event()

    def connect(self, _, pad):
        """Decodes a track that the server sends."""
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        decoder = Gst.parse_bin_from_description(DECODERS[kind], True)
        decoder.get_by_name("end").connect("handoff", getattr(self, kind))
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        assert pad.link(decoder.get_static_pad("sink")) == Gst.PadLinkReturn.OK, kind

    def video(self, _, __, pad):
        caps = pad.get_current_caps().get_structure(0)
        self.size = caps.get_int("width").value, caps.get_int("height").value
        self.pictures += 1
        self.check()

    def audio(self, _, buffer, __):
        self.samples += buffer.get_size() // BYTES_OF_SAMPLE
        self.check()

    def check(self):
        if self.pictures >= PICTURES and self.samples >= SAMPLES:
            self.is_complete.set()


def watch(url):
    pipeline, certificate = Gst.Pipeline(), Certificate()
    certificate.use_in(pipeline)
    pipeline.add(Gst.parse_launch(BIN))
    client = pipeline.get_by_name("client")
    viewer = Viewer(pipeline)
    client.connect("pad-added", viewer.connect)
    for caps in (f"{H264},profile-level-id=(string)42e01f", OPUS):
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        transceiver = client.emit("add-transceiver", direction, Gst.Caps.from_string(caps))
        transceiver.set_property("do-nack", True)
    pipeline.set_state(Gst.State.PLAYING)
    session = negotiate(client, certificate, url)
    assert viewer.is_complete.wait(WAIT_S), f"{viewer.pictures} pictures, {viewer.samples} samples"
    width, height = viewer.size
    print(json.dumps({"width": width, "height": height, "samples": viewer.samples}), flush=True)
    end(pipeline, session)


def publish(url, token):
    pipeline, certificate = Gst.parse_launch(SENT), Certificate()
    certificate.use_in(pipeline)
    client = pipeline.get_by_name("client")
    is_known = threading.Event()
    # The caps of both tracks are known then, so that an offer can name the codecs.
    client.connect("on-negotiation-needed", lambda _: is_known.set())
    pipeline.set_state(Gst.State.PLAYING)
    assert is_known.wait(WAIT_S), "nothing to negotiate"
    for index in (0, 1):
        transceiver = client.emit("get-transceiver", index)
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        transceiver.set_property("do-nack", True)
    session = negotiate(client, certificate, url, token)
    sys.stdin.read()
    end(pipeline, session, token)


if __name__ == "__main__":
    Gst.init(None)
    {"watch": watch, "publish": publish}[sys.argv[1]](*sys.argv[2:])
