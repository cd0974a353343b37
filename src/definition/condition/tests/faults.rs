//! The grammar of faults: parameters, selectors, and what contradicts what.

use super::*;
use crate::base::timeline::{Kind, UnixTime};

#[test]
fn a_fault_has_one_canonical_text() {
    for (text, canonical) in [
        ("status=503", "status=503"),
        ("status=503:on=manifests", "status=503"),
        ("status=503:every=7:on=segments", "status=503:on=segments:every=7"),
        ("status=503:retry-after=2000ms:on=media", "status=503:retry-after=2s:on=media"),
        ("status=404:track=audio:on=init", "status=404:on=init:track=audio"),
        (
            "status=404:share=0.10:each=60s:for=20s:at=1795232428:for=1m:numbers=007-9:on=parts",
            "status=404:on=parts:numbers=7-9:at=2026-11-21T03:40:28Z:for=1m:each=1m:for=20s:share=0.1",
        ),
        ("status=503:at=2026-11-21T03:40:28.5Z:for=1s", "status=503:at=2026-11-21T03:40:28.5Z:for=1s"),
        ("status=503%3Aon%3Dsegments", "status=503:on=segments"),
        // Faults may stand several times, and equal ones are one.
        ("status=503,status=404,status=503:on=manifests", "status=404,status=503"),
        ("status=503:on=init,no-hints,status=503", "no-hints,status=503,status=503:on=init"),
    ] {
        check(text, canonical);
    }
    let many = (500..516).map(|status| format!("status={status}")).collect::<Vec<_>>().join(",");
    check(&many, &many);
    check_refused(&format!("{many},status=503"), None, "there are more than 16 conditions; remove some");
}

#[test]
fn a_refusal_of_a_fault_names_the_parameter_and_says_what_is_allowed() {
    for (text, message) in [
        ("status", "status must be a whole number from 400 to 599, not \"\""),
        ("status=302", "status must be a whole number from 400 to 599, not \"302\""),
        ("status=+503", "status must be a whole number from 400 to 599, not \"+503\""),
        ("status=503:evry=7", "status has no parameter \"evry\"; did you mean every?"),
        (
            "status=503:",
            "status has no parameter \"\"; it has retry-after, on, track, every, numbers, at, each, for, share",
        ),
        (
            "status=503:on=chunks",
            "on of status must be one of manifests, playlists, mpd, init, segments, parts, media, not \"chunks\"",
        ),
        (
            "status=503:on",
            "on of status must be one of manifests, playlists, mpd, init, segments, parts, media, not \"\"",
        ),
        ("status=503:every=0:on=media", "every of status must be a whole number from 1 to 1000000000, not \"0\""),
        (
            "status=503:numbers=9-7:on=media",
            "numbers of status must be the first and the last number, such as 100-120, not \"9-7\"",
        ),
        ("status=503:track=V", "track of status must be video, audio or the id of a track, not \"V\""),
        ("status=503:share=1.5", "share of status must be a number from 0 to 1 with at most six decimals, not \"1.5\""),
        ("status=503:share=0.1:share=0.2", "share of status occurs twice; remove one"),
        ("status=503:for=1s", "for of status needs at or each before it"),
        ("status=503:at=-10s", "at of status needs for"),
        ("status=503:each=10s", "each of status needs for"),
        ("status=503:each=10s:for=11s", "for of status contradicts each: a fault lasts at most the interval"),
        (
            "status=503:every=7",
            "every of status contradicts on=manifests: only on=segments, on=parts and on=media have numbers",
        ),
        (
            "status=503:on=init:numbers=1-2",
            "numbers of status contradicts on=init: only on=segments, on=parts and on=media have numbers",
        ),
        ("status=503:on=mpd:track=video", "track of status contradicts on=mpd: an MPD belongs to no track"),
    ] {
        check_refused(text, Some("status"), message);
    }
    check_refused("statsu=503", Some("statsu"), "there is no condition statsu; did you mean status?");
    check_refused("no-hints:on=media", Some("no-hints"), "no-hints takes no value, not \":on=media\"");
    let check_format = |text: &str, format, message: &str| {
        let error = Conditions::parse(text).unwrap().check_format(format).unwrap_err();
        assert_eq!((error.condition(), error.to_string().as_str()), (Some("status"), message));
    };
    check_format("status=503:on=mpd", Format::Hls, "status on mpd does not apply to HLS, only to DASH, LL-DASH");
    check_format("status=503:on=parts", Format::LlDash, "status on parts does not apply to LL-DASH, only to LL-HLS");
    check_format("status=503:track=a", Format::Dash, "status on manifests does not apply to DASH, only to HLS, LL-HLS");
}

const VIDEO: Track<'_> = Track { id: "v720", kind: Kind::Video };
const AUDIO: Track<'_> = Track { id: "a", kind: Kind::Audio };

