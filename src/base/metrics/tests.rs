use super::*;

/// Adds a value for `stream` to every family with a stream label.
fn count_all(metrics: &Metrics, stream: &str) {
    let Metrics {
        registry: _,
        process: _,
        chunks,
        publish_lag: _,
        encode_lag: _,
        restarts,
        running,
        streams: _,
        oversized,
        skipped,
        jumps,
        directory_errors,
        clock_offset: _,
        pixels_used: _,
        pixels_capacity: _,
        hook_deliveries: _,
        connections: _,
        connections_refused: _,
        requests: _,
        conditions: _,
        archive_hits: _,
        archive_renders: _,
        archive_seconds: _,
        archive_refused: _,
        archive_bytes: _,
        blocked: _,
        egress: _,
        stream_egress,
        viewers,
        refused_viewers,
        reader_skips,
        push_running,
        push_failures,
        push_bytes,
        webrtc: _,
    } = metrics;
    for family in
        [chunks, oversized, skipped, jumps, directory_errors, stream_egress, reader_skips, push_failures, push_bytes]
    {
        family.get_or_create(&labels(stream)).inc();
    }
    for family in [running, push_running] {
        family.get_or_create(&labels(stream)).set(1);
    }
    let stream = || stream.to_owned();
    for reason in RestartLabels::REASONS {
        restarts.get_or_create(&RestartLabels { stream: stream(), reason }).inc();
    }
    for format in Format::ALL.map(Format::as_str).into_iter().chain([ViewerLabels::WEBRTC]) {
        viewers.get_or_create(&ViewerLabels { stream: stream(), format }).set(1);
    }
    for reason in RefusedViewerLabels::REASONS {
        refused_viewers.get_or_create(&RefusedViewerLabels { stream: stream(), reason }).inc();
    }
}

#[test]
fn a_forgotten_stream_has_no_metrics_left() {
    let metrics = Metrics::new();
    count_all(&metrics, "kept");
    count_all(&metrics, "gone");
    let lines = |stream: &str| metrics.text().lines().filter(|line| line.contains(&format!("\"{stream}\""))).count();
    let all = lines("kept");
    assert_eq!(lines("gone"), all);
    metrics.forget("gone");
    assert_eq!((lines("kept"), lines("gone")), (all, 0));
}

#[test]
fn the_documentation_lists_every_metric_and_no_other() {
    let metrics = Metrics::new();
    // A family without values is not part of the text.
    count_all(&metrics, "test");
    metrics.streams.get_or_create(&PhaseLabels { phase: "running" }).set(1);
    metrics.hook_deliveries.get_or_create(&HookLabels { outcome: "failed" }).inc();
    metrics.connections_refused.get_or_create(&RefusedConnectionLabels { reason: "all" }).inc();
    metrics.requests.get_or_create(&RequestLabels { kind: "api", status: 200 }).inc();
    metrics.conditions.get_or_create(&ConditionLabels { condition: "delay" }).inc();
    metrics.webrtc.sessions.get_or_create(&TransportLabels::of(false)).inc();
    metrics.webrtc.round_trip.get_or_create(&DirectionLabels { direction: "whep" }).observe(0.1);
    metrics.webrtc.refused.get_or_create(&RefusedSessionLabels { reason: "all" }).inc();

    let document = include_str!("../../../docs/monitoring.md");
    let section = document.split("\n## ").find(|section| section.starts_with("Metrics\n"));
    let cells = |row: &'static str| -> Option<(&str, &str, &str)> {
        let mut cells = row.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.trim_matches('`'), cells.next()?, cells.nth(1)?.trim_end_matches(" |")))
    };
    let listed: Vec<_> = section.unwrap().lines().filter_map(cells).collect();
    let text = metrics.text();
    let about = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} "))).unwrap();
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let exposed: Vec<_> = kinds.map(|(name, kind)| (name, kind, about(name).trim_end_matches('.'))).collect();
    assert_eq!(listed, exposed);
}
