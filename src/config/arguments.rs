//! The command line: every setting is an argument, made from the table of settings.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

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

const SERVE: &str = "serve";
const CHECK: &str = "check";
const REPAIR: &str = "repair";
const RESTORE: &str = "restore";
const QUICK: &str = "quick";
const CUT_LOG: &str = "cut-log";
const FORGET_LOST: &str = "forget-lost";

const TAKE_OVER_STORE: &str = "take-over-store";
const TAKE_OVER_HELP: &str =
    "Take the store although another server's mark is on it; for one start, when that server is gone for good";

const CHECK_ABOUT: &str = "Look whether a data folder that no server has open, and its store, are whole. Exits with 0 if they are, with 1 if \
not, with 2 if it could not look";
const REPAIR_ABOUT: &str = "Mend a data folder that no server has open. What costs rows is only done where a flag accepts it; without \
the flag it says what would be lost. Exits with 0 if all is mended, with 1 if something is left";
const RESTORE_ABOUT: &str =
    "Make a data folder anew (--data-dir, not there yet or empty) from what a store (--store) holds";
const QUICK_HELP: &str = "Compare sizes and footers of objects, and do not read them to their end";

/// The widest line of help, in columns.
const HELP_COLUMNS: usize = 110;

/// What the program is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Command {
    #[default]
    Serve,
    /// Look whether a data folder and its store are whole.
    Check {
        /// Without reading the objects to their end.
        quick: bool,
    },
    /// Mend what a check found.
    Repair(Repair),
    /// Make a data folder from the store alone.
    Restore,
}

/// Which losses a repair may make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// End the log where it cannot be read.
    pub cut_log: bool,
    /// Take out of their tables the rows that cannot be read.
    pub forget_lost: bool,
    /// As of [`Command::Check`].
    pub quick: bool,
}

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The command.
    pub command: Command,
    /// See [`Config::takes_over_store`].
    pub takes_over_store: bool,
    /// The file to read.
    pub config_file: Option<PathBuf>,
    /// Settings by name.
    pub settings: Vec<(String, String)>,
}

/// Reads a command line. The error knows how to print itself and the exit code: help and version are such errors.
pub fn parse_arguments(line: impl IntoIterator<Item = OsString>) -> Result<Parsed, clap::Error> {
    let matches = command().try_get_matches_from(line)?;
    let (name, matches) = matches.subcommand().unwrap_or((SERVE, &matches));
    let command = command_of(name, matches);
    Ok(Parsed {
        command,
        takes_over_store: matches.get_flag(TAKE_OVER_STORE),
        config_file: matches.get_one("config").cloned(),
        settings: settings(matches),
    })
}

fn command_of(name: &str, matches: &ArgMatches) -> Command {
    match name {
        CHECK => Command::Check { quick: matches.get_flag(QUICK) },
        REPAIR => Command::Repair(Repair {
            cut_log: matches.get_flag(CUT_LOG),
            forget_lost: matches.get_flag(FORGET_LOST),
            quick: matches.get_flag(QUICK),
        }),
        RESTORE => Command::Restore,
        _ => Command::Serve,
    }
}

fn settings(matches: &ArgMatches) -> Vec<(String, String)> {
    let given = |name| matches.get_one::<String>(name).cloned();
    keys::all().filter_map(|key| Some((key.name.to_owned(), given(key.name)?))).collect()
}

fn command() -> clap::Command {
    let subcommand = |name, about| {
        clap::Command::new(name).about(about).max_term_width(HELP_COLUMNS).after_long_help(AFTER_HELP).args(arguments())
    };
    let serve = subcommand(SERVE, "Open or create a data folder and serve clients until SIGTERM or SIGINT");
    let check = subcommand(CHECK, CHECK_ABOUT).arg(flag(QUICK, QUICK_HELP));
    let repair = subcommand(REPAIR, REPAIR_ABOUT)
        .arg(flag(CUT_LOG, "End the log where it cannot be read; every commit behind that place is lost"))
        .arg(flag(FORGET_LOST, "Take out of their tables the rows whose log or objects cannot be read"))
        .arg(flag(QUICK, QUICK_HELP));
    let restore = subcommand(RESTORE, RESTORE_ABOUT);
    clap::Command::new("peristyle")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .long_about(LONG_ABOUT)
        .after_help("--help lists all settings.")
        .after_long_help(AFTER_HELP)
        .max_term_width(HELP_COLUMNS)
        .args_conflicts_with_subcommands(true)
        .args(arguments())
        .subcommands([serve, check, repair, restore])
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn arguments() -> Vec<Arg> {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help_heading(SECTIONS[0].title)
        .help("TOML file of settings");
    let defaults = Config::default();
    let take_over = flag(TAKE_OVER_STORE, TAKE_OVER_HELP).help_heading(SECTIONS[0].title);
    let mut arguments = vec![config, take_over];
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
