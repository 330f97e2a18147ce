//! Settings of the process and of its connections.

use peristyle_storage::files::Allowed;

use super::key::{Key, number, other};
use crate::config::LogFormat;
use crate::config::value::{address, log_format, number, shown, text};

pub(super) const PLACES: &[Key] = &[
    other!(
        "data_dir",
        "DIR",
        data_dir,
        |value| text(value).map(Into::into),
        |config| config.data_dir.display().to_string(),
        "Folder of the log and the index; made if it is not there"
    ),
    other!(
        "listen",
        "ADDR",
        listen,
        address,
        |config| config.listen.to_string(),
        "Where clients connect; a loopback address until passwords exist"
    ),
    other!(
        "store",
        "URL",
        store,
        |value| text(value).map(Some),
        |_| "file://<data_dir>/objects".to_owned(),
        "Where objects are kept: file:///folder, or s3://bucket/prefix with endpoint, region and credentials from the \
         usual AWS variables"
    ),
    other!(
        "tls_cert_file",
        "FILE",
        tls_cert_file,
        |value| text(value).map(|file| Some(file.into())),
        |_| String::new(),
        "Certificate chain in PEM; with it TLS is offered"
    ),
    other!(
        "tls_key_file",
        "FILE",
        tls_key_file,
        |value| text(value).map(|file| Some(file.into())),
        |_| String::new(),
        "Private key of the certificate in PEM"
    ),
    other!(
        "log_level",
        "LEVEL",
        log_level,
        |value| text(value).map(Some),
        |_| "$RUST_LOG or warn".to_owned(),
        "What is traced to stderr: error, warn, info, debug, trace, or target=level,…"
    ),
    other!(
        "log_format",
        "FORMAT",
        log_format,
        log_format,
        |config| match config.log_format {
            LogFormat::Text => "text".to_owned(),
            LogFormat::Json => "json".to_owned(),
        },
        "Form of the trace: text or json"
    ),
    Key {
        name: "copy_locations",
        value: Some("LIST"),
        help: "Where COPY may read and write files on the server: folders and s3://bucket/prefix, separated by commas; \
               nowhere if empty",
        show: |config| {
            let texts = config.storage.copy_locations.iter().map(Allowed::text);
            texts.collect::<Vec<_>>().join(",")
        },
        set: |config, text| {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            config.storage.copy_locations = parts.map(Allowed::parse).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    number!("io_threads", io_threads, 1, "Threads that serve sockets"),
    number!(
        "thread_stack_bytes",
        thread_stack_bytes,
        8_388_608,
        "Stack of each thread, for long expressions; what is not used costs no memory"
    ),
    number!("cpu_threads", cpu_threads, 0, "Threads that execute statements; 0 for one per core"),
];

pub(super) const CONNECTIONS: &[Key] = &[
    number!("connections_max", wire.connections_max, 1, "Sessions at a time; one more is refused with 53300"),
    number!("startups_max", wire.startups_max, 1, "Connections at a time that are still starting up"),
    number!("startup_seconds", wire.startup_seconds, 1, "Time for a connection to start up, TLS included"),
    number!("message_bytes_max", wire.message_bytes_max, 10_000, "Largest message of a client"),
    number!("send_buffer_bytes", wire.send_buffer_bytes, 1_024, "Answers gathered before they are sent"),
    number!(
        "read_ahead_bytes_max",
        wire.read_ahead_bytes_max,
        0,
        "Input read ahead of a running statement, to notice that the client went away"
    ),
    number!("prepared_statements_max", engine.prepared_statements_max, 1, "Named prepared statements of a session"),
    number!("portals_max", engine.portals_max, 1, "Named portals and cursors of a session"),
    number!(
        "cursor_bytes_max",
        engine.cursor_bytes_max,
        0,
        "Memory for the rows that one cursor WITH HOLD or SCROLL keeps; others keep none"
    ),
    number!(
        "notifications_max",
        engine.notifications_max,
        1,
        "Notifications that may wait for one session that listens"
    ),
    number!("drain_seconds", wire.drain_seconds, 0, "Time for running statements when the server stops"),
    number!("close_seconds", wire.close_seconds, 1, "Time to send a connection's last message"),
];
