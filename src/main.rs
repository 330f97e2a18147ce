//! The `peristyle` program: reads its configuration, serves, and stops in order on SIGTERM.

use std::process::ExitCode;

use peristyle::config::{self, Config};
use peristyle::server::{Server, io_runtime, psql_line};
use peristyle::signals::StopSignals;
use peristyle::trace;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let parsed = match config::parse_arguments(std::env::args_os()) {
        Ok(parsed) => parsed,
        Err(answer) => answer.exit(),
    };
    match run(&parsed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("peristyle: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(parsed: &config::Parsed) -> Result<(), Failure> {
    let config = config::load(parsed, |name| std::env::var(name).ok())?;
    trace::start(&config)?;
    io_runtime(&config)?.block_on(serve(&config))
}

async fn serve(config: &Config) -> Result<(), Failure> {
    let signals = StopSignals::listen()?;
    let server = Server::start(config).await?;
    println!("Peristyle {} serves {}", env!("CARGO_PKG_VERSION"), config.data_dir.display());
    println!("  {}", psql_line(server.address()));
    signals.first().await;
    Ok(server.stop().await?)
}
