//! The functions of a node by name: declared, invoked, replaced, stopped.

use core::time::Duration;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::host::Host;
use crate::limits::{DRAIN_MAX, EXIT_GRACE, HANDOVER_TRIES, REQUEST_ID_BYTES_MAX, TIMEOUT_MAX};
use crate::pool::Pool;
use crate::pool::counters::Counters;
use crate::pool::slot::Work;
use crate::pool::state::Mode;
use crate::{
    Error, FunctionSpec, FunctionState, Invocation, InvokeError, LogSink, Outcome, Settings,
};

type Pools = HashMap<String, Entry>;

#[derive(Clone)]
struct Entry {
    pool: Arc<Pool>,
    counters: Arc<Counters>,
}

/// The functions of a node. A clone is another handle to the same functions. When the last one
/// is dropped, all processes are killed.
#[derive(Clone)]
pub struct Functions(Arc<Inner>);

struct Inner {
    on: Handle,
    host: Arc<Host>,
    pools: ArcSwap<Pools>,
    /// Held while the set changes. With the pools that were replaced and still have processes.
    changing: Mutex<Vec<Weak<Pool>>>,
    stopped: AtomicBool,
    /// Makes up request ids.
    next_id: AtomicU64,
}

/// What [`Functions::sync`] changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// Functions that are new.
    pub added: usize,
    /// Functions whose processes are replaced.
    pub changed: usize,
    /// Functions that are gone.
    pub removed: usize,
    /// Functions that kept their processes.
    pub unchanged: usize,
}

