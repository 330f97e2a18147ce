//! A Peristyle server as a child process over a temporary folder.

#![allow(clippy::disallowed_methods)] // waits for a process outside, in real time

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::wire::{Address, Protocol, WireConnection};
use crate::failure::Failure;

const START_LIMIT_SECONDS: u64 = 60;
const POLL_MILLIS: u64 = 10;
/// Lines of the server's trace that a failed trial shows.
const TRACE_TAIL_LINES: usize = 20;

/// A running server; killed and removed when dropped.
pub(crate) struct Server {
    child: Child,
    address: Address,
    folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Result<Server, Failure> {
        let folder = TempDir::new()?;
        let socket = free_socket()?;
        let trace = File::create(folder.path().join("trace"))?;
        let child = Command::new(env!("CARGO_BIN_EXE_peristyle"))
            .arg("serve")
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--listen", &socket.to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(trace.try_clone()?)
            .stderr(trace)
            .spawn()?;
        let address = Address { socket, user: "peristyle", database: "peristyle".to_owned() };
        let mut server = Server { child, address, folder };
        wait_until_ready(&mut server.child, &server.address)
            .map_err(|failure| Failure::connection(format!("{}\n{}", failure.message, server.trace_tail())))?;
        Ok(server)
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The end of what the server wrote to its standard output and error.
    pub(crate) fn trace_tail(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("trace")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TRACE_TAIL_LINES)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data is of no more use; both fail only if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback port that nobody listens on now.
pub(super) fn free_socket() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Waits until the server at `address` takes a session; fails when it refuses one for good, or `child` ends before.
pub(super) fn wait_until_ready(child: &mut Child, address: &Address) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_secs(START_LIMIT_SECONDS);
    loop {
        if let Some(status) = child.try_wait()? {
            return Err(Failure::connection(format!("the server ended with {status}")));
        }
        match WireConnection::open(address, Protocol::Simple, "UTC") {
            Ok(_) => return Ok(()),
            Err(failure) if !failure.is_worth_waiting() || Instant::now() > deadline => return Err(failure),
            Err(_) => std::thread::sleep(Duration::from_millis(POLL_MILLIS)),
        }
    }
}
