//! Reads the sources and keeps the direction of dependence that the crate documentation states.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules in the order in which they may use each other: only what stands before.
const ORDER: &[&str] = &[
    "timeline",
    "network",
    "utc",
    "secret",
    "spec",
    "audience",
    "metrics",
    "edited",
    "viewer_token",
    "signal",
    "cmaf",
    "window",
    "manifest",
    "pipeline",
    "directory",
    "definitions",
    "stream",
    "hooks",
    "config",
    "http",
    "client",
    "telemetry",
    "shutdown",
    "wait",
    "app",
    "cli",
];
const PURE: [&str; 5] = ["timeline", "spec", "signal", "cmaf", "manifest"];

/// Every source file outside tests, with the module that it belongs to and its code without comments.
fn sources() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
                let relative = path.strip_prefix(&root).expect("below the root");
                let first = relative.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
                let text = fs::read_to_string(&path).expect("a source file");
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().lines();
                let code = code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
                found.push((path.clone(), first.trim_end_matches(".rs").to_owned(), code));
            }
        }
    }
    assert!(found.len() > 40);
    found
}

#[track_caller]
fn check_only(word: &str, allowed: &[&str]) {
    for (path, module, code) in sources() {
        assert!(allowed.contains(&module.as_str()) || !code.contains(word), "{word} in {}", path.display());
    }
}

#[test]
fn modules_use_only_what_stands_before_them() {
    let place = |module: &str| ORDER.iter().position(|name| *name == module);
    for (path, module, code) in sources() {
        let Some(own) = place(&module) else {
            assert!(["lib", "main"].contains(&module.as_str()), "{module} has no place in the order");
            continue;
        };
        for used in ORDER.iter().filter(|used| code.contains(&format!("crate::{used}"))) {
            assert!(place(used).unwrap() <= own, "{} uses {used}", path.display());
        }
    }
}

#[test]
fn each_library_is_known_in_one_place() {
    check_only("gstreamer", &["pipeline"]);
    check_only("axum", &["http"]);
    check_only("mp4_atom", &["cmaf"]);
    check_only("dash_mpd", &["manifest"]);
    check_only("prometheus_client", &["metrics"]);
    check_only("reqwest", &["hooks", "client"]);
    check_only("async_nats", &["definitions"]);
    check_only("schemars", &["spec", "stream", "http"]);
    check_only("anyhow", &["main"]);
}

#[test]
fn only_one_module_reads_the_wall_clock() {
    check_only("SystemTime", &["utc"]);
    check_only("Timestamp::now", &["utc"]);
}

#[test]
fn pure_modules_have_no_lock_no_task_and_no_clock() {
    for (path, _, code) in sources().into_iter().filter(|(_, module, _)| PURE.contains(&module.as_str())) {
        for word in ["Mutex", "RwLock", ".await", "async fn", "tokio", "Instant", "std::fs", "std::net"] {
            assert!(!code.contains(word), "{word} in {}", path.display());
        }
    }
}

#[test]
fn files_are_small_enough_to_read() {
    for (path, _, code) in sources() {
        assert!(code.lines().count() <= 400, "{} has {} lines", path.display(), code.lines().count());
    }
}
