//! A Peristyle server as a child process over a temporary folder.

#![allow(clippy::disallowed_methods)] // waits for a process outside, in real time

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::wire::Address;
use crate::failure::Failure;

const START_LIMIT_SECONDS: u64 = 60;
const POLL_MILLIS: u64 = 10;
/// The system chooses a port that nobody has.
const ANY_PORT: &str = "127.0.0.1:0";
/// The file of the server's standard output and error, in its folder.
const TRACE: &str = "trace";
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
        let trace = File::create(folder.path().join(TRACE))?;
        let child = Command::new(env!("CARGO_BIN_EXE_peristyle"))
            .arg("serve")
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--listen", ANY_PORT])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(trace.try_clone()?)
            .stderr(trace)
            .spawn()?;
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let address = Address { socket: nowhere, user: "peristyle", database: "peristyle".to_owned() };
        let mut server = Server { child, address, folder };
        server.address.socket = server.wait_for_socket().map_err(|failure| server.with_trace(&failure))?;
        Ok(server)
    }

    /// Waits until the server says where it listens: from then on it takes sessions. A port chosen here could be
    /// taken by another server before this one listens.
    fn wait_for_socket(&mut self) -> Result<SocketAddr, Failure> {
        let trace = self.folder.path().join(TRACE);
        wait_for(&mut self.child, || Ok(told_socket(&read(&trace))))
    }

    fn with_trace(&self, failure: &Failure) -> Failure {
        Failure::connection(format!("{}\n{}", failure.message, self.trace_tail()))
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The end of what the server wrote to its standard output and error.
    pub(crate) fn trace_tail(&self) -> String {
        let text = read(&self.folder.path().join(TRACE));
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

/// Where the server says that psql reaches it: the line `  psql -h HOST -p PORT …`, once it is whole.
fn told_socket(trace: &str) -> Option<SocketAddr> {
    let (line, _) = trace.split_once("  psql -h ")?.1.split_once('\n')?;
    let (host, rest) = line.split_once(" -p ")?;
    let (port, _) = rest.split_once(' ')?;
    Some(SocketAddr::new(host.parse().ok()?, port.parse().ok()?))
}

fn read(trace: &Path) -> String {
    std::fs::read_to_string(trace).unwrap_or_default()
}

/// Looks until there is something; fails when a look fails, `child` ends or the limit is over.
pub(super) fn wait_for<T>(
    child: &mut Child,
    mut look: impl FnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + Duration::from_secs(START_LIMIT_SECONDS);
    loop {
        if let Some(status) = child.try_wait()? {
            return Err(Failure::connection(format!("the server ended with {status}")));
        }
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(Failure::connection(format!("the server is not ready after {START_LIMIT_SECONDS} s")));
        }
        std::thread::sleep(Duration::from_millis(POLL_MILLIS));
    }
}
