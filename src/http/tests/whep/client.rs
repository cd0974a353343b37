//! WHEP with a connected client: str0m, by UDP and by TCP. The client can publish with WHIP too.

use std::collections::VecDeque;
use std::time::Instant;

use str0m::change::SdpAnswer;
use str0m::format::PayloadParams;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output as Polled, Rtc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::*;
use crate::media::rtp;

/// Longest wait for anything.
const DEADLINE: Duration = Duration::from_secs(10);

enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// A client, and the timestamps of the pictures that it has received, each at its last packet, with the payload.
pub(in crate::http::tests) struct Viewer {
    rtc: Rtc,
    video: Mid,
    socket: Socket,
    own: SocketAddr,
    server: SocketAddr,
    pub(in crate::http::tests) pictures: Vec<u32>,
    pub(in crate::http::tests) payloads: Vec<Vec<u8>>,
    pub(in crate::http::tests) is_connected: bool,
    pub(in crate::http::tests) is_closed: bool,
    /// IDR pictures that were requested.
    pub(in crate::http::tests) requests: usize,
    sent: u64,
    pub(in crate::http::tests) session: String,
}

impl Viewer {
    /// Opens a session, and connects by UDP or TCP.
    pub(in crate::http::tests) async fn open(fixture: &Fixture, protocol: Protocol) -> Self {
        Self::connect(fixture, protocol, (ENDPOINT, Direction::RecvOnly, "")).await
    }

    /// Publishes with a token.
    pub(in crate::http::tests) async fn publish(fixture: &Fixture, token: &str) -> Self {
        let authorization = format!("Bearer {token}");
        Self::connect(fixture, Protocol::Udp, ("/live/test/whip", Direction::SendOnly, &authorization)).await
    }

