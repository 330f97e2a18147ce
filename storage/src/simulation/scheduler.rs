//! Actors whose steps a seed puts in order.
//!
//! An actor is a future that runs until it comes to a gate; then the scheduler picks who goes on. Whatever else an actor
//! waits for (the committer's thread, an encoding) it waits for alone, so that a seed always gives the same run.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// How long something outside may take before the run counts as stuck.
const STUCK: Duration = Duration::from_secs(60);

thread_local! {
    /// Whether an actor is being polled on this thread.
    static IS_ACTOR: Cell<bool> = const { Cell::new(false) };
    /// Whether it came to a gate.
    static AT_GATE: Cell<bool> = const { Cell::new(false) };
}

/// Lets other actors go first. Outside of an actor it does nothing.
pub(super) async fn gate() {
    let mut was_here = !IS_ACTOR.get();
    poll_fn(|context| {
        if was_here {
            return Poll::Ready(());
        }
        was_here = true;
        AT_GATE.set(true);
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

type Actor<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The actors of one life of a server.
#[derive(Default)]
pub(super) struct Scheduler<'a> {
    actors: Vec<Actor<'a>>,
}

impl<'a> Scheduler<'a> {
    pub(super) fn add(&mut self, actor: impl Future<Output = ()> + 'a) {
        self.actors.push(Box::pin(actor));
    }

    /// Takes that many steps, or fewer if all actors end or `is_over`. What is under way then is dropped, as the end of
    /// a process drops it.
    pub(super) fn run(mut self, steps: usize, chance: &mut StdRng, is_over: impl Fn() -> bool) {
        for _ in 0..steps {
            if self.actors.is_empty() || is_over() {
                return;
            }
            let at = chance.random_range(0..self.actors.len());
            if step(&mut self.actors[at]) {
                drop(self.actors.swap_remove(at));
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs an actor to its next gate, or to its end: then true.
fn step(actor: &mut Actor<'_>) -> bool {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        AT_GATE.set(false);
        IS_ACTOR.set(true);
        let polled = actor.as_mut().poll(&mut context);
        IS_ACTOR.set(false);
        match polled {
            Poll::Ready(()) => return true,
            Poll::Pending if AT_GATE.get() => return false,
            Poll::Pending => thread::park_timeout(STUCK),
        }
    }
}
