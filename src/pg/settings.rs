//! Limits of the wire, each a key of the configuration.

/// Limits of the listener and of its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireSettings {
    /// Sessions at a time; one more is refused with 53300.
    pub connections_max: usize,
    /// Connections that have not finished their start-up; further ones wait in the kernel's queue.
    pub startups_max: usize,
    /// Time for a start-up, TLS included, in seconds.
    pub startup_seconds: u64,
    /// Largest message that a client may send, in bytes.
    pub message_bytes_max: usize,
    /// Bytes of answers that are gathered before they are sent.
    pub send_buffer_bytes: usize,
    /// Bytes that are read ahead of a running statement, to notice that the client went away.
    pub read_ahead_bytes_max: usize,
    /// How long running statements may go on when the server stops, in seconds.
    pub drain_seconds: u64,
    /// How long the last message of a connection may take to be sent, in seconds.
    pub close_seconds: u64,
}

impl Default for WireSettings {
    fn default() -> WireSettings {
        WireSettings {
            connections_max: 100,
            startups_max: 64,
            startup_seconds: 60,
            message_bytes_max: 1 << 30,
            send_buffer_bytes: 128 << 10,
            read_ahead_bytes_max: 64 << 10,
            drain_seconds: 30,
            close_seconds: 5,
        }
    }
}
