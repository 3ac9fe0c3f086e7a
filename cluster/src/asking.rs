//! Questions between nodes that the cluster itself does not understand.
//!
//! What lies above (the audit trail, open connections) answers them for its node; here they are
//! only carried. The asker bounds the wait, the answerer the answer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::task::JoinSet;
use tollgate_state::NodeId;

use crate::Door;
use crate::peers::{Boxed, CallError, Lane, kind};
use crate::raft::parts;

/// Bytes of an answer. A longer one is none.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Nodes that are asked at the same time.
const ASKED_MAX: usize = 64;

/// What a question is about. Numbers go over the wire: none is ever given to something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Topic {
    /// The audit trail of the asked node.
    Audit = 1,
    /// The WebSocket connections of the asked node.
    Sockets = 2,
}

impl Topic {
    const COUNT: usize = 2;

    fn from_wire(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Audit),
            2 => Some(Self::Sockets),
            _ => None,
        }
    }
}

/// Answers the questions of one topic; `None` when it cannot.
pub type Answerer = Box<dyn Fn(Bytes) -> Boxed<Option<Vec<u8>>> + Send + Sync>;

/// Who answers what on this node. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Answerers(Arc<[OnceLock<Answerer>; Topic::COUNT]>);

impl Answerers {
    fn of(&self, topic: Topic) -> Option<&OnceLock<Answerer>> {
        self.0.get(usize::from(topic as u8) - 1)
    }

    /// Answers another node's question; `None` when nobody here can.
    pub(crate) async fn answer(&self, mut question: Bytes) -> Option<Vec<u8>> {
        let topic = Topic::from_wire(*question.first()?)?;
        let answerer = self.of(topic)?.get()?;
        let answer = answerer(question.split_off(1)).await?;
        (answer.len() <= ANSWER_BYTES_MAX).then_some(answer)
    }
}

/// A question as it goes over the wire.
fn about(topic: Topic, question: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(1 + question.len());
    body.put_u8(topic as u8);
    body.extend_from_slice(question);
    body.freeze()
}

impl Door {
    /// Gives the questions of a topic to an answerer, once in a node's life: a second one is ignored.
    pub fn answer(&self, topic: Topic, answerer: Answerer) {
        if let Some(place) = self.answerers.of(topic) {
            // Who came first stays.
            drop(place.set(answerer));
        }
    }

    /// Asks one other node, at most this long.
    ///
    /// # Errors
    /// [`CallError`]: certainly not delivered, nobody can say, or the node cannot answer.
    pub async fn ask(
        &self,
        node: NodeId,
        topic: Topic,
        question: &[u8],
        within: Duration,
    ) -> Result<Bytes, CallError> {
        let body = about(topic, question);
        let transport = Arc::clone(&self.transport);
        let place = (node, Lane::Rpc, kind::ASK);
        // On the cluster's thread, as below.
        let asking = self
            .runtime
            .spawn(async move { parts::call(&*transport, place, body, within).await });
        asking.await.unwrap_or(Err(CallError::Unknown(node)))
    }

    /// Asks every other node that belongs to the cluster, at most this long. What each answered, in
    /// the order of their ids.
    pub async fn ask_others(
        &self,
        topic: Topic,
        question: &[u8],
        within: Duration,
    ) -> Vec<(NodeId, Result<Bytes, CallError>)> {
        let me = self.members().node;
        let mut others: Vec<NodeId> =
            self.read(|state| state.live_ids().filter(|id| *id != me).collect());
        if others.is_empty() {
            return Vec::new();
        }
        let body = about(topic, question);
        let transport = Arc::clone(&self.transport);
        // On the cluster's thread: a lane ends with the runtime that it was opened on.
        let asking = self.runtime.spawn(async move {
            let (mut asked, mut answers) = (JoinSet::new(), Vec::new());
            loop {
                while asked.len() < ASKED_MAX
                    && let Some(node) = others.pop()
                {
                    let (transport, body) = (Arc::clone(&transport), body.clone());
                    asked.spawn(async move {
                        let place = (node, Lane::Rpc, kind::ASK);
                        (node, parts::call(&*transport, place, body, within).await)
                    });
                }
                match asked.join_next().await {
                    Some(answer) => answers.extend(answer),
                    None => return answers,
                }
            }
        });
        let mut answers = asking.await.unwrap_or_default();
        answers.sort_by_key(|(node, _)| *node);
        answers
    }
}
