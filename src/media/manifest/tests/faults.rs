use serde_json::json;

use super::*;

/// Two renditions and audio.
fn three_tracks() -> Output {
    let video = |id: &str, height: u32| json!({"id": id, "width": height * 2, "height": height, "bitrate": 500_000});
    let output = output(json!({"name": "test", "video": [video("v2", 360), video("v1", 180)]}));
    publish(&output, SEGMENT..SEGMENT + 4);
    output
}

#[test]
fn a_fault_on_one_rendition_leaves_the_urls_of_the_others_in_the_mpd() {
    let output = three_tracks();
    let templates = |conditions: &str| {
        let conditions = Conditions::parse(conditions).unwrap();
        let text =
            dash::mpd(&View::of(&output).under(&conditions, UnixTime::default()), Place::Stream, Latency::Normal);
        let mpd = dash_mpd_core::parse(&text.unwrap()).unwrap();
        let sets = mpd.periods[0].adaptations.clone();
        let own = |set: &dash_mpd_core::AdaptationSet| {
            let all = [set.SegmentTemplate.clone()].into_iter();
            let all = all.chain(set.representations.iter().map(|one| one.SegmentTemplate.clone()));
            all.map(|template| {
                let media = template.and_then(|template| template.media)?;
                Some(media.contains("/missing").to_string())
            })
            .map(|is_faulty| is_faulty.unwrap_or_default())
            .collect::<Vec<_>>()
            .join(" ")
        };
        sets.iter().map(own).collect::<Vec<_>>()
    };
    // The template of each set, and those of its Representations: whether they have the fault.
    assert_eq!(templates("missing"), ["true  ", "true "]);
    assert_eq!(templates("missing:track=video"), ["true  ", "false "]);
    assert_eq!(templates("missing:track=v2"), ["true  false", "false "]);
    assert_eq!(templates("missing:track=v1"), ["false  true", "false "]);
}

#[test]
fn rendition_reports_have_the_urls_of_the_other_playlists() {
    let output = three_tracks();
    let conditions = Conditions::parse("gap:track=v1").unwrap();
    let view = View::of(&output).under(&conditions, UnixTime::default());
    let (v1, v2) = (track(&output, "v1"), track(&output, "v2"));
    let reports = |id: &TrackId| {
        let playlist = hls::low_latency(&view, id, hls::Skip::No).unwrap();
        let lines = playlist.lines().filter_map(|line| line.strip_prefix("#EXT-X-RENDITION-REPORT:URI=\""));
        lines.map(|line| line.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(reports(&v1), ["../../../../../live/test/v2/llhls.m3u8", "../../../../../live/test/a/llhls.m3u8"]);
    assert_eq!(reports(&v2)[0], "../../../../gap:track=v1/live/test/v1/llhls.m3u8");
}
