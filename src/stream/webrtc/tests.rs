use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::certificate::Certificate;
use super::peer::offer::Offer;
use super::peer::{Addresses, AnswerError, Kind, OfferError, Packet, Peer, Wanted};
use super::publish;
use super::sdp::Role;
use crate::base::test_texts::mutated;
use crate::media::rtp::VideoCodec;

const BASELINE: VideoCodec = VideoCodec::H264([0x42, 0xc0, 0x1f]);
const HIGH: VideoCodec = VideoCodec::H264([0x64, 0, 0x1f]);

const GROUP: Duration = Duration::from_secs(2);

/// Offers of Chromium 156, of a viewer and of a publisher.
const OFFERS: &[&str] = &[include_str!("tests/chromium-viewer.sdp"), include_str!("tests/chromium-publisher.sdp")];

fn server() -> SocketAddr {
    "192.0.2.1:8189".parse().unwrap()
}

fn client_address() -> SocketAddr {
    "192.0.2.2:4000".parse().unwrap()
}

/// A client that others wrote, except that it is str0m too.
fn viewer(now: Instant) -> Rtc {
    let mut rtc = Rtc::builder().set_rtp_mode(true).build(now);
    rtc.add_local_candidate(Candidate::host(client_address(), "udp").unwrap());
    rtc
}

fn accept(offer: &str, wanted: Wanted, now: Instant) -> Result<(Peer, String), OfferError> {
    let addresses = Addresses { udp: vec![server()], tcp: vec![server()] };
    Peer::accept(offer, wanted, &addresses, &Certificate::new().unwrap(), now)
}

#[test]
fn packets_reach_a_client_in_order() {
    let mut now = Instant::now();
    let mut viewer = viewer(now);
    let mut change = viewer.sdp_api();
    change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
    let (offer, pending) = change.apply().unwrap();
    let wanted = Wanted { role: Role::Viewer, video: Some(BASELINE), audio: true, group: GROUP };
    let (mut peer, answer) = accept(&offer.to_sdp_string(), wanted, now).unwrap();
    assert_eq!(peer.uses(), (true, true));
    for part in [
        "a=ice-lite",
        "a=rtcp-mux-only",
        "tcptype passive",
        "a=sendonly",
        "a=end-of-candidates",
        ";stereo=1",
        "msid:barstone ",
    ] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
    viewer.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
    let (mut sent, mut received, mut connected) = (0u32, Vec::new(), false);
    let mut to_viewer = VecDeque::new();
    for _ in 0..2000 {
        now += Duration::from_millis(1);
        let mut outcome = peer.advance(now);
        connected |= outcome.connected;
        to_viewer.extend(outcome.datagrams.drain(..));
        if connected && sent < 20 {
            let packet = |index: u32| Packet {
                kind: Kind::Video,
                timestamp: 90 * index,
                due: now,
                is_last: index % 2 == 1,
                payload: vec![0x61, index as u8].into(),
            };
            to_viewer.extend(peer.send(&mut (sent..sent + 4).map(packet), now).datagrams);
            sent += 4;
        }
        viewer.handle_input(Input::Timeout(now)).unwrap();
        loop {
            match viewer.poll_output().unwrap() {
                Output::Timeout(_) => match to_viewer.pop_front() {
                    Some(datagram) => {
                        let received =
                            Receive::new(Protocol::Udp, server(), client_address(), &datagram.contents).unwrap();
                        viewer.handle_input(Input::Receive(now, received)).unwrap();
                    }
                    None => break,
                },
                Output::Transmit(datagram) => {
                    let outcome =
                        peer.receive((Protocol::Udp, client_address()), server(), &datagram.contents, now).unwrap();
                    connected |= outcome.connected;
                    to_viewer.extend(outcome.datagrams);
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    received.push((packet.header.timestamp, packet.header.marker, packet.payload[1]));
                }
                Output::Event(_) => {}
            }
        }
    }
    assert!(connected);
    let expected: Vec<_> = (0..20).map(|index| (90 * index, index % 2 == 1, index as u8)).collect();
    assert_eq!(received, expected);
}

