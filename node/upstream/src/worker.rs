//! One worker's view of the groups: their pools, their turns, and what keeps them current.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::RandomState;
use tokio::task::spawn_local;

use crate::balance::Turns;
use crate::deadline::Timers;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::group::Group;
use crate::limits::SWEEP_INTERVAL;
use crate::pool::Pool;
use crate::registry::Upstreams;

/// What one worker has of its own.
pub(crate) struct Worker {
    upstreams: Arc<Upstreams>,
    /// The generation of the registry that `groups` reflects.
    generation: Cell<u64>,
    groups: RefCell<HashMap<Box<str>, Rc<WorkerGroup>, RandomState>>,
    pub(crate) timers: Rc<Timers>,
    sweeps: Cell<bool>,
}

/// A group as this worker uses it.
pub(crate) struct WorkerGroup {
    pub(crate) group: Arc<Group>,
    /// In the order of the group's servers.
    pub(crate) pools: Vec<Rc<Pool>>,
    pub(crate) turns: Turns,
}

impl Worker {
    pub(crate) fn new(upstreams: Arc<Upstreams>) -> Self {
        Self {
            upstreams,
            generation: Cell::new(0),
            groups: RefCell::new(HashMap::default()),
            timers: Rc::default(),
            sweeps: Cell::new(false),
        }
    }

    pub(crate) fn group(&self, name: &str) -> Result<Rc<WorkerGroup>, UpstreamError> {
        self.refresh();
        if let Some(group) = self.groups.borrow().get(name) {
            return Ok(Rc::clone(group));
        }
        let unknown = || UpstreamError::new(UpstreamErrorKind::UnknownGroup, name);
        let group = self.upstreams.group(name).ok_or_else(unknown)?;
        let group = Rc::new(WorkerGroup::new(group, &[]));
        self.groups
            .borrow_mut()
            .insert(name.into(), Rc::clone(&group));
        Ok(group)
    }

    /// Takes over changes of the registry: one atomic load when there are none.
    fn refresh(&self) {
        let generation = self.upstreams.generation();
        if generation == self.generation.replace(generation) {
            return;
        }
        self.groups.borrow_mut().retain(|name, mine| {
            let current = self.upstreams.group(name);
            if current
                .as_ref()
                .is_some_and(|group| Arc::ptr_eq(group, &mine.group))
            {
                return true;
            }
            let next = current.map(|group| WorkerGroup::new(group, &mine.pools));
            for pool in &mine.pools {
                let kept = next
                    .as_ref()
                    .is_some_and(|next| next.pools.iter().any(|other| Rc::ptr_eq(pool, other)));
                if !kept {
                    pool.retire();
                }
            }
            match next {
                Some(next) => *mine = Rc::new(next),
                None => return false,
            }
            true
        });
    }

    /// Begins to close idle connections, with the first one that is made.
    pub(crate) fn start_sweeping(self: &Rc<Self>) {
        if !self.sweeps.replace(true) {
            drop(spawn_local(sweep(Rc::downgrade(self))));
        }
    }
}

impl WorkerGroup {
    /// The group with the pools of those servers that it has in common with its predecessor.
    fn new(group: Arc<Group>, before: &[Rc<Pool>]) -> Self {
        let pools = group
            .servers
            .iter()
            .map(|server| {
                let kept = before.iter().find(|pool| Arc::ptr_eq(&pool.server, server));
                kept.map_or_else(|| Pool::new(Arc::clone(server)), Rc::clone)
            })
            .collect();
        Self {
            group,
            pools,
            turns: Turns::default(),
        }
    }
}

/// Closes idle connections in time, also on a worker that gets no requests any more.
async fn sweep(worker: Weak<Worker>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        let Some(worker) = worker.upgrade() else {
            return;
        };
        worker.refresh();
        let now = Instant::now();
        for group in worker.groups.borrow().values() {
            for pool in &group.pools {
                pool.sweep(now);
            }
        }
    }
}
