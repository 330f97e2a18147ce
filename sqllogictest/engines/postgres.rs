//! The oracle: a throwaway PostgreSQL 15 of collation `C` over a temporary folder, one database per trial.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::server::wait_for;
use super::wire::{Address, Protocol, WireConnection};
use crate::failure::Failure;

/// The version whose behaviour the suites hold.
const MAJOR_VERSION: u32 = 15;
/// The superuser is named as Peristyle's.
const SUPERUSER: &str = "peristyle";
const SYSTEM_USER: &str = "postgres";
const MAINTENANCE_DATABASE: &str = "postgres";
const UTC: &str = "UTC";

/// A running PostgreSQL; stopped and removed when dropped.
pub(crate) struct Oracle {
    binaries: PathBuf,
    account: Option<Account>,
    folder: TempDir,
    socket: SocketAddr,
    process: Child,
    databases_made: AtomicU32,
}

/// A fresh database of the oracle's. It goes with the oracle.
pub(crate) struct OracleDatabase {
    address: Address,
}

/// PostgreSQL refuses to run as root, so root runs it as another user.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Oracle {
    /// Starts one, if PostgreSQL is on this machine.
    pub(crate) fn start() -> Result<Option<Oracle>, Failure> {
        match find_binaries() {
            Some(binaries) => Oracle::start_from(binaries).map(Some),
            None => Ok(None),
        }
    }

    fn start_from(binaries: PathBuf) -> Result<Oracle, Failure> {
        let folder = TempDir::new()?;
        let account = account_for(folder.path())?;
        if let Some(account) = account {
            chown(folder.path(), Some(account.user), Some(account.group))?;
        }
        initialise(&binaries, account, folder.path())?;
        let socket = free_socket()?;
        let process = serve(&binaries, account, folder.path(), socket)?;
        let mut oracle = Oracle { binaries, account, folder, socket, process, databases_made: AtomicU32::new(0) };
        let address = oracle.address(MAINTENANCE_DATABASE);
        wait_for(&mut oracle.process, || session_of(&address))?;
        Ok(oracle)
    }

    pub(crate) fn create_database(&self) -> Result<OracleDatabase, Failure> {
        let database = format!("trial_{}", self.databases_made.fetch_add(1, Ordering::Relaxed));
        let mut connection = WireConnection::open(&self.address(MAINTENANCE_DATABASE), Protocol::Simple, UTC)?;
        connection.run(&format!("CREATE DATABASE {database} TEMPLATE template0"))?;
        Ok(OracleDatabase { address: self.address(&database) })
    }

    fn address(&self, database: &str) -> Address {
        Address { socket: self.socket, user: SUPERUSER, database: database.to_owned() }
    }
}

impl OracleDatabase {
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let stop = command(&self.binaries, "pg_ctl", self.account, self.folder.path())
            .args(["stop", "-m", "immediate", "-D"])
            .arg(data_folder(self.folder.path()))
            .output();
        if !stop.is_ok_and(|output| output.status.success()) {
            // What is left is to kill it; it fails only if it has ended.
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// A loopback port that nobody listens on now.
fn free_socket() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// A session, if the server takes one yet; an error if it never will.
fn session_of(address: &Address) -> Result<Option<WireConnection>, Failure> {
    match WireConnection::open(address, Protocol::Simple, UTC) {
        Ok(session) => Ok(Some(session)),
        Err(failure) if failure.is_worth_waiting() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn initialise(binaries: &Path, account: Option<Account>, folder: &Path) -> Result<(), Failure> {
    let output = command(binaries, "initdb", account, folder)
        .args(["-E", "UTF8", "--locale=C", "--lc-ctype=C.UTF-8", "-A", "trust", "--no-sync", "-U", SUPERUSER, "-D"])
        .arg(data_folder(folder))
        .output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Failure::runner(String::from_utf8_lossy(&output.stderr))),
    }
}

fn serve(binaries: &Path, account: Option<Account>, folder: &Path, socket: SocketAddr) -> Result<Child, Failure> {
    let settings = ["listen_addresses=127.0.0.1", "timezone=UTC", "fsync=off", "log_min_messages=panic"];
    let mut command = command(binaries, "postgres", account, folder);
    command.arg("-D").arg(data_folder(folder)).args(["-p", &socket.port().to_string()]).arg("-k").arg(folder);
    for setting in settings {
        command.args(["-c", setting]);
    }
    Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

fn command(binaries: &Path, name: &str, account: Option<Account>, folder: &Path) -> Command {
    let mut command = Command::new(binaries.join(name));
    command.current_dir(folder).stdin(Stdio::null());
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    command
}

fn data_folder(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// The folder of PostgreSQL's programs: on the PATH, or where Debian puts them.
fn find_binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = PathBuf::from(format!("/usr/lib/postgresql/{MAJOR_VERSION}/bin"));
    std::env::split_paths(&path).chain([debian]).find(|folder| is_right_version(folder))
}

fn is_right_version(folder: &Path) -> bool {
    let output = Command::new(folder.join("postgres")).arg("--version").output();
    let version = format!("(PostgreSQL) {MAJOR_VERSION}.");
    folder.join("initdb").is_file()
        && output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&version))
}

/// Who runs PostgreSQL: `None` for the user that runs this, which is not root.
fn account_for(folder_of_ours: &Path) -> Result<Option<Account>, Failure> {
    if fs::metadata(folder_of_ours)?.uid() != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let account = fields
        .filter(|fields| fields[0] == SYSTEM_USER)
        .find_map(|fields| Some(Account { user: fields.get(2)?.parse().ok()?, group: fields.get(3)?.parse().ok()? }));
    account.map(Some).ok_or_else(|| Failure::runner(format!("no user {SYSTEM_USER} to run PostgreSQL as")))
}
