//! Checks in the sources the direction of dependence that the crate documentation states.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[path = "architecture/documents.rs"]
mod documents;

/// The wings from the lowest to the highest, and the modules of each in order. A wing or module may use only those
/// before it.
const ORDER: &[(&str, &[&str])] = &[
    (
        "base",
        &[
            "timeline",
            "network",
            "format",
            "os_error",
            "problem",
            "suggestion",
            "utc",
            "secret",
            "memory",
            "background",
            "metrics",
            "test_texts",
        ],
    ),
    ("definition", &["condition", "spec", "store"]),
    (
        "media",
        &[
            "signal",
            "still",
            "cmaf",
            "rtp",
            "transport_stream",
            "window",
            "single_file",
            "manifest",
            "truth",
            "pipeline",
            "directory",
        ],
    ),
    ("stream", &[]),
    ("http", &[]),
    ("program", &["config", "telemetry", "shutdown", "wait", "token_file", "app"]),
    (
        "inspect",
        &[
            "boxes",
            "mpd",
            "playlist",
            "reply",
            "rules",
            "difference",
            "finding",
            "stalls",
            "fetch",
            "manifest",
            "check",
            "report",
            "probe",
            "load",
        ],
    ),
    ("cli", &[]),
];
/// Modules without locks, tasks and clocks.
const PURE: [&str; 11] = [
    "base::timeline",
    "definition::condition",
    "definition::spec",
    "media::signal",
    "media::still",
    "media::cmaf",
    "media::rtp",
    "media::transport_stream",
    "media::manifest",
    "media::truth",
    "inspect::rules",
];

/// A source file that is not a test.
struct Source {
    path: PathBuf,
    /// Path from the root of the crate, such as `["media", "window", "output"]`.
    module: Vec<String>,
    /// Text without comments and tests.
    code: String,
}

impl Source {
    fn is_in(&self, module: &str) -> bool {
        let path = self.module.join("::");
        path == module || path.starts_with(&format!("{module}::"))
    }

    /// Wing and module. The module is empty for the root of a wing.
    fn place(&self) -> (&str, &str) {
        let part = |index: usize| self.module.get(index).map_or("", String::as_str);
        (part(0), part(1))
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            let relative = path.strip_prefix(&root).expect("below the root").with_extension("");
            let module: Vec<_> = relative.iter().map(|name| name.to_string_lossy().into_owned()).collect();
            if module.iter().any(|name| name == "tests" || name == "fixture") {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().lines();
                let code = code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
                found.push(Source { path, module, code });
            }
        }
    }
    assert!(found.len() > 40);
    found
}

#[track_caller]
fn check_only(word: &str, allowed: &[&str]) {
    for source in sources() {
        let is_allowed = allowed.iter().any(|module| source.is_in(module));
        assert!(is_allowed || !source.code.contains(word), "{word} in {}", source.path.display());
    }
}

/// Module paths after each `crate::`.
fn used(code: &str) -> BTreeSet<Vec<&str>> {
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut found = BTreeSet::new();
    for path in code.split("crate::").skip(1) {
        let end = path.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(path.len());
        found.insert(path[..end].split("::").take_while(is_name).collect());
    }
    found
}

#[test]
fn wings_and_modules_use_only_earlier_ones() {
    let wing = |name: &str| ORDER.iter().position(|(wing, _)| *wing == name);
    for source in sources() {
        let (own_wing, own_module) = source.place();
        let Some(own) = wing(own_wing) else {
            assert!(["lib", "main"].contains(&own_wing), "{own_wing} has no place in the order");
            continue;
        };
        let modules = ORDER[own].1;
        let place = |module: &str| modules.iter().position(|name| *name == module);
        assert!(
            modules.is_empty() || own_module.is_empty() || place(own_module).is_some(),
            "{own_module} has no place"
        );
        for used in used(&source.code) {
            let other = wing(used.first().copied().unwrap_or_default());
            let path = source.path.display();
            assert!(other.is_some_and(|other| other <= own), "{path} uses {used:?}");
            if let (Some(module), Some(own)) = (used.get(1).filter(|_| other == Some(own)), place(own_module)) {
                assert!(place(module).is_some_and(|module| module <= own), "{path} uses {used:?}");
            }
        }
    }
}