/// Round-trip times that the server observes in eight seconds over a network that delays every datagram.
fn round_trips(role: Role, delay: Duration) -> Vec<Duration> {
    let mut now = Instant::now();
    let mut client = viewer(now);
    let mut change = client.sdp_api();
    let direction = match role {
        Role::Viewer => Direction::RecvOnly,
        Role::Publisher | Role::Server => Direction::SendOnly,
    };
    let mid = change.add_media(MediaKind::Video, direction, None, None, None);
    let (offer, pending) = change.apply().unwrap();
    let wanted = Wanted { role, video: Some(VideoCodec::H264([0x42, 0xe0, 0x1f])), audio: false, group: GROUP };
    let (mut peer, answer) = accept(&offer.to_sdp_string(), wanted, now).unwrap();
    client.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
    let payload_type = client.media(mid).unwrap().remote_pts()[0];
    let (mut to_client, mut to_server) = (VecDeque::new(), VecDeque::new());
    let (mut connected, mut observed) = (false, Vec::new());
    for millis in 0..8000_u32 {
        now += Duration::from_millis(1);
        let mut outcomes = vec![peer.advance(now)];
        while to_server.front().is_some_and(|(arrival, _)| *arrival <= now) {
            let (_, contents): (Instant, Vec<u8>) = to_server.pop_front().unwrap();
            outcomes.extend(peer.receive((Protocol::Udp, client_address()), server(), &contents, now));
        }
        if connected && millis % 20 == 0 {
            let (timestamp, payload) = (90 * millis, Arc::from([0x61, 1]));
            match role {
                Role::Viewer => {
                    let packet = Packet { kind: Kind::Video, timestamp, due: now, is_last: true, payload };
                    outcomes.push(peer.send(&mut std::iter::once(packet), now));
                }
                Role::Publisher | Role::Server => {
                    let mut api = client.direct_api();
                    let sequence = u64::from(millis / 20).into();
                    let packet = RtpWrite::new(payload_type, sequence, timestamp, now, payload);
                    api.stream_tx_by_mid(mid, None).unwrap().write_rtp(packet);
                }
            }
        }
        for outcome in outcomes {
            connected |= outcome.connected;
            observed.extend(outcome.round_trip);
            to_client.extend(outcome.datagrams.into_iter().map(|sent| (now + delay, sent.contents.to_vec())));
        }
        client.handle_input(Input::Timeout(now)).unwrap();
        loop {
            match client.poll_output().unwrap() {
                Output::Timeout(_) if to_client.front().is_some_and(|(arrival, _)| *arrival <= now) => {
                    let (_, contents): (Instant, Vec<u8>) = to_client.pop_front().unwrap();
                    let received = Receive::new(Protocol::Udp, server(), client_address(), &contents).unwrap();
                    client.handle_input(Input::Receive(now, received)).unwrap();
                }
                Output::Timeout(_) => break,
                Output::Transmit(sent) => to_server.push_back((now + delay, sent.contents.to_vec())),
                Output::Event(_) => {}
            }
        }
    }
    observed
}

#[test]
fn the_round_trip_time_is_observed_for_viewers_and_publishers() {
    let delay = Duration::from_millis(30);
    for role in [Role::Viewer, Role::Publisher] {
        let observed = round_trips(role, delay);
        assert!((2..=8).contains(&observed.len()), "{role:?}: {observed:?}");
        let is_exact = |time: &Duration| time.abs_diff(2 * delay) < Duration::from_millis(5);
        assert!(observed.iter().all(is_exact), "{role:?}: {observed:?}");
    }
}

/// Answers the offer to a server.
fn offered(wanted: Wanted) -> (Peer, Offer) {
    let addresses = Addresses { udp: vec![client_address()], tcp: Vec::new() };
    Peer::offer(wanted, &addresses, &Certificate::new().unwrap(), Instant::now()).unwrap()
}

#[test]
fn an_offer_names_the_codec_of_the_stream() {
    for (codec, expected) in [
        (BASELINE, "profile-level-id=42e01f"),
        (VideoCodec::H264([0x42, 0xc0, 0x28]), "profile-level-id=42e028"),
        (HIGH, "profile-level-id=64001f"),
        (VideoCodec::Vp8, "VP8/90000"),
    ] {
        let (mut peer, offer) = offered(Wanted { role: Role::Server, video: Some(codec), audio: true, group: GROUP });
        let text = &offer.text;
        for (part, count) in [
            (expected, 1),
            ("a=sendonly", 2),
            ("a=msid:barstone ", 2),
            ("packetization-mode=1", usize::from(codec != VideoCodec::Vp8)),
            ("opus/48000/2", 1),
            (";stereo=1", 1),
            ("m=", 2),
        ] {
            assert_eq!(text.matches(part).count(), count, "{part} in {text}");
        }
        assert!(!text.contains("ice-lite"), "{text}");
        let (_, answer, found) = accept_publisher(text).unwrap();
        peer.accept_answer(offer, &answer).unwrap();
        assert_eq!((peer.uses(), found.is_some()), ((true, true), true));
    }
}