    async fn connect(
        fixture: &Fixture,
        protocol: Protocol,
        (endpoint, direction, authorization): (&str, Direction, &str),
    ) -> Self {
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(Instant::now());
        let mut change = rtc.sdp_api();
        let video = change.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = change.apply().unwrap();
        let headers =
            [("content-type", "application/sdp"), ("host", "127.0.0.1:8080"), ("authorization", authorization)];
        let answer = fixture.send("POST", endpoint, &headers, offer.to_sdp_string()).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let text = String::from_utf8(answer.body.clone()).unwrap();
        let server = text.lines().find_map(|line| {
            let is_wanted = line.contains("tcptype") == (protocol == Protocol::Tcp);
            let fields: Vec<_> = line.strip_prefix("a=candidate:").filter(|_| is_wanted)?.split(' ').collect();
            (fields[4] == "127.0.0.1").then(|| SocketAddr::from(([127, 0, 0, 1], fields[5].parse().unwrap())))
        });
        let server = server.unwrap();
        let (socket, own) = match protocol {
            Protocol::Tcp => {
                let socket = TcpStream::connect(server).await.unwrap();
                let own = socket.local_addr().unwrap();
                (Socket::Tcp(socket), own)
            }
            _ => {
                let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                let own = socket.local_addr().unwrap();
                (Socket::Udp(socket), own)
            }
        };
        let candidate = match protocol {
            Protocol::Tcp => Candidate::builder().tcp().host(own).tcptype(TcpType::Active).build(),
            protocol => Candidate::host(own, protocol),
        };
        rtc.add_local_candidate(candidate.unwrap());
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&text).unwrap()).unwrap();
        let session = format!("/live/test/{}", answer.header("location"));
        let (pictures, payloads) = (Vec::new(), Vec::new());
        let (is_connected, is_closed, requests, sent) = (false, false, 0, 0);
        Self { rtc, video, socket, own, server, pictures, payloads, is_connected, is_closed, requests, sent, session }
    }

    /// Sends a picture of H.264 in one packet, with the next step.
    pub(in crate::http::tests) fn show(&mut self, timestamp: u32, payload: &[u8]) {
        let is_used = |params: &&PayloadParams| params.spec().format.profile_level_id == Some(0x42_e01f);
        let payload_type = self.rtc.codec_config().params().iter().find(is_used).unwrap().pt();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.video, None).unwrap();
        let payload: Arc<[u8]> = payload.into();
        let write = RtpWrite::new(payload_type, self.sent.into(), timestamp, Instant::now(), payload);
        stream.write_rtp(write.marker(true));
        self.sent += 1;
    }

    /// Reports a lost picture.
    pub(in crate::http::tests) fn lose(&mut self) {
        let mut api = self.rtc.direct_api();
        api.stream_rx_by_mid(self.video, None).unwrap().request_keyframe(KeyframeRequestKind::Pli);
    }

    /// Plays until `is_enough`.
    pub(in crate::http::tests) async fn until(&mut self, what: &str, is_enough: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !is_enough(self) {
            assert!(Instant::now() < deadline, "{what}: {:?}", self.pictures);
            self.step().await;
        }
    }

    /// Sends what is to be sent, and receives a packet if there is one within 10 ms.
    pub(in crate::http::tests) async fn step(&mut self) {
        let mut sent = VecDeque::new();
        while self.rtc.is_alive() {
            match self.rtc.poll_output().unwrap() {
                Polled::Timeout(_) => break,
                Polled::Transmit(datagram) if datagram.destination == self.server => sent.push_back(datagram),
                Polled::Transmit(_) => {}
                Polled::Event(Event::RtpPacket(packet)) if packet.header.marker => {
                    self.pictures.push(packet.header.timestamp);
                    self.payloads.push(packet.payload.to_vec());
                }
                Polled::Event(Event::Connected) => self.is_connected = true,
                Polled::Event(Event::KeyframeRequest(_)) => self.requests += 1,
                Polled::Event(Event::Closed) => self.is_closed = true,
                Polled::Event(_) => {}
            }
        }
        let mut buffer = vec![0; 2000];
        let (received, protocol) = match &mut self.socket {
            Socket::Udp(socket) => {
                for datagram in sent {
                    socket.send_to(&datagram.contents, self.server).await.unwrap();
                }
                let received = timeout(Duration::from_millis(10), socket.recv(&mut buffer)).await;
                (received.ok().map(Result::unwrap), Protocol::Udp)
            }
            Socket::Tcp(socket) => {
                for datagram in sent {
                    socket.write_u16(datagram.contents.len() as u16).await.unwrap();
                    socket.write_all(&datagram.contents).await.unwrap();
                }
                let has_begun = timeout(Duration::from_millis(10), socket.readable()).await.is_ok();
                let received = match has_begun {
                    true => {
                        let length = socket.read_u16().await.unwrap().into();
                        socket.read_exact(&mut buffer[..length]).await.unwrap();
                        Some(length)
                    }
                    false => None,
                };
                (received, Protocol::Tcp)
            }
        };
        let now = Instant::now();
        let input = match received {
            Some(length) => {
                Input::Receive(now, Receive::new(protocol, self.server, self.own, &buffer[..length]).unwrap())
            }
            None => Input::Timeout(now),
        };
        self.rtc.handle_input(input).unwrap();
    }
}

fn timestamp(frame: u64) -> u32 {
    rtp::timestamp(UnixTime::from_millis(40 * frame), rtp::VIDEO_CLOCK_RATE)
}

