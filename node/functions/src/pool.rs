//! All processes of one function and the invocations that wait for them: the [`State`] behind a
//! lock that is held for microseconds, and the task that starts what is missing.

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use crate::host::Host;
use crate::process;
use crate::spec::{FunctionSpec, Policy};
use crate::{InvokeError, TimeoutCause};

mod back_off;
pub(crate) mod counters;
pub(crate) mod slot;
pub(crate) mod state;

pub(crate) use back_off::InitFailure;

use counters::Counters;
use slot::{Reply, SlotId, Work};
use state::{Mode, Refusal, State, Submitted, millis};

/// A function in operation.
pub(crate) struct Pool {
    pub(crate) name: Arc<str>,
    pub(crate) spec: FunctionSpec,
    pub(crate) policy: Policy,
    pub(crate) host: Arc<Host>,
    state: Mutex<State>,
    /// There may be something to start.
    changed: Notify,
    /// Becomes true when the last process is gone and none will come.
    finished: watch::Sender<bool>,
}

impl Pool {
    /// Starts to operate a function on a runtime.
    pub(crate) fn start(
        spec: FunctionSpec,
        host: Arc<Host>,
        counters: Arc<Counters>,
        on: &Handle,
    ) -> Arc<Self> {
        let policy = spec.policy();
        let pool = Arc::new(Self {
            name: spec.name.as_str().into(),
            spec,
            policy,
            host,
            state: Mutex::new(State::new(policy, counters)),
            changed: Notify::new(),
            finished: watch::Sender::new(false),
        });
        on.spawn(keep(Arc::clone(&pool)));
        pool
    }

    /// Runs one invocation. The caller may drop the future: what waits is forgotten, what runs
    /// runs on.
    pub(crate) async fn invoke(&self, work: Work, deadline: Duration, on: &Handle) -> Reply {
        let since = Instant::now();
        let (sender, reply) = oneshot::channel();
        let (number, submitted) = self.with(|state| state.submit(work, sender, since))?;
        let mut waiting = Waiting {
            pool: self,
            number,
            queued: submitted == Submitted::Queued,
        };
        let sleep = {
            // The caller's thread may have no timer of its own.
            let _entered = on.enter();
            tokio::time::sleep(deadline)
        };
        tokio::select! {
            biased;
            reply = reply => {
                waiting.queued = false;
                // Only a process task that died without a word drops the sender.
                reply.unwrap_or_else(|_| {
                    Err(InvokeError::Crashed { exit: "the supervisor ended".into() })
                })
            }
            () = sleep => {
                let waited = waiting.cancel();
                let cause = if waited { TimeoutCause::Queue } else { TimeoutCause::Caller };
                Err(InvokeError::Timeout { after_ms: millis(since.elapsed()), cause })
            }
        }
    }

    /// A process asks for work and waits for it.
    pub(crate) async fn next(&self, id: SlotId) -> Result<Work, Refusal> {
        let (waker, work) = oneshot::channel();
        if let Some(work) = self.with(|state| state.next(id, waker, Instant::now()))? {
            return Ok(work);
        }
        match work.await {
            Ok(work) => Ok(work),
            // The process is being ended; an answer would only make it log an error first.
            Err(_) => core::future::pending().await,
        }
    }

    /// Does something with the state, and sees to it that missing processes are started.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = f(&mut state);
        let wants_process = state.wants_process();
        drop(state);
        if wants_process {
            self.changed.notify_one();
        }
        result
    }

    /// Whether it takes invocations, which it does until it is replaced.
    pub(crate) fn is_current(&self) -> bool {
        self.lock().is_serving()
    }

    /// The process is gone.
    pub(crate) fn gone(&self, id: SlotId, exit: &str) {
        self.lock().gone(id, exit, Instant::now());
        self.changed.notify_one();
    }

    /// Stops taking invocations.
    pub(crate) fn stop(&self, mode: Mode) {
        self.lock().stop(mode, Instant::now());
        self.changed.notify_one();
    }

    /// Waits until no process is left; only after [`Self::stop`].
    pub(crate) async fn finished(&self) {
        // The sender lives as long as `self`.
        let mut finished = self.finished.subscribe();
        drop(finished.wait_for(|finished| *finished).await);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic inside the state machine leaves numbers that are still consistent enough to
        // end the processes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts processes until the pool is stopped and the last one is gone.
async fn keep(pool: Arc<Pool>) {
    loop {
        let plan = pool.lock().plan(Instant::now());
        for id in plan.start {
            tokio::spawn(process::run(Arc::clone(&pool), id));
        }
        if plan.finished {
            pool.finished.send_replace(true);
            return;
        }
        match plan.ask_at {
            None => pool.changed.notified().await,
            Some(at) => tokio::select! {
                () = pool.changed.notified() => {}
                () = sleep_until(at) => {}
            },
        }
    }
}

/// Takes an invocation out of the queue when its caller is gone.
struct Waiting<'a> {
    pool: &'a Pool,
    number: u64,
    queued: bool,
}

impl Waiting<'_> {
    fn cancel(&mut self) -> bool {
        let queued = core::mem::take(&mut self.queued);
        queued && self.pool.with(|state| state.cancel(self.number))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.cancel();
    }
}
