//! Checks links and examples in README.md and the documentation.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

const MOST_README_LINES: usize = 150;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Markdown files at the root and in docs/.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in [root(), root().join("docs")] {
        let entries = fs::read_dir(&directory).expect("a directory").flatten().map(|entry| entry.path());
        found.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    assert!(found.len() > 20, "{found:?}");
    found
}

/// Text without fenced blocks and inline code, with the same number of lines.
fn prose(text: &str) -> String {
    let mut in_fence = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    prose
}

/// Targets of inline links.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// Anchors of headings, as hosting services generate them.
fn anchors(text: &str) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut in_fence = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_fence = !in_fence;
        }
        let heading = line.trim_start_matches('#');
        if in_fence || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let text = heading.trim().chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        let anchor: String = text.collect::<String>().to_lowercase().replace(' ', "-");
        let count = counts.entry(anchor.clone()).or_default();
        found.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
        *count += 1;
    }
    found
}

/// Describes the error of a link to `target` in `document`, if it is broken.
fn broken(document: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => document.to_owned(),
        file => document.parent()?.join(file),
    };
    if !path.exists() {
        return Some(format!("{}: {target}: no such file", document.display()));
    }
    if anchor.is_empty() || anchors(&read(&path)).iter().any(|known| known == anchor) {
        return None;
    }
    Some(format!("{}: {target}: no such heading", document.display()))
}

#[test]
fn every_link_in_the_documentation_has_a_target() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for document in documents() {
        for target in links(&read(&document)) {
            count += 1;
            wrong.extend(broken(&document, &target));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 100, "{count} links");
}

#[test]
fn a_broken_link_is_found() {
    let readme = root().join("README.md");
    let text = "[a](docs/README.md#play) `[b](nowhere)` [c](docs/nowhere.md)\n```\n[d](nowhere)\n```\n[e](docs/README.md#nowhere)";
    let wrong: Vec<_> = links(text).iter().filter_map(|target| broken(&readme, target)).collect();
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].ends_with("docs/nowhere.md: no such file") && wrong[1].ends_with("no such heading"), "{wrong:?}");
}

#[test]
fn every_document_is_in_the_index() {
    let index = root().join("docs/README.md");
    let listed = links(&read(&index));
    for document in documents().iter().filter(|path| path.starts_with(root().join("docs")) && **path != index) {
        let name = document.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(listed.contains(&name), "{name}");
    }
}

#[test]
fn the_readme_fits_on_one_page() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(lines <= MOST_README_LINES, "{lines} lines");
}
