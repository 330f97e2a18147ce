//! The `peristyle` program: reads its configuration, serves, and stops in order on SIGTERM.

use std::process::ExitCode;

use peristyle::commands;
use peristyle::config::{self, Command, Config};
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
        Ok(code) => code,
        Err(failure) => {
            eprintln!("peristyle: {failure}");
            if parsed.command == Command::Serve { ExitCode::FAILURE } else { ExitCode::from(commands::COULD_NOT_LOOK) }
        }
    }
}

fn run(parsed: &config::Parsed) -> Result<ExitCode, Failure> {
    let config = config::load(parsed, |name| std::env::var(name).ok())?;
    trace::start(&config)?;
    arm_fail_point()?;
    io_runtime(&config)?.block_on(async {
        match parsed.command {
            Command::Serve => serve(&config).await.map(|()| ExitCode::SUCCESS),
            Command::Check { quick } => Ok(commands::check(&config, quick).await?),
            Command::Repair(repair) => Ok(commands::repair(&config, repair).await?),
            Command::Restore => Ok(commands::restore(&config).await?),
        }
    })
}

/// For tests of debug builds.
fn arm_fail_point() -> Result<(), Failure> {
    #[cfg(debug_assertions)]
    if let Ok(text) = std::env::var("PERISTYLE_FAIL_POINT")
        && !text.is_empty()
    {
        peristyle_catalog::fail_points::arm(&text)?;
    }
    Ok(())
}

async fn serve(config: &Config) -> Result<(), Failure> {
    let signals = StopSignals::listen()?;
    let server = Server::start(config).await?;
    println!("Peristyle {} serves {}", env!("CARGO_PKG_VERSION"), config.data_dir.display());
    println!("  {}", psql_line(server.address()));
    signals.first().await;
    Ok(server.stop().await?)
}
