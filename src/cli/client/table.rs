//! The list of streams as a table.

use std::iter;

use super::answer::{Stream, one_line, to_the_second};

const HEAD: [&str; COLUMNS] = ["NAME", "PHASE", "SINCE", "VIEWERS", "REVISION", "ERROR"];
const COLUMNS: usize = 6;
/// Width of a table in columns, the default of terminals.
const WIDTH: usize = 80;
/// Minimum width of an error in columns, however long the names are.
const LEAST: usize = 16;

/// A head and one line for each stream. Errors are cut to fit the width; names never are.
pub(super) fn table(streams: &[Stream]) -> String {
    let rows: Vec<[String; COLUMNS]> = iter::once(HEAD.map(str::to_owned)).chain(streams.iter().map(row)).collect();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| width(&rows, column));
    let room = WIDTH.saturating_sub(widths[..COLUMNS - 1].iter().map(|width| width + 2).sum()).max(LEAST);
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths).take(COLUMNS - 1) {
            line.push_str(&format!("{cell:width$}  "));
        }
        line.push_str(&cut(&row[COLUMNS - 1], room));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(stream: &Stream) -> [String; COLUMNS] {
    let Stream { name, phase, since, revision, error, viewers } = stream;
    let viewers = viewers.as_ref().map_or_else(String::new, |viewers| viewers.current.to_string());
    let error = one_line(error.as_deref().unwrap_or_default());
    [one_line(name), one_line(phase), to_the_second(since), viewers, one_line(revision), error]
}

fn width(rows: &[[String; COLUMNS]], column: usize) -> usize {
    rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
}

fn cut(text: &str, room: usize) -> String {
    match text.chars().count() <= room {
        true => text.to_owned(),
        false => text.chars().take(room - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Viewers;
    use super::*;

    fn stream(name: &str, phase: &str, error: Option<&str>) -> Stream {
        let (since, revision) = ("2026-11-21T13:55:17.250Z".into(), "0123abcd".into());
        let viewers = Some(Viewers { current: 12, peak: 20, peak_at: None });
        Stream { name: name.into(), phase: phase.into(), since, revision, error: error.map(str::to_owned), viewers }
    }

    #[test]
    fn columns_are_as_wide_as_their_contents() {
        let streams = [stream("test", "running", None), stream("radio-two", "failed", Some("x264enc is missing"))];
        insta::assert_snapshot!(table(&streams), @"
        NAME       PHASE    SINCE                 VIEWERS  REVISION  ERROR
        test       running  2026-11-21T13:55:17Z  12       0123abcd
        radio-two  failed   2026-11-21T13:55:17Z  12       0123abcd  x264enc is missing
        ");
    }

    #[test]
    fn an_empty_list_has_a_head() {
        insta::assert_snapshot!(table(&[]), @"NAME  PHASE  SINCE  VIEWERS  REVISION  ERROR");
    }

    #[test]
    fn an_error_is_cut_at_the_end_of_the_line() {
        let text = table(&[stream("test", "waiting", Some(&"ä\n".repeat(60)))]);
        insta::assert_snapshot!(text, @"
        NAME  PHASE    SINCE                 VIEWERS  REVISION  ERROR
        test  waiting  2026-11-21T13:55:17Z  12       0123abcd  ä ä ä ä ä ä ä ä ä ä ä ä…
        ");
        assert_eq!(text.lines().map(|line| line.chars().count()).max(), Some(WIDTH));
    }

    #[test]
    fn a_name_is_never_cut_and_leaves_room_for_the_error() {
        let text = table(&[stream(&"n".repeat(63), "waiting", Some("the encoder has stalled"))]);
        assert!(text.contains(&"n".repeat(63)) && text.contains("the encoder has"), "{text}");
    }
}
