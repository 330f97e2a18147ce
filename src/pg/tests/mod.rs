//! The wire, over a real socket, against a scripted engine.

mod client;
mod copy;
mod engine;
mod extended;
mod lifecycle;
mod simple;
mod startup;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::client::Client;
use self::engine::ScriptedEngine;
use super::{Listener, WireSettings};
use crate::system::system_sources;

/// A running server over a scripted engine.
struct Server {
    engine: Arc<ScriptedEngine>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start() -> Server {
        Server::with(WireSettings::default()).await
    }

    async fn with(settings: WireSettings) -> Server {
        let engine = Arc::new(ScriptedEngine::default());
        let any_port = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(any_port, engine.clone(), None, settings, system_sources()).await.unwrap();
        let address = listener.address();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(listener.serve(async move {
            let _ = stopped.await;
        }));
        Server { engine, address, stop, serving }
    }

    async fn client(&self) -> Client {
        let mut client = Client::connect(self.address).await;
        client.start_up(0x3_0000, &[("user", "peristyle")]).await;
        let greeting = client.until_ready().await;
        assert!(greeting.starts_with("R(0) S(server_version=15.0) K(") && greeting.ends_with(") Z(I)"), "{greeting}");
        client
    }
}
