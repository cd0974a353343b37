//! Applies patches with a small implementation of RFC 5261 of its own, and compares with the MPDs.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

use crate::base::timeline::UnixTime;
use crate::definition::condition::Conditions;
use crate::definition::spec::{Revision, StreamRequest, StreamSpec};
use crate::media::manifest::{Latency, Place, View, dash};
use crate::media::window::fixture::{initialise, publish};
use crate::media::window::{Epoch, Output};

const SEGMENT: u64 = 935_016_890;

#[derive(Debug, Clone, PartialEq, Default)]
struct Node {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Self>,
    text: String,
}

fn read(document: &str) -> Node {
    let mut reader = Reader::from_str(document);
    let mut open = vec![Node::default()];
    let begin = |start: &BytesStart<'_>| Node {
        name: start.name().0.to_owned(),
        attributes: start.attributes().map(|a| a.map(|a| (a.key.0.into(), a.value.into())).unwrap()).collect(),
        ..Node::default()
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push(begin(&start)),
            Event::Empty(start) => open.last_mut().unwrap().children.push(begin(&start)),
            Event::End(_) => {
                let node = open.pop().unwrap();
                open.last_mut().unwrap().children.push(node);
            }
            Event::Text(text) => open.last_mut().unwrap().text += text.trim(),
            Event::Eof => return open.pop().unwrap().children.pop().unwrap(),
            _ => {}
        }
    }
}

/// The index of a child that a step such as `S[2]` or `Period[@id='1']` names.
fn find(parent: &Node, step: &str) -> usize {
    let (name, predicate) = step.split_once('[').map_or((step, ""), |(name, rest)| (name, rest.trim_end_matches(']')));
    let mut named = parent.children.iter().enumerate().filter(|(_, child)| child.name == name);
    let found = match predicate.strip_prefix("@id='") {
        Some(id) => {
            named.find(|(_, child)| child.attributes.get("id").is_some_and(|of| of == id.trim_end_matches('\'')))
        }
        None => named.nth(predicate.parse::<usize>().map_or(0, |position| position - 1)),
    };
    found.unwrap_or_else(|| panic!("{step} in {}", parent.name)).0
}

fn apply(mpd: &mut Node, operation: &Node) {
    let path = operation.attributes["sel"].strip_prefix("/MPD").unwrap();
    let mut steps: Vec<_> = path.split('/').filter(|step| !step.is_empty()).collect();
    let attribute = steps.pop_if(|step| step.starts_with('@')).map(|step| step[1..].to_owned());
    let attribute = attribute.or_else(|| Some(operation.attributes.get("type")?[1..].to_owned()));
    let position = operation.attributes.get("pos").map_or("", String::as_str);
    let is_in_parent = attribute.is_none() && (operation.name != "add" || ["before", "after"].contains(&position));
    let last = if is_in_parent { steps.pop() } else { None };
    let node = steps.iter().fold(mpd, |node, step| {
        let index = find(node, step);
        &mut node.children[index]
    });
    match (attribute, last) {
        (Some(name), _) if operation.name == "remove" => assert!(node.attributes.remove(&name).is_some(), "{name}"),
        (Some(name), _) => {
            let before = node.attributes.insert(name, operation.text.clone());
            assert_eq!(before.is_some(), operation.name == "replace", "{operation:?}");
        }
        (None, Some(step)) => {
            let index = find(node, step);
            let range = match operation.name.as_str() {
                "add" if position == "after" => index + 1..index + 1,
                "add" => index..index,
                _ => index..index + 1,
            };
            node.children.splice(range, operation.children.iter().cloned());
        }
        (None, None) => node.children.extend(operation.children.iter().cloned()),
    }
}

fn patched(old: &str, patch: &str) -> Node {
    let (mut mpd, patch) = (read(old), read(patch));
    assert_eq!(
        (&patch.attributes["mpdId"], &patch.attributes["originalPublishTime"]),
        (&mpd.attributes["id"], &mpd.attributes["publishTime"])
    );
    patch.children.iter().for_each(|operation| apply(&mut mpd, operation));
    assert_eq!(patch.attributes["publishTime"], mpd.attributes["publishTime"]);
    mpd
}

fn output(json: Value) -> Output {
    let spec = StreamSpec::try_from(serde_json::from_value::<StreamRequest>(json).unwrap()).unwrap();
    let output = Output::new(spec, Revision::parse("58fe8eec").unwrap());
    initialise(&output);
    // The rest of the window is still to be rendered.
    output.tracks.iter().for_each(|track| track.window.expect(SEGMENT - 20..SEGMENT));
    output
}

