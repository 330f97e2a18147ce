//! A connection by bytes, for what drivers do not send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::TestServer;

/// Version 3.0.
const PROTOCOL: u32 = 3 << 16;

/// Bytes in, messages out.
pub(crate) struct RawClient {
    socket: TcpStream,
}

impl RawClient {
    /// Connected, nothing sent.
    pub(crate) async fn open(server: &TestServer) -> RawClient {
        RawClient { socket: TcpStream::connect(server.address()).await.unwrap() }
    }

    /// Connected and ready for a query.
    pub(crate) async fn start(server: &TestServer) -> RawClient {
        let mut client = RawClient::open(server).await;
        client.packet(PROTOCOL, b"user\0peristyle\0\0").await;
        client.until_ready().await;
        client
    }

    /// A packet without a type.
    pub(crate) async fn packet(&mut self, code: u32, rest: &[u8]) {
        let mut bytes = (rest.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(&code.to_be_bytes());
        bytes.extend_from_slice(rest);
        self.bytes(&bytes).await;
    }

    /// A message.
    pub(crate) async fn message(&mut self, tag: u8, body: &[u8]) {
        let mut bytes = vec![tag];
        bytes.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        bytes.extend_from_slice(body);
        self.bytes(&bytes).await;
    }

    /// Any bytes.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// A simple query and its answer.
    pub(crate) async fn query(&mut self, text: &str) -> Vec<(char, String)> {
        self.message(b'Q', format!("{text}\0").as_bytes()).await;
        self.until_ready().await
    }

    /// Types and bodies of messages up to ReadyForQuery.
    pub(crate) async fn until_ready(&mut self) -> Vec<(char, String)> {
        let mut messages = Vec::new();
        loop {
            let message = self.next().await.unwrap_or_else(|| panic!("closed after {messages:?}"));
            let is_ready = message.0 == 'Z';
            messages.push(message);
            if is_ready {
                return messages;
            }
        }
    }

    /// What is left until the server closes the connection.
    pub(crate) async fn until_closed(&mut self) -> Vec<(char, String)> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        messages
    }

    async fn next(&mut self) -> Option<(char, String)> {
        let tag = self.socket.read_u8().await.ok()?;
        let mut body = vec![0; self.socket.read_u32().await.unwrap() as usize - 4];
        self.socket.read_exact(&mut body).await.unwrap();
        Some((tag as char, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// The types alone, as one word.
pub(crate) fn tags(messages: &[(char, String)]) -> String {
    messages.iter().map(|message| message.0).collect()
}

/// Severity and SQLSTATE of the first error.
pub(crate) fn error_of(messages: &[(char, String)]) -> Option<(String, String)> {
    let (_, body) = messages.iter().find(|message| message.0 == 'E')?;
    let field = |letter| body.split('\0').find_map(|field| field.strip_prefix(letter)).map(str::to_owned);
    Some((field('S')?, field('C')?))
}
