//! The server as a whole: start, serve, stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use peristyle_sql::Engine;
use peristyle_storage::Store;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::assembly::{Assembly, assemble};
use crate::background::Supervisor;
use crate::config::Config;
use crate::pg::{ListenError, Listener};
use crate::system::system_sources;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// See [`ListenError`].
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The data folder and the store are not each other's, or not any more.
    #[error("the data folder {} does not open with the store {store}: {detail}", .data_dir.display())]
    ForeignStore {
        /// URL of the store.
        store: String,
        /// The data folder.
        data_dir: PathBuf,
        /// How it is seen.
        detail: String,
    },
    /// The data folder is in use or is damaged.
    #[error(transparent)]
    Catalog(#[from] peristyle_catalog::Error),
    /// The store does not answer.
    #[error(transparent)]
    Storage(#[from] peristyle_storage::Error),
    /// Another server holds the store.
    #[error(transparent)]
    Fence(#[from] crate::fencing::FenceError),
    /// What `durability = object` promises needs a fence that holds at once.
    #[error(
        "the store {store} ignores conditional creation, which durability = object needs to keep a second server out"
    )]
    UnconditionalStore {
        /// URL of the store.
        store: String,
    },
    /// The engine could not be built.
    #[error(transparent)]
    Engine(#[from] peristyle_sql::SqlError),
    /// The folder for what does not fit in memory could not be emptied.
    #[error("could not empty {}: {source}", .folder.display())]
    SpillFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What earlier processes were writing could not be read.
    #[error("{}: {source}", .path.display())]
    Intents {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The threads could not be made.
    #[error("could not start threads: {0}")]
    Threads(#[from] std::io::Error),
}

/// A server that serves, on the runtime that started it.
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), peristyle_catalog::Error>>,
}

impl Server {
    /// Opens the data folder and listens. When this returns clients can connect.
    pub async fn start(config: &Config) -> Result<Server, StartError> {
        let sources = system_sources();
        let cpu = CpuThreads::start(config.cpu_threads, config.thread_stack_bytes)?;
        let assembly = assemble(config, &sources, &cpu.handle()).await?;
        let engine = assembly.engine.clone();
        let tls = config.tls();
        let bound = Listener::bind(config.listen, engine, tls.as_ref(), config.wire.clone(), sources.clone()).await;
        let listener = match bound {
            Ok(listener) => listener,
            Err(error) => {
                assembly.catalog.close().await?;
                return Err(error.into());
            }
        };
        let address = listener.address();
        let (stop, stopped) = oneshot::channel();
        let Assembly { catalog, store, jobs, engine } = assembly;
        let supervisor = Supervisor::start(jobs, &config.background, &sources);
        let serving = tokio::spawn(async move {
            serve(listener, stopped).await;
            supervisor.stop().await;
            drop(engine);
            let closed = catalog.close().await;
            release(&store, &closed).await;
            drop(cpu);
            closed
        });
        info!(%address, data_dir = %config.data_dir.display(), "serving");
        Ok(Server { address, stop, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets running statements finish, ends the sessions, writes a checkpoint.
    pub async fn stop(self) -> Result<(), peristyle_catalog::Error> {
        // The receiver is only gone if serving ended, and then there is nothing left to stop.
        let _ = self.stop.send(());
        match self.serving.await {
            Ok(closed) => closed,
            Err(failed) => {
                error!(%failed, "the server's task failed");
                Err(peristyle_catalog::Error::Closed)
            }
        }
    }
}

/// Leaves the store to whoever comes next. A mark that stays only asks the next one to be sure.
async fn release(store: &Store, closed: &Result<(), peristyle_catalog::Error>) {
    if closed.is_ok()
        && let Err(error) = store.release_fence().await
    {
        warn!(%error, "the mark on the store could not be released");
    }
}

/// Serves until told to stop; a [`Server`] that is dropped stops too.
async fn serve(listener: Listener<Engine>, stopped: oneshot::Receiver<()>) {
    listener
        .serve(async {
            let _ = stopped.await;
        })
        .await;
}

/// The line to type for a server at that address.
pub fn psql_line(address: SocketAddr) -> String {
    format!("psql -h {} -p {} -U peristyle peristyle", address.ip(), address.port())
}

/// The runtime for sockets and waiting.
pub fn io_runtime(config: &Config) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(config.io_threads)
        .thread_stack_size(config.thread_stack_bytes)
        .thread_name("peristyle-io")
        .enable_all()
        .build()
}

/// The runtime for computing, apart so that long computations do not hold up the sockets.
struct CpuThreads(Option<Runtime>);

impl CpuThreads {
    fn start(threads: usize, stack_bytes: usize) -> std::io::Result<CpuThreads> {
        let threads = if threads == 0 { std::thread::available_parallelism()?.get() } else { threads };
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads).thread_stack_size(stack_bytes).thread_name("peristyle-cpu").enable_all();
        Ok(CpuThreads(Some(builder.build()?)))
    }

    fn handle(&self) -> Handle {
        self.0.as_ref().expect("the runtime is only taken by drop").handle().clone()
    }
}

impl Drop for CpuThreads {
    fn drop(&mut self) {
        // A runtime may not wait for its threads inside another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