fn change(output: &Output, from: u64, described: UnixTime) {
    let spec = StreamSpec { title: "other".into(), ..output.spec.clone() };
    let epoch = Epoch::new((1, from), spec, Revision::parse("0123abcd").unwrap());
    let period = epoch.period.clone();
    assert!(output.change(epoch.in_period(period, described)));
    initialise(output);
}

/// The MPD, and when it was published.
fn mpd(output: &Output, conditions: &Conditions, latency: Latency) -> (UnixTime, String) {
    let view = View::of(output).under(conditions, UnixTime::default());
    let published = UnixTime::from_millis(dash::published_at(&view, latency).as_millis());
    (published, dash::mpd(&view, Place::Stream, latency).unwrap())
}

/// The patch from the MPD of `before` to that of now.
fn patch(output: &Output, conditions: &Conditions, latency: Latency, before: UnixTime) -> Option<String> {
    let view = View::of(output).under(conditions, UnixTime::default());
    let then = View::of(output).as_of(conditions, before)?;
    dash::patch(&view, &then, (Place::Stream, latency), before)
}

/// Publishes a stream with a skipped segment, a change and an end, and patches every MPD to every later one.
#[track_caller]
fn check(json: &Value, conditions: &str, latency: Latency) {
    let output = output(json.clone());
    let conditions = Conditions::parse(&format!("patch=1m,{conditions}")).unwrap();
    let start = |segment: u64| output.spec.timeline.segment_start(segment);
    let mut all: Vec<(UnixTime, String)> = Vec::new();
    for segment in (SEGMENT..SEGMENT + 18).filter(|segment| *segment != SEGMENT + 4) {
        publish(&output, [segment]);
        match segment - SEGMENT {
            7 => change(&output, SEGMENT + 10, start(segment + 1)),
            14 => _ = output.end_after(SEGMENT + 17, start(segment + 1)),
            _ => {}
        }
        let (published, new) = mpd(&output, &conditions, latency);
        let is_older = |before: UnixTime| before < published && before > UnixTime::default();
        for (before, old) in all.iter().filter(|(before, _)| is_older(*before)) {
            match patch(&output, &conditions, latency, *before) {
                Some(patch) => assert_eq!(patched(old, &patch), read(&new), "{old}\n{patch}\n{new}"),
                // A window keeps more than twice the segments that it lists.
                None => assert!(start(segment) > *before + output.spec.window, "{conditions}: {before:?}"),
            }
        }
        all.push((published, new));
    }
    assert!(all.is_sorted_by_key(|(published, _)| *published));
}

#[test]
fn a_patched_mpd_is_the_new_one() {
    let exact = json!({"name": "test", "window_seconds": 10});
    let unequal = json!({"name": "test", "window_seconds": 10, "segment_frames": 50, "chunk_frames": 10});
    let odd =
        json!({"name": "test", "window_seconds": 10, "fps": "30000/1001", "segment_frames": 60, "chunk_frames": 10});
    for json in [exact, unequal, odd] {
        for latency in [Latency::Normal, Latency::Low] {
            for conditions in ["addressing=number", "addressing=number-timeline", "addressing=time-timeline"] {
                check(&json, conditions, latency);
                check(&json, &format!("{conditions},periods=5s"), latency);
            }
        }
    }
}

#[test]
fn a_patch_moves_the_window_of_a_timeline() {
    let output = output(json!({"name": "test", "window_seconds": 10, "segment_frames": 50, "chunk_frames": 10}));
    let conditions = Conditions::parse("patch=1m,addressing=time-timeline,periods=10s").unwrap();
    publish(&output, SEGMENT..SEGMENT + 5);
    let (before, old) = mpd(&output, &conditions, Latency::Normal);
    assert!(
        old.contains("<PatchLocation ttl=\"60\">dash.mpp?publishTime=2029-04-04T21:49:50.000Z</PatchLocation>"),
        "{old}"
    );
    publish(&output, SEGMENT + 5..SEGMENT + 6);
    let text = patch(&output, &conditions, Latency::Normal, before).unwrap();
    let (start, list) =
        ("<replace sel=\"/MPD/@publishTime\">2029-04-04T21:49:52Z</replace>", "SegmentTemplate[1]/SegmentTimeline[1]");
    let audio = format!("/MPD/Period[@id='p187003378']/AdaptationSet[@id='1']/{list}");
    let moved = format!(
        "<remove sel=\"{audio}/S[1]\"/><replace sel=\"{audio}/S[1]\"><S t=\"89761621536768\" d=\"95232\"/></replace>"
    );
    let added = "<add sel=\"/MPD/Period[@id='p187003378']\" pos=\"after\"><Period id=\"p187003379\" ";
    for part in [start, &format!("{moved}{added}")] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(patch(&output, &conditions, Latency::Normal, before + Duration::from_millis(1)), None);
}
