//! How far the end of the edge has come, and how a connection learns of it.
//!
//! One task of each worker waits for the shared stage. Connections look at a cell of their own
//! thread, so that a request pays neither for a lock nor for a line of memory that other workers
//! write, and are woken through the worker's list of tasks.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

use crate::server::Shared;

/// How long a connection without a request may still send one once the drain has begun: a client
/// that sent it just before it could know gets its answer.
pub(crate) const DRAIN_GRACE: Duration = Duration::from_millis(500);

/// How far the end of the edge has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Running,
    /// No new connections; every response is the last of its connection.
    Draining,
    /// Connections are dropped.
    Aborting,
}

/// Resolves when the edge is at this stage or past it.
pub(crate) async fn reached(stages: &watch::Sender<Stage>, stage: Stage) {
    let mut receiver = stages.subscribe();
    // What `wait_for` gives is a lock on the stage, which must not be held. It fails only without
    // a sender, and there is one.
    receiver.wait_for(|now| *now >= stage).await.map(drop).ok();
}

/// The stage, as the connections of one worker see it.
pub(crate) struct WorkerStage {
    now: Cell<Stage>,
    /// The connections' tasks by connection, at most `connections_max`.
    tasks: RefCell<HashMap<u64, Waker>>,
}

impl WorkerStage {
    /// A view that a task of this thread keeps up to date.
    pub(crate) fn follow(shared: &Arc<Shared>) -> Rc<Self> {
        let stage = Rc::new(Self::new());
        let (following, shared) = (Rc::clone(&stage), Arc::clone(shared));
        tokio::task::spawn_local(async move {
            for stage in [Stage::Draining, Stage::Aborting] {
                shared.reached(stage).await;
                following.enter(stage);
            }
        });
        stage
    }

    fn new() -> Self {
        Self {
            now: Cell::new(Stage::Running),
            tasks: RefCell::default(),
        }
    }

    fn enter(&self, stage: Stage) {
        self.now.set(stage);
        for task in self.tasks.borrow().values() {
            task.wake_by_ref();
        }
    }

    /// Runs the future of connection `serial` until it ends or the edge aborts, and wakes it at
    /// every new stage.
    pub(crate) async fn run(&self, serial: u64, mut serving: Pin<&mut impl Future<Output = ()>>) {
        let mut task = Registered {
            stage: self,
            serial,
            waker: None,
        };
        poll_fn(|cx| {
            if self.now.get() >= Stage::Aborting {
                return Poll::Ready(());
            }
            task.register(cx);
            serving.as_mut().poll(cx)
        })
        .await;
    }
}

/// A task in the list of its worker.
struct Registered<'a> {
    stage: &'a WorkerStage,
    serial: u64,
    waker: Option<Waker>,
}

impl Registered<'_> {
    fn register(&mut self, cx: &Context<'_>) {
        let known = self.waker.as_ref();
        if known.is_some_and(|waker| waker.will_wake(cx.waker())) {
            return;
        }
        self.waker = Some(cx.waker().clone());
        let mut tasks = self.stage.tasks.borrow_mut();
        tasks.insert(self.serial, cx.waker().clone());
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.stage.tasks.borrow_mut().remove(&self.serial);
    }
}

/// Whether a connection is to end after its current requests. [`WorkerStage::run`] sees to it that
/// whoever asks is polled when it begins.
#[derive(Clone)]
pub(crate) struct Draining(Rc<WorkerStage>);

impl Draining {
    pub(crate) fn new(stage: &Rc<WorkerStage>) -> Self {
        Self(Rc::clone(stage))
    }

    /// One that never begins.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self(Rc::new(WorkerStage::new()))
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.now.get() >= Stage::Draining
    }

    /// Resolves when it has begun.
    pub(crate) async fn begun(&self) {
        poll_fn(|_| {
            if self.has_begun() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
