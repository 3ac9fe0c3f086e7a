//! Having every node tell what its leases spent, before somebody reads it.
//!
//! Nodes tell of some keys at a time on their own, as no decision waits for it. So it is asked for
//! where it is wanted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;
use tollgate_state::NodeId;

use crate::peers::{Lane, kind};
use crate::raft::parts;
use crate::raft::wire::ReportV1;
use crate::{Door, Place};

/// How long a node may take to tell: 100,000 keys are fifty commands. Of one that does not answer
/// the numbers are those of its last word.
const TELL_WITHIN: Duration = Duration::from_secs(1);
/// Nodes that are asked at the same time.
const ASKED_MAX: usize = 64;
/// Questions that wait for this node to tell. They are answered together.
const WAITING_MAX: usize = 64;

/// Of which leases a node tells what they spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Of all.
    All,
    /// Of these keys' alone, of which somebody reads the numbers: with very many keys in use a word
    /// on each of them is much.
    Of(BTreeSet<Place>),
}

impl From<Option<Place>> for Scope {
    fn from(of: Option<Place>) -> Self {
        of.map_or(Self::All, |place| Self::Of(BTreeSet::from([place])))
    }
}

impl Scope {
    fn add(&mut self, of: Option<Place>) {
        match (&mut *self, of) {
            (Self::Of(places), Some(place)) => drop(places.insert(place)),
            (Self::All, Some(_)) => {}
            (_, None) => *self = Self::All,
        }
    }
}

/// A question: of one key or of all, and who waits.
type Question = (Option<Place>, oneshot::Sender<()>);

/// Questions of other nodes for what this node's leases spent. Clones share them.
#[derive(Debug, Clone)]
pub struct Reports {
    ask: mpsc::Sender<Question>,
    asked: Arc<Mutex<mpsc::Receiver<Question>>>,
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
        let mut questions: Vec<Question> = asked.recv().await.into_iter().collect();
        while let Ok(also) = asked.try_recv() {
            questions.push(also);
        }
        let (mut scope, mut waiting) = (Scope::Of(BTreeSet::new()), Vec::new());
        for (of, who) in questions {
            scope.add(of);
            waiting.push(who);
        }
        Told { scope, waiting }
    }

    /// Answers another node's question once this node has told; who asked bounds the wait. `None`
    /// when nobody here can tell, it was not agreed on in time, too many ask, or the question cannot
    /// be read.
    pub(crate) async fn tell(&self, question: &[u8]) -> Option<Vec<u8>> {
        let question = ReportV1::open(question).ok()?;
        let (done, told) = oneshot::channel();
        self.ask.try_send((question.of, done)).ok()?;
        told.await.ok()?;
        Some(Vec::new())
    }
}

/// Who waits for this node to have told. Dropped, they hear that it could not.
#[derive(Debug)]
pub struct Told {
    scope: Scope,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Told {
    /// Of what it is to tell, together.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope.clone()
    }

    /// It has.
    pub fn answer(self) {
        for waiting in self.waiting {
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

    /// Has every other node tell what its leases spent until now, of one key in a plan or of all, and
    /// waits until this node shows it: about a round trip and a flush, and at most a few seconds. `false` when a node did not
    /// answer, or nobody can say now what is agreed on; numbers may then be older.
    pub async fn reported_everywhere(&self, of: Option<Place>) -> bool {
        let me = self.members().node;
        let others: Vec<NodeId> =
            self.read(|state| state.live_ids().filter(|id| *id != me).collect());
        if others.is_empty() {
            return true;
        }
        let Ok(question) = (ReportV1 { of }).seal() else {
            return false;
        };
        let door = self.clone();
        // On the cluster's thread: a lane ends with the runtime that it was opened on.
        let all = self.runtime.spawn(async move {
            let told = door.ask_all(others, question.into()).await;
            told & door.reach_read_index().await
        });
        all.await.unwrap_or(false)
    }

    async fn ask_all(&self, mut nodes: Vec<NodeId>, question: Bytes) -> bool {
        let mut asked = JoinSet::new();
        let mut told = true;
        loop {
            while asked.len() < ASKED_MAX
                && let Some(node) = nodes.pop()
            {
                let (transport, question) = (Arc::clone(&self.transport), question.clone());
                asked.spawn(async move {
                    let place = (node, Lane::Rpc, kind::REPORT);
                    let answer = parts::call(&*transport, place, question, TELL_WITHIN).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn questions_that_wait_are_answered_together() {
        let reports = Reports::default();
        let places: Vec<Place> = ["a", "b"].map(|key| ("p".into(), key.into())).into();
        for questions in [&[Some(0), Some(1), Some(0)][..], &[Some(0), None, Some(1)]] {
            for at in questions {
                let of = at.map(|at: usize| places[at].clone());
                let (done, _) = oneshot::channel();
                reports.ask.try_send((of, done)).unwrap();
            }
            let scope = reports.asked().await.scope();
            if questions.contains(&None) {
                assert_eq!(scope, Scope::All);
            } else {
                assert_eq!(scope, Scope::Of(places.iter().cloned().collect()));
            }
        }
    }
}
