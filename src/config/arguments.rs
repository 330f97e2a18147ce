//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::keys;

/// An analytical database server: PostgreSQL's wire protocol in front, columnar partitions on object storage behind.
///
/// Without a command it serves. Start it, then type the psql line that it prints.
#[derive(Debug, Parser)]
#[command(name = "peristyle", version, args_conflicts_with_subcommands = true, max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open or create a data folder and serve clients until SIGTERM or SIGINT.
    Serve(ServeArguments),
}

#[derive(Clone, Debug, Default, Args)]
struct ServeArguments {
    /// Folder of the log and the index; made if it is not there [default: ./peristyle-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Where clients connect; a loopback address until passwords exist [default: 127.0.0.1:5433]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where objects are kept: file:///folder or s3://bucket/prefix (endpoint, region and credentials from the usual
    /// AWS variables) [default: file://<data-dir>/objects]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// TOML file of settings [env: PERISTYLE_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Offer TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE")]
    tls_cert_file: Option<String>,
    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key_file: Option<String>,
    /// What is traced to stderr: error, warn, info, debug, trace, or target=level,… [default: $RUST_LOG or warn]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Form of the trace: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Set any setting of the list below; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = assignment)]
    settings: Vec<(String, String)>,
}

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The file to read.
    pub config_file: Option<PathBuf>,
    /// Settings by name; a later one wins.
    pub settings: Vec<(String, String)>,
}

/// Reads a command line. The error knows how to print itself and the exit code: help and version are such errors.
pub fn parse_arguments(line: impl IntoIterator<Item = OsString>) -> Result<Parsed, clap::Error> {
    let list = format!(
        "Settings: as --set KEY=VALUE, as PERISTYLE_KEY in the environment, or as a key of the file; an argument \
         wins over the environment, that over the file. Sizes may be written as 64MiB.\n{}",
        keys::help()
    );
    let matches = Arguments::command().after_long_help(list).try_get_matches_from(line)?;
    let arguments = Arguments::from_arg_matches(&matches)?;
    let serve = match arguments.command {
        Some(Command::Serve(serve)) => serve,
        None => arguments.serve,
    };
    Ok(serve.into())
}

impl From<ServeArguments> for Parsed {
    fn from(serve: ServeArguments) -> Parsed {
        let flags = [
            ("data_dir", serve.data_dir),
            ("listen", serve.listen),
            ("store", serve.store),
            ("tls_cert_file", serve.tls_cert_file),
            ("tls_key_file", serve.tls_key_file),
            ("log_level", serve.log_level),
            ("log_format", serve.log_format),
        ];
        let mut settings = serve.settings;
        settings.extend(flags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Parsed { config_file: serve.config, settings }
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
