//! Tests of the whole server, started in this process. One binary, so that the engine is linked once.

#![allow(clippy::unwrap_used)]

mod architecture;
mod modify;
mod raw;
mod wire;

use std::future::Future;

use peristyle::config::Config;
use peristyle::server::Server;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

/// A server over a folder of its own.
pub(crate) struct TestServer {
    server: Server,
    _folder: TempDir,
}

impl TestServer {
    /// With the settings that `change` makes.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> TestServer {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: folder.path().join("data"),
            listen: "127.0.0.1:0".parse().unwrap(),
            ..Config::default()
        };
        change(&mut config);
        TestServer { server: Server::start(&config).await.unwrap(), _folder: folder }
    }

    /// With the settings that users get.
    pub(crate) async fn start() -> TestServer {
        TestServer::start_with(|_| {}).await
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// A driver's connection, and the task that drives it.
    pub(crate) async fn connect(&self) -> (Client, JoinHandle<Result<(), tokio_postgres::Error>>) {
        let address = self.address();
        let parameters = format!("host={} port={} user=peristyle dbname=peristyle", address.ip(), address.port());
        let (client, connection) = tokio_postgres::connect(&parameters, NoTls).await.unwrap();
        (client, tokio::spawn(connection))
    }

    /// As SIGTERM does.
    pub(crate) async fn stop(self) {
        self.server.stop().await.unwrap();
    }
}

/// SQLSTATE of what failed.
pub(crate) async fn code_of<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> String {
    match work.await {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.code().map_or_else(|| error.to_string(), |state| state.code().to_owned()),
    }
}
