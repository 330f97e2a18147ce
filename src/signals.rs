//! SIGTERM and SIGINT: the first stops the server in order, the second at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// Exit code when a second signal does not wait for the orderly stop.
const IMPATIENT_EXIT_CODE: i32 = 1;

/// The signals that ask for a stop.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From now on the signals do not end the process by themselves.
    pub fn listen() -> io::Result<StopSignals> {
        Ok(StopSignals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the first signal. The next one ends the process; nothing acknowledged is lost by it.
    pub async fn first(mut self) {
        let signal = self.next().await;
        info!(signal, "stopping");
        tokio::spawn(async move {
            let signal = self.next().await;
            warn!(signal, "stopping at once; the next start replays the log");
            std::process::exit(IMPATIENT_EXIT_CODE);
        });
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
