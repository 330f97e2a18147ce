//! The listening sockets: accepts connections within the limits, and ends them when the server stops.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use peristyle_catalog::Sources;
use pgwire::tokio::TlsAcceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::door::SqlEngine;
use super::handshake::serve;
use super::registry::{Phase, Registry};
use super::settings::WireSettings;
use super::tls::{TlsError, TlsFiles, acceptor};

/// Pause after accepting failed (out of file descriptors, say), in milliseconds.
const ACCEPT_PAUSE_MILLISECONDS: u64 = 100;

/// How long sessions get to tell their clients that they are terminated, in seconds.
const TERMINATION_SECONDS: u64 = 5;

/// What connections share.
pub(super) struct Service<E> {
    pub(super) engine: Arc<E>,
    pub(super) registry: Arc<Registry>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) settings: WireSettings,
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is in use, or not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// See [`TlsError`].
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A bound, not yet serving listener.
pub struct Listener<E> {
    socket: TcpListener,
    address: SocketAddr,
    service: Arc<Service<E>>,
}

impl<E: SqlEngine> Listener<E> {
    /// Binds the address (port 0 for any free port) and loads the certificate.
    pub async fn bind(
        address: SocketAddr,
        engine: Arc<E>,
        tls: Option<&TlsFiles>,
        settings: WireSettings,
        sources: Sources,
    ) -> Result<Listener<E>, ListenError> {
        let tls = tls.map(acceptor).transpose()?;
        let failed = |source| ListenError::Bind { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let registry = Registry::new(settings.connections_max, sources);
        Ok(Listener { socket, address, service: Arc::new(Service { engine, registry, tls, settings }) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is done, then lets running statements finish within `drain_seconds`, and ends the rest.
    /// When it returns no connection is left.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) {
        let mut connections = JoinSet::new();
        let accepted = self.accept_all(&mut connections);
        tokio::select! {
            () = stop => {}
            () = accepted => {}
        }
        let Listener { socket, service, .. } = self;
        drop(socket);
        drain(&service, &mut connections).await;
    }

    async fn accept_all(&self, connections: &mut JoinSet<()>) {
        let startups = Arc::new(Semaphore::new(self.service.settings.startups_max));
        loop {
            let Ok(startup) = startups.clone().acquire_owned().await else { return };
            let (socket, peer) = self.accept(connections).await;
            let service = self.service.clone();
            connections.spawn(async move {
                let connection = service.clone().open_unless_draining(socket, peer).await;
                drop(startup);
                if let Some(connection) = connection {
                    serve(connection, Duration::from_secs(service.settings.close_seconds)).await;
                }
            });
        }
    }

    /// The next connection. Meanwhile forgets those that ended.
    async fn accept(&self, connections: &mut JoinSet<()>) -> (TcpStream, SocketAddr) {
        loop {
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((socket, peer)) => {
                        without_delay(&socket);
                        return (socket, peer);
                    }
                    Err(error) => {
                        warn!(%error, "accepting a connection failed");
                        tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MILLISECONDS)).await;
                    }
                },
                Some(ended) = connections.join_next() => log_panic(ended),
            }
        }
    }
}

impl<E: SqlEngine> Service<E> {
    async fn open_unless_draining(
        self: Arc<Self>,
        socket: TcpStream,
        peer: SocketAddr,
    ) -> Option<super::connection::Connection<E::Session>> {
        tokio::select! {
            connection = self.open(socket, peer) => connection,
            () = self.registry.draining() => None,
        }
    }
}

/// Lets sessions finish what they do, then ends them.
async fn drain<E>(service: &Service<E>, connections: &mut JoinSet<()>) {
    let limit = Duration::from_secs(service.settings.drain_seconds);
    service.registry.enter(Phase::Draining);
    if all_ended(connections, limit).await {
        return;
    }
    info!(sessions = connections.len(), "sessions did not finish in drain_seconds and are terminated");
    service.registry.enter(Phase::Terminating);
    if !all_ended(connections, Duration::from_secs(TERMINATION_SECONDS)).await {
        warn!(sessions = connections.len(), "sessions did not end and are cut off");
        connections.shutdown().await;
    }
}

async fn all_ended(connections: &mut JoinSet<()>, limit: Duration) -> bool {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            log_panic(ended);
        }
    };
    tokio::time::timeout(limit, all).await.is_ok()
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        warn!(%error, "a connection's task failed");
    }
}

/// Small answers go out at once.
fn without_delay(socket: &TcpStream) {
    if let Err(error) = socket.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY could not be set");
    }
}
