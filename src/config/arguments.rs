//! The command line: every setting is an argument, made from the table of settings.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::keys::{self, SECTIONS};
use crate::config::Config;

const ABOUT: &str =
    "An analytical database server: PostgreSQL's wire protocol in front, columnar partitions on object storage behind.";

const LONG_ABOUT: &str = "\
An analytical database server: PostgreSQL's wire protocol in front, columnar partitions on object storage behind.

Without a command it serves. Start it, then type the psql line that it prints.";

const AFTER_HELP: &str = "\
Every setting is an argument (--drain-seconds 60), a variable of the environment (PERISTYLE_DRAIN_SECONDS=60) and a key \
of the TOML file (drain_seconds = 60). An argument wins over the environment, that over the file. Bytes may be written \
as 64MiB.";

/// The widest line of help, in columns.
const HELP_COLUMNS: usize = 110;

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The file to read.
    pub config_file: Option<PathBuf>,
    /// Settings by name.
    pub settings: Vec<(String, String)>,
}

/// Reads a command line. The error knows how to print itself and the exit code: help and version are such errors.
pub fn parse_arguments(line: impl IntoIterator<Item = OsString>) -> Result<Parsed, clap::Error> {
    let matches = command().try_get_matches_from(line)?;
    let matches = matches.subcommand().map_or(&matches, |(_, serve)| serve);
    Ok(Parsed { config_file: matches.get_one("config").cloned(), settings: settings(matches) })
}

fn settings(matches: &ArgMatches) -> Vec<(String, String)> {
    let given = |name| matches.get_one::<String>(name).cloned();
    keys::all().filter_map(|key| Some((key.name.to_owned(), given(key.name)?))).collect()
}

fn command() -> Command {
    let serve = Command::new("serve")
        .about("Open or create a data folder and serve clients until SIGTERM or SIGINT")
        .max_term_width(HELP_COLUMNS)
        .after_long_help(AFTER_HELP)
        .args(arguments());
    Command::new("peristyle")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .long_about(LONG_ABOUT)
        .after_help("--help lists all settings.")
        .after_long_help(AFTER_HELP)
        .max_term_width(HELP_COLUMNS)
        .args_conflicts_with_subcommands(true)
        .args(arguments())
        .subcommand(serve)
}

fn arguments() -> Vec<Arg> {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help_heading(SECTIONS[0].title)
        .help("TOML file of settings");
    let defaults = Config::default();
    let mut arguments = vec![config];
    for (at, section) in SECTIONS.iter().enumerate() {
        arguments.extend(section.keys.iter().map(|key| {
            Arg::new(key.name)
                .long(key.argument())
                .value_name(key.value_name())
                .help_heading(section.title)
                .hide_short_help(at > 0)
                .help(help_line(key.help, &(key.show)(&defaults)))
        }));
    }
    arguments
}

fn help_line(help: &str, default: &str) -> String {
    if default.is_empty() { help.to_owned() } else { format!("{help} [default: {default}]") }
}
