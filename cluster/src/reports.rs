//! Having every node tell what its leases spent, before somebody reads it.
//!
//! Nodes tell of some keys at a time on their own, as no decision waits for it. So it is asked for
//! where it is wanted.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;
use tollgate_state::NodeId;

use crate::Door;
use crate::peers::{Lane, kind};
use crate::raft::parts;

/// How long a node may take to tell: 100,000 keys are fifty commands. Of one that does not answer
/// the numbers are those of its last word.
const TELL_WITHIN: Duration = Duration::from_secs(1);
/// Nodes that are asked at the same time.
const ASKED_MAX: usize = 64;
/// Questions that wait for this node to tell. They are answered together.
const WAITING_MAX: usize = 64;

/// Questions of other nodes for what this node's leases spent. Clones share them.
#[derive(Debug, Clone)]
pub struct Reports {
    ask: mpsc::Sender<oneshot::Sender<()>>,
    asked: Arc<Mutex<mpsc::Receiver<oneshot::Sender<()>>>>,
}

impl Default for Reports {
    fn default() -> Self {
        let (ask, asked) = mpsc::channel(WAITING_MAX);
        let asked = Arc::new(Mutex::new(asked));
        Self { ask, asked }
    }
}

impl Reports {
    /// Waits until this node is asked: it then tells what its leases spent until now, and when that
    /// is agreed on says so to all who wait.
    pub async fn asked(&self) -> Told {
        let mut asked = self.asked.lock().await;
        let mut waiting: Vec<_> = asked.recv().await.into_iter().collect();
        while let Ok(also) = asked.try_recv() {
            waiting.push(also);
        }
        Told(waiting)
    }

    /// Answers another node's question once this node has told; who asked bounds the wait. `None`
    /// when nobody here can tell, it was not agreed on in time, or too many ask.
    pub(crate) async fn tell(&self) -> Option<Vec<u8>> {
        let (done, told) = oneshot::channel();
        self.ask.try_send(done).ok()?;
        told.await.ok()?;
        Some(Vec::new())
    }
}

/// Who waits for this node to have told. Dropped, they hear that it could not.
#[derive(Debug)]
pub struct Told(Vec<oneshot::Sender<()>>);

impl Told {
    /// It has.
    pub fn answer(self) {
        for waiting in self.0 {
            // Who asked may have given up.
            waiting.send(()).ok();
        }
    }
}

impl Door {
    /// Where this node hears that it should tell what its leases spent.
    #[must_use]
    pub fn reports(&self) -> Reports {
        self.reports.clone()
    }

    /// Has every other node tell what its leases spent until now, and waits until this node shows
    /// it: about a round trip and a flush, and at most a few seconds. `false` when a node did not
    /// answer, or nobody can say now what is agreed on; numbers may then be older.
    pub async fn reported_everywhere(&self) -> bool {
        let me = self.members().node;
        let others: Vec<NodeId> =
            self.read(|state| state.live_ids().filter(|id| *id != me).collect());
        if others.is_empty() {
            return true;
        }
        let door = self.clone();
        // On the cluster's thread: a lane ends with the runtime that it was opened on.
        let all = self.runtime.spawn(async move {
            let told = door.ask_all(others).await;
            told & door.reach_read_index().await
        });
        all.await.unwrap_or(false)
    }

    async fn ask_all(&self, mut nodes: Vec<NodeId>) -> bool {
        let mut asked = JoinSet::new();
        let mut told = true;
        loop {
            while asked.len() < ASKED_MAX
                && let Some(node) = nodes.pop()
            {
                let transport = Arc::clone(&self.transport);
                asked.spawn(async move {
                    let place = (node, Lane::Rpc, kind::REPORT);
                    let answer = parts::call(&*transport, place, "".into(), TELL_WITHIN).await;
                    answer.is_ok()
                });
            }
            match asked.join_next().await {
                Some(answered) => told &= answered.unwrap_or(false),
                None => return told,
            }
        }
    }
}