#[test]
fn a_fault_concerns_the_resources_that_it_names() {
    let kept = |text: &str, resource, track| Conditions::parse(text).unwrap().of_resource(resource, track).to_string();
    for (text, resource, track, is_concerned) in [
        ("status=503", Resource::Multivariant, None, true),
        ("status=503", Resource::Mpd, None, true),
        ("status=503", Resource::Iframes, Some(VIDEO), true),
        ("status=503", Resource::Segment, Some(VIDEO), false),
        ("status=503", Resource::Time, None, false),
        ("status=503:on=media", Resource::Part, Some(AUDIO), true),
        ("status=503:on=media", Resource::Init, Some(AUDIO), false),
        ("status=503:on=segments", Resource::Part, Some(AUDIO), false),
        ("status=503:on=segments:track=audio", Resource::Segment, Some(AUDIO), true),
        ("status=503:on=segments:track=audio", Resource::Segment, Some(VIDEO), false),
        ("status=503:on=init:track=v720", Resource::Init, Some(VIDEO), true),
        ("status=503:on=parts:track=video", Resource::Mpd, None, false),
        // A manifest leads to what it lists.
        ("status=503:track=video", Resource::Multivariant, None, true),
        ("status=503:on=segments:track=audio", Resource::Mpd, None, true),
        ("status=503:on=segments:track=audio", Resource::Playlist, Some(AUDIO), true),
        ("status=503:on=segments:track=audio", Resource::Playlist, Some(VIDEO), false),
        ("status=503:on=parts", Resource::Iframes, Some(VIDEO), false),
    ] {
        assert_eq!(kept(text, resource, track), if is_concerned { text } else { "" }, "{text} {resource:?} {track:?}");
    }
    // Only the faults that concern a resource stay in its prefix.
    assert_eq!(
        kept("status=503,status=404:on=media,status=404:on=segments,no-hints", Resource::Segment, Some(VIDEO)),
        "status=404:on=media,status=404:on=segments"
    );
}

#[test]
fn selectors_choose_numbers_moments_and_shares() {
    // 2026-11-21T03:40:28.800Z
    let now = UnixTime::from_millis(1_795_232_428_800);
    let path = "/live/test/v720/0123abcd/70.m4s";
    let segment =
        Identity { resource: Resource::Segment, track: Some(VIDEO), number: Some(70), begins: Some(now), path };
    // After what time the fault begins or ends.
    for (selector, applies, changes) in [
        ("every=7", true, None),
        ("every=8", false, None),
        ("numbers=70-70", true, None),
        ("numbers=71-80", false, None),
        ("every=7:numbers=71-80", false, None),
        ("at=2026-11-21T03:40:28Z:for=1s", true, Some(200)),
        ("at=2026-11-21T03:40:28Z:for=800ms", false, None),
        ("at=2026-11-21T03:40:30Z:for=1s", false, Some(1200)),
        ("each=10s:for=9s", true, Some(200)),
        ("each=10s:for=8800ms", false, Some(1200)),
        ("each=10s:for=10s", true, None),
        ("at=2026-11-21T03:40:00Z:for=1m:each=10s:for=9s", true, Some(200)),
        ("share=1", true, None),
        ("share=0", false, None),
    ] {
        let set = Conditions::parse(&format!("status=503:on=media:{selector}")).unwrap();
        let fault = set.faults().next().unwrap();
        let found = (fault.applies(&segment, now), fault.changes_after(&segment, now).map(|time| time.as_millis()));
        assert_eq!(found, (applies, changes), "{selector}");
    }
    let set = Conditions::parse("status=503:on=segments:share=0.1").unwrap();
    let paths: Vec<_> = (0..10_000).map(|number| format!("/live/test/v720/0123abcd/{number}.m4s")).collect();
    let fault = set.faults().next().unwrap();
    let hit = paths.iter().filter(|path| fault.applies(&Identity { path: path.as_str(), ..segment }, now)).count();
    assert!((900..1100).contains(&hit), "{hit}");
}

#[test]
fn a_relative_moment_of_a_fault_is_written_out() {
    let now = UnixTime::from_millis(1_795_232_428_800);
    let set = Conditions::parse("status=503:at=-10s:for=1m,delay=9s").unwrap();
    assert_eq!(set.absolute(now).unwrap().unwrap().to_string(), "delay=9s,status=503:at=2026-11-21T03:40:18Z:for=1m");
    assert_eq!(Conditions::parse("status=503:each=1m:for=1s").unwrap().absolute(now), Ok(None));
}

/// Parameters of faults with their values.
const PARAMETERS: &[&str] = &[
    ":on=segments",
    ":on=manifests",
    ":on=parts",
    ":on=media",
    ":on=init",
    ":track=audio",
    ":track=v720",
    ":every=7",
    ":numbers=100-120",
    ":at=2026-11-21T03:40:28.123456789Z:for=10s",
    ":at=-10s:for=1m1ms",
    ":each=1m:for=20s",
    ":share=0.000001",
    ":share=1",
];

proptest! {
    #[test]
    fn a_printed_fault_is_read_as_itself(
        row in select(FAULTS.iter().collect::<Vec<_>>()),
        parameters in subsequence(PARAMETERS, 0..5).prop_shuffle(),
    ) {
        let example = row.examples[0].split(':').next().unwrap_or_default();
        let text = format!("{example}{}", parameters.concat());
        if let Ok(set) = Conditions::parse(&text) {
            let printed = set.to_string();
            prop_assert_eq!(Conditions::parse(&printed), Ok(set), "{} {}", text, printed);
        }
    }

    #[test]
    fn any_parameters_are_read_without_panic(text in "status=503[:=a-z0-9.-]{0,40}", other in "\\PC{0,20}") {
        let _ = Conditions::parse(&text);
        let _ = Conditions::parse(&format!("{text}{other}:{other}={other}"));
    }
}
