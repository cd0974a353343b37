//! Stills as ffmpeg sees them: the same picture as a decoder sees in the segment of that moment.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use barstone::base::timeline::UnixTime;
use barstone::definition::condition::Moment;
use tempfile::TempDir;

use crate::support::server::Server;
use crate::support::web::Web;

const SIZE: (usize, usize) = (1280, 720);
const SEGMENT_MILLIS: u64 = 1920;
/// Pixels of a side of the squares that are compared.
const SIDE: usize = 16;
/// Distance of the squares from edges, in pixels.
const MARGIN: usize = 8;
/// Allowed difference of a colour of a square, in levels of 255.
const TOLERANCE: f64 = 3.0;

/// The first picture of a file as R, G and B of each pixel, as ffmpeg decodes it.
fn decoded(file: &Path) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(file)
        .args(["-frames:v", "1", "-pix_fmt", "rgb24", "-sws_flags", "accurate_rnd+full_chroma_int", "-f", "rawvideo"])
        .arg("pipe:1")
        .output()
        .expect("ffmpeg is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout.len(), SIZE.0 * SIZE.1 * 3, "{}", file.display());
    output.stdout
}

/// The colours of a square with an upper left corner and a side in pixels.
fn square(pixels: &[u8], (x, y): (usize, usize), side: usize) -> Vec<[u8; 3]> {
    (y..y + side).flat_map(|y| pixels[(y * SIZE.0 + x) * 3..][..side * 3].as_chunks::<3>().0).copied().collect()
}

fn mean(colours: &[[u8; 3]]) -> [f64; 3] {
    let sum = |part: usize| colours.iter().map(|colour| f64::from(colour[part])).sum::<f64>();
    [0, 1, 2].map(|part| sum(part) / colours.len() as f64)
}

/// Upper left corners of squares of one colour, each with a margin that keeps edges away, which an encoder blurs.
fn even_squares(pixels: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let side = SIDE + 2 * MARGIN;
    let rows = (0..=SIZE.1 - side).step_by(SIDE);
    let corners = rows.flat_map(move |y| (0..=SIZE.0 - side).step_by(SIDE).map(move |x| (x, y)));
    let is_even = move |colours: Vec<[u8; 3]>| colours.windows(2).all(|pair| pair[0] == pair[1]);
    corners.filter(move |corner| is_even(square(pixels, *corner, side))).map(|(x, y)| (x + MARGIN, y + MARGIN))
}

#[track_caller]
fn check_same(name: &str, still: &[u8], live: &[u8], exact: &[u8]) {
    let mut compared = BTreeSet::new();
    for corner in even_squares(exact) {
        let [one, other] = [still, live].map(|pixels| mean(&square(pixels, corner, SIDE)));
        let is_near = one.iter().zip(other).all(|(level, other)| (level - other).abs() <= TOLERANCE);
        assert!(is_near, "{name}: at {corner:?} is {one:?}, and in the segment {other:?}");
        compared.insert(one.map(|level| level.round() as u64));
    }
    assert!(compared.len() >= 10, "{name}: only the colours {compared:?} were compared");
}

#[tokio::test]
async fn a_still_has_the_colours_of_the_decoded_frame_of_its_moment() {
    let server = Server::shared();
    let (web, directory) = (Web::of(&server), TempDir::new().expect("a directory"));
    web.playable("test").await;
    let playlist = web.playlist("test", "v720").await;
    let segment = playlist.segments.last().expect("a segment");
    let mut media = web.media("test", "v720", &playlist.init()).await.to_vec();
    media.extend_from_slice(&web.media("test", "v720", &segment.uri).await);
    let moment = Moment::At(UnixTime::from_millis(segment.number * SEGMENT_MILLIS));
    let mut files = vec![("live.mp4", media)];
    for name in ["still.png", "still.jpg"] {
        files.push((name, web.fetch(&format!("/live/test/{name}?at={moment}")).await.to_vec()));
    }
    let [live, png, jpg] = [0, 1, 2].map(|place| {
        let (name, bytes) = &files[place];
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("it is written");
        decoded(&path)
    });
    check_same("PNG", &png, &live, &png);
    check_same("JPEG", &jpg, &live, &png);
}
