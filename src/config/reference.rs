//! docs/settings.md, made from the table of settings. `PERISTYLE_TEST_WRITE=1 cargo test --lib settings_page` writes
//! it anew.

use std::path::Path;

use super::Config;
use super::keys::{SECTIONS, Section};

const INTRODUCTION: &str = "\
# Settings

Every setting is an argument (`--drain-seconds 60`), a variable of the environment (`PERISTYLE_DRAIN_SECONDS=60`) and a
key of the TOML file that `--config FILE` or `PERISTYLE_CONFIG` names (`drain_seconds = 60`). An argument wins over the
environment, that over the file. Bytes may be written as `64MiB`. A bad setting stops the start with its name.

This page is made from the source; `cargo test` compares the two.
";

#[test]
fn the_settings_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let wanted = page();
    if std::env::var_os("PERISTYLE_TEST_WRITE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), wanted, "run it again with PERISTYLE_TEST_WRITE=1");
}

fn page() -> String {
    let sections: String = SECTIONS.iter().map(table).collect();
    format!("{INTRODUCTION}{sections}")
}

fn table(section: &Section) -> String {
    let defaults = Config::default();
    let rows = section.keys.iter().map(|key| {
        let default = (key.show)(&defaults);
        let default = if default.is_empty() { default } else { format!("`{default}`") };
        format!("| `{}` | {default} | {} |\n", key.name, key.help.replace('|', "\\|"))
    });
    format!("\n## {}\n\n| key | default | is |\n|---|---|---|\n{}", section.title, rows.collect::<String>())
}
