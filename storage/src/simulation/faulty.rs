//! The simulated store: objects in memory, and requests that are slow, fail before or after they did their work, say
//! that an object exists which they made themselves, or give back less than there is.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;
use peristyle_catalog::simulation::SimulatedDisk;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::scheduler::gate;

/// One request in so many fails in some way.
const FAULT_ODDS: f64 = 0.06;
/// Gates of a slow request.
const SLOW_GATES_MAX: usize = 6;

/// Objects that outlive servers, and how requests to them fare.
#[derive(Clone)]
pub(super) struct SimulatedStore {
    objects: Arc<InMemory>,
    chance: Arc<Mutex<StdRng>>,
    /// The machine that asks; when it is dead, so are its requests.
    disk: SimulatedDisk,
    faults: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Works,
    FailsBefore,
    FailsAfter,
    /// The answer to the first try was lost, the second found the object there.
    FindsItself,
    Truncates,
}

impl SimulatedStore {
    pub(super) fn new(seed: u64, disk: SimulatedDisk) -> SimulatedStore {
        let chance = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
        SimulatedStore { objects: Arc::default(), chance, disk, faults: true }
    }

    /// The same objects as another machine sees them.
    pub(super) fn on(&self, disk: SimulatedDisk) -> SimulatedStore {
        SimulatedStore { disk, ..self.clone() }
    }

    /// The same objects, and everything works.
    pub(super) fn without_faults(&self) -> SimulatedStore {
        SimulatedStore { faults: false, ..self.clone() }
    }

    async fn fate(&self) -> Result<Fate> {
        gate().await;
        if self.disk.is_dead() {
            return Err(failure("the machine is dead"));
        }
        if !self.faults {
            return Ok(Fate::Works);
        }
        let (fate, gates) = {
            let mut chance = self.chance.lock();
            let gates = if chance.random_bool(0.2) { chance.random_range(0..SLOW_GATES_MAX) } else { 0 };
            let fate = match chance.random_bool(FAULT_ODDS) {
                false => Fate::Works,
                true => match chance.random_range(0..4) {
                    0 => Fate::FailsBefore,
                    1 => Fate::FailsAfter,
                    2 => Fate::FindsItself,
                    _ => Fate::Truncates,
                },
            };
            (fate, gates)
        };
        for _ in 0..gates {
            gate().await;
        }
        if self.disk.is_dead() { Err(failure("the machine is dead")) } else { Ok(fate) }
    }
}

fn failure(why: &'static str) -> Error {
    Error::Generic { store: "simulated", source: why.into() }
}

impl fmt::Debug for SimulatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedStore")
    }
}

impl fmt::Display for SimulatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedStore")
    }
}

#[async_trait]
impl ObjectStore for SimulatedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.fate().await? {
            Fate::FailsBefore => return Err(failure("error before")),
            Fate::Works | Fate::Truncates => return self.objects.put_opts(location, payload, options).await,
            Fate::FailsAfter | Fate::FindsItself => {}
        }
        self.objects.put_opts(location, payload, options).await?;
        gate().await;
        Err(Error::AlreadyExists { path: location.to_string(), source: "412 after a lost answer".into() })
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(failure("objects of the simulation are small"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.fate().await? {
            Fate::FailsBefore | Fate::FailsAfter => Err(failure("error")),
            Fate::Works | Fate::FindsItself => self.objects.get_opts(location, options).await,
            Fate::Truncates => {
                let found = self.objects.get_opts(location, options).await?;
                let (meta, range, attributes) = (found.meta.clone(), found.range.clone(), found.attributes.clone());
                let bytes = found.bytes().await?;
                let half: Bytes = bytes.slice(..bytes.len() / 2);
                // As a connection that breaks: some bytes, then an error.
                let body = stream::iter([Ok(half), Err(failure("the connection broke"))]).boxed();
                Ok(GetResult { payload: GetResultPayload::Stream(body), meta, range, attributes })
            }
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let deleted = locations.then(move |location| {
            let store = store.clone();
            async move {
                let location = location?;
                let fate = store.fate().await?;
                if fate == Fate::FailsBefore {
                    return Err(failure("error before"));
                }
                store.objects.delete(&location).await?;
                if fate == Fate::FailsAfter { Err(failure("error after")) } else { Ok(location) }
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned());
        let listed = stream::once(async move {
            match store.fate().await {
                Ok(Fate::FailsBefore | Fate::FailsAfter) => stream::iter([Err(failure("error"))]).boxed(),
                Ok(Fate::Truncates) => {
                    let some = store.objects.list(prefix.as_ref()).take(1);
                    some.chain(stream::iter([Err(failure("the connection broke"))])).boxed()
                }
                Ok(Fate::Works | Fate::FindsItself) => store.objects.list(prefix.as_ref()),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        });
        listed.flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.fate().await?;
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