impl Functions {
    /// Prepares to run functions on a runtime, of which there may be several threads.
    ///
    /// # Errors
    /// When the work directory cannot be written, or others may write to it.
    pub fn new(on: Handle, settings: Settings, sink: LogSink) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            on,
            host: Arc::new(Host::new(settings, sink)?),
            pools: ArcSwap::default(),
            changing: Mutex::default(),
            stopped: AtomicBool::new(false),
            next_id: AtomicU64::new(0),
        })))
    }

    /// Makes the functions equal to these. One whose spec is the same keeps its processes. One
    /// whose spec changed gets new processes at once; the old ones finish what runs and waits.
    /// Of two specs with one name the last counts. After [`Self::shutdown`] it does nothing.
    pub fn sync(&self, specs: Vec<FunctionSpec>) -> SyncReport {
        let mut report = SyncReport::default();
        let wanted: HashMap<String, FunctionSpec> = specs
            .into_iter()
            .map(|spec| (spec.name.clone(), spec))
            .collect();
        self.change(|pools| {
            let names: HashSet<&String> = wanted.keys().collect();
            let before = pools.len();
            pools.retain(|name, _| names.contains(name));
            report.removed = before - pools.len();
            for spec in wanted.values() {
                match pools.get(&spec.name) {
                    Some(entry) if entry.pool.spec == *spec => report.unchanged += 1,
                    Some(_) => report.changed += 1,
                    None => report.added += 1,
                }
                if pools
                    .get(&spec.name)
                    .is_none_or(|entry| entry.pool.spec != *spec)
                {
                    self.put(pools, spec.clone());
                }
            }
        });
        report
    }

    /// Replaces the processes of a function, for example because its files changed. What runs is
    /// finished. Says whether there is such a function.
    pub fn restart(&self, name: &str) -> bool {
        let mut found = false;
        self.change(|pools| {
            if let Some(spec) = pools.get(name).map(|entry| entry.pool.spec.clone()) {
                found = true;
                self.put(pools, spec);
            }
        });
        found
    }

    /// Runs a function once. Any thread may call it. Dropping the future gives up waiting; an
    /// invocation that runs already runs on.
    ///
    /// # Errors
    /// See [`InvokeError`]. An error that the function reports is not among them, see
    /// [`Outcome::function_error`].
    pub async fn invoke(&self, name: &str, invocation: Invocation) -> Result<Outcome, InvokeError> {
        let Invocation {
            payload,
            request_id,
            trace_id,
            deadline,
        } = invocation;
        let bytes_max = self.0.host.settings.request_bytes_max;
        if payload.len() > bytes_max {
            return Err(InvokeError::PayloadTooLarge {
                bytes: payload.len(),
                bytes_max,
            });
        }
        let request_id = self.checked_id(request_id);
        let trace_id = trace_id.filter(|id| is_visible(id)).map(Arc::from);
        let work = Work {
            payload,
            request_id,
            trace_id,
        };
        // A function may be replaced between the look-up and the hand-over.
        for _ in 0..HANDOVER_TRIES {
            let pool = self
                .0
                .pools
                .load()
                .get(name)
                .map(|entry| Arc::clone(&entry.pool));
            let Some(pool) = pool else { break };
            match pool.invoke(work.clone(), deadline, &self.0.on).await {
                Err(InvokeError::Stopped) if !pool.is_current() && !self.is_stopped() => {}
                reply => return reply,
            }
        }
        if self.is_stopped() {
            return Err(InvokeError::Stopped);
        }
        Err(InvokeError::UnknownFunction { name: name.into() })
    }

    /// All functions at this moment, by name.
    #[must_use]
    pub fn observe(&self) -> Vec<FunctionState> {
        let pools = self.0.pools.load();
        let mut states: Vec<FunctionState> = pools
            .values()
            .map(|entry| {
                let mut state = FunctionState {
                    name: entry.pool.spec.name.clone(),
                    ..Default::default()
                };
                state.count(&entry.counters);
                entry.pool.with(|pool| pool.observe(&mut state));
                state
            })
            .collect();
        states.sort_by(|a, b| a.name.cmp(&b.name));
        states
    }

    /// Takes no more invocations, lets those that run and wait finish until the deadline, and
    /// kills what is left then. Afterwards no process is left.
    pub async fn shutdown(&self, deadline: Duration) {
        let until = Instant::now() + deadline.min(TIMEOUT_MAX);
        let all = self.retire_all();
        let sleep_until = |at| {
            let _entered = self.0.on.enter();
            tokio::time::sleep_until(at)
        };
        tokio::select! {
            () = all_finished(&all) => return,
            () = sleep_until(until) => {}
        }
        for pool in &all {
            pool.stop(Mode::Stopped);
        }
        // Only a process that even the kernel cannot end is waited for in vain.
        tokio::select! {
            () = all_finished(&all) => {}
            () = sleep_until(Instant::now() + EXIT_GRACE + 3 * DRAIN_MAX) => {}
        }
    }

    /// Every pool that has processes; none takes invocations any more.
    fn retire_all(&self) -> Vec<Arc<Pool>> {
        // Under the lock, so that no change adds a pool afterwards.
        let retired = self.0.changing();
        self.0.stopped.store(true, Ordering::SeqCst);
        let current = self.0.pools.swap(Arc::default());
        let mut all: Vec<Arc<Pool>> = current.values().map(|e| Arc::clone(&e.pool)).collect();
        for pool in &all {
            pool.stop(Mode::Draining);
        }
        all.extend(retired.iter().filter_map(Weak::upgrade));
        all
    }

    fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// Changes the set of pools and lets those that are no longer in it finish.
    fn change(&self, change: impl FnOnce(&mut Pools)) {
        let mut retired = self.0.changing();
        if self.is_stopped() {
            return;
        }
        let before = self.0.pools.load_full();
        let mut after = Pools::clone(&before);
        change(&mut after);
        self.0.pools.store(Arc::new(after));
        let after = self.0.pools.load();
        retired.retain(|pool| pool.strong_count() > 0);
        for (name, old) in before.iter() {
            if after
                .get(name)
                .is_none_or(|new| !Arc::ptr_eq(&new.pool, &old.pool))
            {
                old.pool.stop(Mode::Draining);
                retired.push(Arc::downgrade(&old.pool));
            }
        }
    }

    /// Adds or replaces a function. Its totals go on.
    fn put(&self, pools: &mut Pools, spec: FunctionSpec) {
        let counters = pools.get(&spec.name).map(|old| Arc::clone(&old.counters));
        let counters = counters.unwrap_or_default();
        let name = spec.name.clone();
        let host = Arc::clone(&self.0.host);
        let pool = Pool::start(spec, host, Arc::clone(&counters), &self.0.on);
        pools.insert(name, Entry { pool, counters });
    }

    fn checked_id(&self, id: String) -> Arc<str> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=.:~".contains(&byte);
        if (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(allowed) {
            return id.into();
        }
        format!(
            "invocation-{}",
            self.0.next_id.fetch_add(1, Ordering::Relaxed)
        )
        .into()
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.pools.load().keys()).finish()
    }
}

impl Inner {
    fn changing(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Pool>>> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for entry in self.pools.load().values() {
            entry.pool.stop(Mode::Stopped);
        }
        for pool in self.changing().iter().filter_map(Weak::upgrade) {
            pool.stop(Mode::Stopped);
        }
    }
}

async fn all_finished(pools: &[Arc<Pool>]) {
    for pool in pools {
        pool.finished().await;
    }
}

/// Fits into a header and is not long.
fn is_visible(text: &str) -> bool {
    (1..=1024).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}
