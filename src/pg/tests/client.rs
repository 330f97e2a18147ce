//! A client that sends bytes and reads messages, written down as short text: `T(n) D(0) C(SELECT 1) Z(I)`.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use pgwire::messages::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) struct Client {
    pub(super) socket: TcpStream,
    out: BytesMut,
    /// What BackendKeyData said.
    pub(super) process_id: i32,
    pub(super) key: Bytes,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Client {
        let socket = TcpStream::connect(address).await.unwrap();
        Client { socket, out: BytesMut::new(), process_id: 0, key: Bytes::new() }
    }

    /// Sends a packet without a type byte.
    pub(super) async fn packet(&mut self, code: u32, rest: &[u8]) {
        self.socket.write_u32(rest.len() as u32 + 8).await.unwrap();
        self.socket.write_u32(code).await.unwrap();
        self.socket.write_all(rest).await.unwrap();
    }

    pub(super) async fn start_up(&mut self, version: u32, parameters: &[(&str, &str)]) {
        let mut rest = Vec::new();
        for (name, value) in parameters {
            rest.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
        }
        rest.push(0);
        self.packet(version, &rest).await;
    }

    /// Adds a message to those that the next [`Self::send`] sends.
    pub(super) fn message(&mut self, message: &impl Message) -> &mut Client {
        message.encode(&mut self.out).unwrap();
        self
    }

    /// Adds a message of raw bytes.
    pub(super) fn raw(&mut self, tag: u8, body: &[u8]) -> &mut Client {
        self.out.put_u8(tag);
        self.out.put_u32(body.len() as u32 + 4);
        self.out.put_slice(body);
        self
    }

    pub(super) async fn send(&mut self) {
        let bytes = self.out.split();
        self.socket.write_all(&bytes).await.unwrap();
    }

    /// Sends a simple query and reads its answer.
    pub(super) async fn query(&mut self, text: &str) -> String {
        self.raw(b'Q', format!("{text}\0").as_bytes()).send().await;
        self.until_ready().await
    }

    pub(super) async fn until_ready(&mut self) -> String {
        self.until(b'Z').await
    }

    /// Messages up to one of that type.
    pub(super) async fn until(&mut self, last: u8) -> String {
        let mut all = Vec::new();
        loop {
            let (tag, body) = self.next().await.unwrap_or_else(|| panic!("closed after {all:?}"));
            all.push(self.show(tag, body));
            if tag == last {
                return all.join(" ");
            }
        }
    }

    /// Messages up to the end of the connection.
    pub(super) async fn until_closed(&mut self) -> String {
        let mut all = Vec::new();
        while let Some((tag, body)) = self.next().await {
            all.push(self.show(tag, body));
        }
        all.join(" ")
    }

    async fn next(&mut self) -> Option<(u8, Bytes)> {
        let tag = self.socket.read_u8().await.ok()?;
        let mut body = vec![0; self.socket.read_u32().await.unwrap() as usize - 4];
        self.socket.read_exact(&mut body).await.unwrap();
        Some((tag, Bytes::from(body)))
    }

    fn show(&mut self, tag: u8, mut body: Bytes) -> String {
        let shown = match tag {
            b'E' | b'N' => error_fields(&body),
            b'T' => columns(body),
            b'D' => values(body),
            b'R' | b'v' => body.get_i32().to_string(),
            b'A' => {
                let process_id = body.get_i32();
                let texts = String::from_utf8_lossy(&body).trim_end_matches('\0').replace('\0', " ");
                format!("{process_id} {texts}")
            }
            b'S' => String::from_utf8_lossy(&body).trim_end_matches('\0').replace('\0', "="),
            b'K' => {
                self.process_id = body.get_i32();
                self.key = body;
                format!("{} bytes", self.key.len())
            }
            b't' => (0..body.get_i16()).map(|_| body.get_i32().to_string()).collect::<Vec<_>>().join(","),
            b'G' | b'H' => format!("{} {}", body.get_i8(), body.get_i16()),
            _ => String::from_utf8_lossy(&body).trim_end_matches(['\0', '\n']).to_owned(),
        };
        if shown.is_empty() { (tag as char).to_string() } else { format!("{}({shown})", tag as char) }
    }
}

fn error_fields(body: &[u8]) -> String {
    let fields = body.split(|byte| *byte == 0).filter(|field| !field.is_empty());
    let field = |letter| fields.clone().find(|field| field[0] == letter).map(|field| &field[1..]);
    let shown = [field(b'S'), field(b'C'), field(b'M')].map(|field| String::from_utf8_lossy(field.unwrap()));
    shown.join(" ")
}

fn columns(mut body: Bytes) -> String {
    let count = body.get_i16();
    let columns = (0..count).map(|_| {
        let end = body.iter().position(|byte| *byte == 0).unwrap();
        let name = body.split_to(end);
        body.advance(1 + 4 + 2 + 4 + 2 + 4);
        let format = if body.get_i16() == 1 { ":binary" } else { "" };
        format!("{}{format}", String::from_utf8_lossy(&name))
    });
    columns.collect::<Vec<_>>().join(",")
}

fn values(mut body: Bytes) -> String {
    let count = body.get_i16();
    let values = (0..count).map(|_| match body.get_i32() {
        -1 => "NULL".to_owned(),
        length => body.split_to(length as usize).escape_ascii().to_string(),
    });
    values.collect::<Vec<_>>().join(",")
}