#[test]
fn a_text_that_is_no_answer_is_refused() {
    let (mut peer, offer) = offered(Wanted { role: Role::Server, video: Some(BASELINE), audio: true, group: GROUP });
    let accepted = peer.accept_answer(offer, "<html>");
    assert!(matches!(accepted, Err(AnswerError::Malformed(_))), "{accepted:?}");
}

#[track_caller]
fn check_profile(offered: &str, profile: VideoCodec, expected: Option<&str>) {
    let now = Instant::now();
    let mut rtc = viewer(now);
    let mut change = rtc.sdp_api();
    change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    let offer = change.apply().unwrap().0.to_sdp_string();
    let offer: String = offer
        .lines()
        .map(|line| match line.split_once("profile-level-id=") {
            Some((before, _)) => format!("{before}profile-level-id={offered}\r\n"),
            None => format!("{line}\r\n"),
        })
        .collect();
    let answer = accept(&offer, Wanted { role: Role::Viewer, video: Some(profile), audio: false, group: GROUP }, now)
        .map(|(_, answer)| answer);
    match (answer, expected) {
        (Ok(answer), Some(expected)) => assert!(answer.contains(&format!("profile-level-id={expected}")), "{answer}"),
        (Err(OfferError::NoCommonCodec(_)), None) => {}
        (other, _) => panic!("{offered} {profile:?}: {other:?}"),
    }
}

#[test]
fn the_best_profile_that_both_know_is_sent() {
    check_profile("42e01f", BASELINE, Some("42e01f"));
    check_profile("42001f", BASELINE, Some("42001f"));
    check_profile("42e034", BASELINE, Some("42e01f"));
    check_profile("4d001f", BASELINE, Some("4d001f"));
    check_profile("640c34", BASELINE, Some("640c1f"));
    check_profile("f4001f", BASELINE, Some("f4001f"));
    check_profile("64001f", HIGH, Some("64001f"));
    check_profile("640c34", HIGH, Some("640c1f"));
    check_profile("f4001f", HIGH, Some("f4001f"));
    check_profile("42e01f", HIGH, None);
    check_profile("4d001f", HIGH, None);
}

/// Answers an offer of a publisher.
fn accept_publisher(offer: &str) -> Result<(Peer, String, Option<VideoCodec>), OfferError> {
    let addresses = Addresses { udp: vec![server()], tcp: vec![server()] };
    publish::accept(offer, &addresses, &Certificate::new().unwrap(), Instant::now())
}

#[test]
fn a_publisher_sends_the_codec_that_most_viewers_decode() {
    let [viewer, publisher] = OFFERS else { panic!("two offers") };
    let check = |offer: &str, codec: VideoCodec, name: &str| {
        let (peer, answer, found) = accept_publisher(offer).unwrap();
        assert_eq!((found, peer.uses()), (Some(codec), (true, true)));
        assert!(
            answer.contains(name) && answer.matches("90000").count() == 2,
            "the codec, and its retransmission: {answer}"
        );
        assert_eq!(answer.matches("a=recvonly").count(), 2, "{answer}");
    };
    check(publisher, VideoCodec::H264([0x42, 0xe0, 0x1f]), "profile-level-id=42e01f");
    check(&publisher.replace(" H264/", " X/"), VideoCodec::Vp8, "VP8/90000");
    let simulcast = format!("{publisher}a=rid:h send\na=rid:l send\na=simulcast:send h;l\n");
    let (_, answer, _) = accept_publisher(&super::sdp::without_simulcast(&simulcast)).unwrap();
    assert!(!answer.contains("simulcast"), "{answer}");
    for refused in [*viewer, &publisher.replace("opus/48000/2", "x/48000/2"), &publisher.replace("/90000", "/8000")] {
        let refusal = accept_publisher(refused).map(|(_, answer, _)| answer).unwrap_err();
        assert!(matches!(refusal, OfferError::NotRelayed(_)), "{refusal}");
    }
}

proptest! {
    // A case makes up to eight sessions.
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_offer_is_answered_or_refused(offer in mutated(OFFERS), is_h264: bool) {
        let video = Some(if is_h264 { BASELINE } else { VideoCodec::Vp8 });
        let wanted = Wanted { role: Role::Viewer, video, audio: true, group: GROUP };
        if let Ok((peer, answer)) = accept(&offer, wanted, Instant::now()) {
            prop_assert!(peer.uses() != (false, false) && answer.contains("a=ice-lite"));
        }
        if let Ok((peer, answer, _)) = accept_publisher(&offer) {
            prop_assert!(peer.uses() != (false, false) && answer.contains("a=ice-lite"));
        }
    }
}
