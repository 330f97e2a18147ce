//! The maps lead to files that exist: every path that ARCHITECTURE.md and the decision records name.

use std::fs;
use std::path::{Path, PathBuf};

/// Fewer paths than this in ARCHITECTURE.md mean that they are not found any more.
const PATHS_MIN: usize = 80;

#[test]
fn every_path_in_the_maps_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let missing: Vec<String> = maps(root).iter().flat_map(|map| missing_paths(root, map)).collect();
    assert!(missing.is_empty(), "named but not there:\n{}", missing.join("\n"));
}

#[test]
fn paths_are_found_in_the_text() {
    let found = paths("see `src/main.rs`, `README.md`, `a b/c`, `max_rows`, `tests/run` and\n```\nx/y\n```\n`sql/src`");
    assert_eq!(found, ["src/main.rs", "README.md", "tests/run", "sql/src"]);
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    assert!(paths(&text).len() >= PATHS_MIN);
}

fn maps(root: &Path) -> Vec<PathBuf> {
    let records = fs::read_dir(root.join("docs/decisions")).unwrap();
    let mut maps: Vec<PathBuf> = records.map(|record| record.unwrap().path()).collect();
    maps.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    maps.push(root.join("ARCHITECTURE.md"));
    maps
}

fn missing_paths(root: &Path, map: &Path) -> Vec<String> {
    let text = fs::read_to_string(map).unwrap();
    let missing = paths(&text).into_iter().filter(|path| !root.join(path).exists());
    missing.map(|path| format!("{}: {path}", map.display())).collect()
}

/// What stands in backticks and looks like a path from the root.
fn paths(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|quoted| is_path(quoted)).collect()
}

fn is_path(quoted: &str) -> bool {
    let is_word = quoted.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    is_word && (quoted.contains('/') || quoted.ends_with(".rs") || quoted.ends_with(".md"))
}