async fn check_play(protocol: Protocol) {
    let mut fixture = Fixture::with(json!({"audio": false})).await;
    let first = SEGMENT * 48;
    (first + 1..first + 5).for_each(|frame| fixture.show(frame));
    let mut viewer = Viewer::open(&fixture, protocol).await;
    viewer.until("the group of pictures", |viewer| viewer.pictures.len() == 5).await;
    let newest = timestamp(first + 4);
    assert_eq!(viewer.pictures, [360, 270, 180, 90, 0].map(|before| newest.wrapping_sub(before)));
    fixture.show(first + 5);
    viewer.until("the next picture", |viewer| viewer.pictures.len() == 6).await;
    assert_eq!(viewer.pictures[5], timestamp(first + 5));
    // The group of pictures is sent again with one of the next pictures, because it was sent a moment ago.
    viewer.lose();
    let mut frame = first + 5;
    while viewer.pictures.len() < 6 + frame as usize - first as usize {
        frame += 1;
        assert!(frame < first + 47, "nothing is sent again");
        fixture.show(frame);
        let shown = viewer.pictures.len();
        viewer.until("a picture", |viewer| viewer.pictures.len() > shown).await;
        for _ in 0..4 {
            viewer.step().await;
        }
    }
    viewer.until("the newest picture", |viewer| viewer.pictures.last() == Some(&timestamp(frame))).await;
    assert!(viewer.pictures.is_sorted_by(|a, b| a < b), "{:?}", viewer.pictures);
    let metrics = String::from_utf8(get(&fixture.app, "/metrics").await.body).unwrap();
    let transport = if protocol == Protocol::Tcp { "tcp" } else { "udp" };
    assert!(metrics.contains(&format!("barstone_webrtc_sessions{{transport=\"{transport}\"}} 1")), "{metrics}");
    assert!(metrics.contains("barstone_webrtc_plis_total 1\n"), "{metrics}");
    fixture.send("DELETE", &viewer.session.clone(), &[], String::new()).await;
    viewer.until("the end", |viewer| viewer.is_closed).await;
    fixture.until_viewers(0).await;
}

#[tokio::test]
async fn pictures_reach_a_client_by_udp_from_any_moment_on() {
    check_play(Protocol::Udp).await;
}

#[tokio::test]
async fn pictures_reach_a_client_by_tcp_from_any_moment_on() {
    check_play(Protocol::Tcp).await;
}

#[tokio::test]
async fn packets_of_nobody_are_dropped() {
    let fixture = Fixture::with(json!({"audio": false})).await;
    let mut viewer = Viewer::open(&fixture, Protocol::Udp).await;
    let (port, rubbish) = (viewer.server, UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([7; 12]);
    let packets = [vec![], vec![0; 1], vec![0; 1500], stun, vec![22; 200], vec![0x80; 200], vec![0xff; 2048]];
    for packet in &packets {
        rubbish.send_to(packet, port).await.unwrap();
    }
    viewer.until("a picture", |viewer| !viewer.pictures.is_empty()).await;
    // The TCP port has the same limits; it closes the connection of a client that belongs to no session.
    let tcp = Viewer::open(&fixture, Protocol::Tcp).await.server;
    for packet in packets.iter().filter(|packet| !packet.is_empty()) {
        let mut connection = TcpStream::connect(tcp).await.unwrap();
        // The server may have closed the connection already.
        let _ = connection.write_u16(packet.len() as u16).await;
        let _ = connection.write_all(packet).await;
        let end = timeout(DEADLINE, connection.read(&mut [0; 1])).await.unwrap();
        assert!(!end.is_ok_and(|length| length > 0));
    }
}

#[tokio::test]
async fn a_forged_check_gets_neither_an_answer_nor_the_pictures() {
    let fixture = Fixture::with(json!({"audio": false})).await;
    let mut viewer = Viewer::open(&fixture, Protocol::Udp).await;
    let head = fixture.send("HEAD", &viewer.session, &[], String::new()).await;
    // A binding request with the name of the session, and an integrity of somebody who does not know its password (RFC 8489).
    let attribute = |kind: u16, value: &[u8]| {
        let padding = vec![0; value.len().wrapping_neg() % 4];
        [&kind.to_be_bytes(), &(value.len() as u16).to_be_bytes(), value, &padding].concat()
    };
    let name = format!("{}:abcd", head.header("etag").trim_matches('"'));
    let attributes = [(6, name.as_bytes()), (0x24, &[0; 4]), (0x25, &[]), (8, &[7; 20])];
    let attributes = attributes.map(|(kind, value)| attribute(kind, value)).concat();
    let length = (attributes.len() as u16).to_be_bytes();
    let check = [&[0, 1][..], &length, &[0x21, 0x12, 0xa4, 0x42], &[7; 12], &attributes].concat();
    let forger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    forger.set_nonblocking(true).unwrap();
    forger.send_to(&check, viewer.server).unwrap();
    viewer.until("a picture", |viewer| !viewer.pictures.is_empty()).await;
    assert_eq!(forger.recv(&mut [0; 1]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
