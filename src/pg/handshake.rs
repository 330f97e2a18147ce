//! From an accepted socket to a session: encryption, the start-up packet, what the server says first.

use std::net::SocketAddr;
use std::time::Duration;

use peristyle_sql::{ConnectOptions, SqlError};
use pgwire::messages::startup::{Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, SecretKey};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::debug;

use super::connection::Connection;
use super::door::{SqlEngine, SqlSession};
use super::end::End;
use super::errors::{Severity, error_response, violation};
use super::frames::Frames;
use super::listener::Service;
use super::outbox::Outbox;
use super::registry::Membership;
use super::startup::{Packet, Startup, Version, read_packet};

/// A connection's byte stream, encrypted or not.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Answers to requests for encryption.
const ACCEPTED: &[u8] = b"S";
const REFUSED: &[u8] = b"N";

impl<E: SqlEngine> Service<E> {
    /// Makes a connection ready for its first query. `None` if it was only there to cancel, or if it failed: then
    /// the client was told.
    pub(super) async fn open(&self, socket: TcpStream, peer: SocketAddr) -> Option<Connection<E::Session>> {
        let limit = Duration::from_secs(self.settings.startup_seconds);
        match tokio::time::timeout(limit, self.start_up(socket, peer)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(end)) => {
                debug!(%peer, %end, "connection ended during its start-up");
                None
            }
            Err(_) => {
                debug!(%peer, "start-up took longer than startup_seconds");
                None
            }
        }
    }

    async fn start_up(&self, socket: TcpStream, peer: SocketAddr) -> Result<Option<Connection<E::Session>>, End> {
        let mut socket: Box<dyn Socket> = Box::new(socket);
        let asked = self.negotiate(&mut socket).await;
        let (reader, writer) = tokio::io::split(socket);
        let mut out = Outbox::new(Box::new(writer), self.settings.send_buffer_bytes);
        let startup = match asked {
            Ok(Some(startup)) => startup,
            Ok(None) => return Ok(None),
            Err(End::Fatal(error)) => return Err(refuse(&mut out, error).await),
            Err(end) => return Err(end),
        };
        match self.join(startup, peer, &mut out) {
            Ok((session, membership)) => {
                let settings = &self.settings;
                let frames = Frames::new(Box::new(reader), settings.message_bytes_max, settings.read_ahead_bytes_max);
                let mut connection = Connection::new(frames, out, session, membership);
                connection.ready().await?;
                Ok(Some(connection))
            }
            Err(End::Fatal(error)) => Err(refuse(&mut out, error).await),
            Err(end) => Err(end),
        }
    }

    /// Settles encryption and reads the start-up packet; `None` if the packet was a CancelRequest.
    async fn negotiate(&self, socket: &mut Box<dyn Socket>) -> Result<Option<Startup>, End> {
        let (mut may_ask_tls, mut may_ask_gss, mut is_encrypted) = (true, true, false);
        loop {
            match read_packet(socket).await? {
                Packet::Ssl if may_ask_tls => {
                    may_ask_tls = false;
                    is_encrypted = self.encrypt(socket).await?;
                    may_ask_gss &= !is_encrypted;
                }
                Packet::Gss if may_ask_gss => {
                    may_ask_gss = false;
                    send(socket, REFUSED).await?;
                }
                Packet::Ssl | Packet::Gss => {
                    return Err(End::Fatal(violation("encryption was already asked for")));
                }
                Packet::Cancel { process_id, secret } => {
                    self.registry.cancel(process_id, &secret);
                    return Ok(None);
                }
                Packet::Startup(startup) => return Ok(Some(Startup { is_encrypted, ..startup })),
            }
        }
    }

    /// Answers a request for TLS; true if the connection is encrypted then. A failed handshake ends the connection.
    async fn encrypt(&self, socket: &mut Box<dyn Socket>) -> Result<bool, End> {
        let Some(acceptor) = &self.tls else {
            send(socket, REFUSED).await?;
            return Ok(false);
        };
        send(socket, ACCEPTED).await?;
        let clear = std::mem::replace(socket, Box::new(tokio::io::empty()));
        *socket = Box::new(acceptor.accept(clear).await?);
        Ok(true)
    }

    /// Makes the session and gathers everything that is said before ReadyForQuery.
    fn join(&self, startup: Startup, peer: SocketAddr, out: &mut Outbox) -> Result<(E::Session, Membership), End> {
        let membership = self.registry.admit(startup.version).map_err(End::Fatal)?;
        if startup.is_version_changed || !startup.unknown_extensions.is_empty() {
            let version = startup.version.number();
            out.push(&NegotiateProtocolVersion::new(version, startup.unknown_extensions.clone()))?;
        }
        let (version, options) = (startup.version, connect_options(startup, peer, membership.process_id()));
        let mut session = self.engine.connect(options).map_err(End::Fatal)?;
        membership.attach(session.interrupts());
        out.push(&Authentication::Ok)?;
        for (name, value) in session.take_parameter_changes() {
            out.tell(&ParameterStatus::new(name, value), session.client_charset())?;
        }
        out.push(&BackendKeyData::new(membership.process_id(), secret_key(&membership, version)))?;
        Ok((session, membership))
    }
}

fn connect_options(startup: Startup, peer: SocketAddr, process_id: i32) -> ConnectOptions {
    ConnectOptions {
        user: startup.user,
        database: startup.database,
        parameters: startup.parameters,
        process_id,
        client_address: Some(peer),
        is_encrypted: startup.is_encrypted,
    }
}

fn secret_key(membership: &Membership, version: Version) -> SecretKey {
    let key = SecretKey::Bytes(membership.key());
    match version {
        Version::V3_0 => key.as_i32().map_or(key, SecretKey::I32),
        Version::V3_2 => key,
    }
}

async fn send(socket: &mut Box<dyn Socket>, bytes: &[u8]) -> Result<(), End> {
    socket.write_all(bytes).await?;
    Ok(socket.flush().await?)
}

/// Tells the client why it is not let in.
async fn refuse(out: &mut Outbox, error: SqlError) -> End {
    let told = match out.push(&error_response(&error, Severity::Fatal)) {
        Ok(()) => out.close().await,
        Err(error) => Err(error.into()),
    };
    match told {
        Ok(()) => End::Fatal(error),
        Err(broken) => broken.into(),
    }
}

/// Serves a connection to its end.
pub(super) async fn serve<S: SqlSession>(mut connection: Connection<S>, close_limit: Duration) {
    use futures::FutureExt;
    let process_id = connection.membership.process_id();
    let run = std::panic::AssertUnwindSafe(connection.run()).catch_unwind().await;
    let end = run.unwrap_or_else(|_| {
        // It may end within a message.
        connection.out.buffer().clear();
        End::Fatal(SqlError::internal("the session failed and is closed"))
    });
    debug!(process_id, %end, "connection ends");
    // Whatever still runs for the session is not wanted any more.
    connection.membership.terminate_statement();
    let Connection { mut out, session, membership, .. } = connection;
    let charset = session.client_charset();
    // What the transaction held is given back before the client can see that the connection is over.
    drop(session);
    drop(membership);
    let farewell = async {
        if let End::Fatal(error) = end {
            out.tell(&error_response(&error, Severity::Fatal), charset).map_err(std::io::Error::from)?;
        }
        out.close().await
    };
    match tokio::time::timeout(close_limit, farewell).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(process_id, %error, "closing a connection failed"),
        Err(_) => debug!(process_id, "the client did not take the last message in close_seconds"),
    }
}