/// For each file of a directory, the files of that directory that it uses: by `super::other::`, or by a name that the
/// parent re-exports from the other.
fn siblings(parent: &Source, all: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let depth = parent.module.len();
    let children: Vec<_> =
        all.iter().filter(|source| source.module.len() > depth && source.module.starts_with(&parent.module)).collect();
    let names: BTreeSet<_> = children.iter().map(|child| child.module[depth].clone()).collect();
    let exported = exports(&parent.code);
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for child in children {
        let own = &child.module[depth];
        let up = "super::".repeat(child.module.len() - depth);
        let absolute = format!("crate::{}::", parent.module.join("::"));
        let found = uses.entry(own.clone()).or_default();
        for reference in [up.as_str(), absolute.as_str()] {
            for name in references(&child.code, reference) {
                let module = if names.contains(&name) { Some(&name) } else { exported.get(&name) };
                found.extend(module.filter(|module| *module != own).cloned());
            }
        }
    }
    uses
}

/// Names after `prefix`, including those of a list in braces.
fn references(code: &str, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(prefix) {
        let before = rest[..at].chars().next_back();
        rest = &rest[at + prefix.len()..];
        // Skips a longer path of `super`, and an identifier that only ends like the prefix.
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') || rest.starts_with("super::") {
            continue;
        }
        let first =
            |text: &str| -> String { text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split_once("};").map_or(list, |(list, _)| list);
                let mut depth = 0;
                for part in list.split(',') {
                    if depth == 0 {
                        found.push(first(part));
                    }
                    depth += part.matches('{').count() as i32 - part.matches('}').count() as i32;
                }
            }
            None => found.push(first(rest)),
        }
    }
    found
}

/// Names that a module re-exports, each with the child it comes from.
fn exports(code: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for statement in code.split(';').map(str::trim) {
        let statement = statement.strip_prefix("pub ").unwrap_or(statement);
        let Some((child, names)) = statement.strip_prefix("use ").and_then(|path| path.split_once("::")) else {
            continue;
        };
        if child.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && !["crate", "super", "std"].contains(&child) {
            for name in names.trim_matches(['{', '}']).split(',') {
                let name = name.rsplit("::").next().unwrap_or_default().trim();
                found.insert(name.to_owned(), child.to_owned());
            }
        }
    }
    found
}

#[test]
fn no_files_of_a_module_depend_on_each_other_in_a_circle() {
    let all = sources();
    let mut circles = Vec::new();
    for parent in &all {
        let uses = siblings(parent, &all);
        for start in uses.keys() {
            let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
            while let Some(name) = open.pop() {
                for next in uses.get(name).into_iter().flatten() {
                    if reached.insert(next) {
                        open.push(next);
                    }
                }
            }
            if reached.contains(start) {
                circles.push(format!("{}::{start} -> {:?}", parent.module.join("::"), uses[start]));
            }
        }
    }
    assert!(circles.is_empty(), "in circles: {circles:?}");
}

#[test]
fn each_library_is_used_in_one_module() {
    check_only("barstone_heap", &["base::memory"]);
    check_only("gstreamer", &["media::pipeline", "inspect::probe::player"]);
    check_only("axum", &["http"]);
    check_only("mp4_atom", &["media::cmaf", "inspect"]);
    check_only("dash_mpd", &["media::manifest", "inspect"]);
    check_only("prometheus_client", &["base::metrics"]);
    check_only("reqwest", &["stream::hooks", "stream::webrtc::push::endpoint", "inspect", "cli"]);
    check_only("str0m", &["stream::webrtc", "inspect::probe::whep"]);
    check_only("quinn_udp", &["stream::webrtc"]);
    check_only("async_nats", &["definition::store"]);
    check_only("schemars", &["definition::spec", "stream", "http"]);
    check_only("anyhow", &["main"]);
}

#[test]
fn only_one_module_reads_the_wall_clock() {
    check_only("SystemTime", &["base::utc"]);
    check_only("Timestamp::now", &["base::utc"]);
}

#[test]
fn pure_modules_have_no_lock_no_task_and_no_clock() {
    for source in sources().into_iter().filter(|source| PURE.iter().any(|module| source.is_in(module))) {
        for word in ["Mutex", "RwLock", ".await", "async fn", "tokio", "Instant", "std::fs", "std::net"] {
            assert!(!source.code.contains(word), "{word} in {}", source.path.display());
        }
    }
}

#[test]
fn files_are_small_enough_to_read() {
    for source in sources() {
        let lines = source.code.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", source.path.display());
    }
}

#[test]
fn the_crate_documentation_names_every_wing() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the crate");
    let rows: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("//! | [`")).collect();
    let named: Vec<_> = rows.iter().filter_map(|row| Some(row.split_once('`')?.0)).collect();
    assert_eq!(named, ORDER.iter().map(|(wing, _)| *wing).collect::<Vec<_>>());
}
