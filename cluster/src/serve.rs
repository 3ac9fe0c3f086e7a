//! What this node does when another one calls it.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tollgate_protocol::codec::CodecError;
use tollgate_state::NodeId;

use crate::Door;
use crate::everywhere::{self, Served};
use crate::introductions;
use crate::peers::kind;
use crate::pilot::Leaving;
use crate::proposer::{ATTEMPT_DEADLINE, Answer, Group};
use crate::raft::Raft;
use crate::raft::ballot;
use crate::raft::handover;
use crate::raft::network::{self, ServeError};
use crate::raft::parts::{self, Incoming, Received, TransferId};
use crate::raft::snapshot::Image;
use crate::raft::wire::{HandOverV1, ProposeV1, ProposeVerdictV1, ProposedV1};
use crate::rates;

/// Answers the calls of other nodes. The caller is who it says: the link has checked it.
#[derive(Clone)]
pub struct Server {
    pub(crate) raft: Raft,
    pub(crate) groups: mpsc::Sender<Group>,
    pub(crate) incoming: Incoming,
    pub(crate) served: Served,
    pub(crate) leaving: Leaving,
    pub(crate) door: Door,
}

/// Why a peer's call is not answered; told to the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl From<CodecError> for Refused {
    fn from(error: CodecError) -> Self {
        Self(error.to_string())
    }
}

impl From<ServeError> for Refused {
    fn from(error: ServeError) -> Self {
        Self(error.to_string())
    }
}

impl Server {
    /// Serves what is behind a door.
    pub(crate) fn new(door: &Door, incoming: Incoming) -> Self {
        Self {
            raft: door.raft.clone(),
            groups: door.groups.clone(),
            incoming,
            served: door.served.clone(),
            leaving: door.leaving.clone(),
            door: door.clone(),
        }
    }

    /// Answers one call.
    ///
    /// # Errors
    /// [`Refused`] when it makes no sense or this node is stopping.
    pub async fn serve(&self, from: NodeId, of: u8, body: Bytes) -> Result<Bytes, Refused> {
        let body = match self.incoming.receive(from, of, body).await {
            Received::Body(image, transfer) if of == kind::INSTALL => {
                return self.install(from, image, transfer).await;
            }
            Received::Body(Image::Bytes(body), _) => body,
            Received::Progress(answer) => {
                self.door.heard.arrived(from);
                return Ok(answer);
            }
            Received::Unkept(reason) => return Err(Refused(reason)),
            Received::Body(..) | Received::Malformed => {
                return Err(Refused("the call cannot be read".into()));
            }
        };
        let answer = match of {
            kind::APPEND | kind::VOTE => {
                network::serve(&self.raft, (from, &self.door.heard), of, &body).await?
            }
            kind::STATUS => self.door.sealed_status().await?,
            kind::HAND_OVER => {
                let to = HandOverV1::received(&body)?;
                let me = self.door.office.node;
                if !handover::obey(&self.raft, me, from, &to).await {
                    return Err(Refused("that leader is not followed here".into()));
                }
                Vec::new()
            }
            kind::LEAVE => {
                self.leaving.said(from);
                Vec::new()
            }
            kind::WHO => self
                .door
                .read(|state| introductions::answer(state, &body))?,
            kind::RATES | kind::RATE_ASK => rates::answer(&self.door, from, of, &body)
                .ok_or_else(|| Refused("the words about rates cannot be read".into()))?,
            kind::WOULD_VOTE => ballot::answer(&self.raft, &self.door.heard),
            kind::READ_INDEX => {
                let index = self.door.read_index().await;
                let index = index.ok_or_else(|| Refused("this node does not lead".into()))?;
                index.to_le_bytes().to_vec()
            }
            kind::PROPOSE => self.propose(&body).await?,
            kind::REPORT => self
                .door
                .reports
                .tell(&body)
                .await
                .ok_or_else(|| Refused("this node cannot tell now".into()))?,
            kind::ASK => {
                let answer = self.door.answerers.answer(body).await;
                answer.ok_or_else(|| Refused("the question cannot be answered".into()))?
            }
            kind::SERVED => {
                let served = everywhere::wait_served(&self.served, &body).await;
                served.ok_or_else(|| Refused("the question cannot be answered".into()))?
            }
            _ => return Err(Refused(format!("there is no call {of}"))),
        };
        Ok(parts::answer(&answer))
    }

    /// Installs a leader's snapshot, or says that it is still worked at. One that cannot be read or
    /// kept is fetched anew: the file that it came in may be what is damaged, or in the way.
    async fn install(
        &self,
        from: NodeId,
        image: Image,
        transfer: Option<TransferId>,
    ) -> Result<Bytes, Refused> {
        let total = image.len();
        let (node, heard) = ((&self.raft, &self.door.machine), (from, &self.door.heard));
        let installed = network::install(node, heard, image, self.incoming.limits()).await;
        if let Err(ServeError::Snapshot(_) | ServeError::Prepare(_)) = &installed
            && let Some(transfer) = transfer
        {
            self.incoming.give_up(from, transfer);
        }
        Ok(match installed? {
            Some(vote) => parts::answer(&vote),
            None => parts::progress(total),
        })
    }

    /// Takes another node's commands into the queue, if this node leads. Who does not lead says so
    /// at once: its queue may wait for another node, which waits for this one.
    async fn propose(&self, body: &[u8]) -> Result<Vec<u8>, Refused> {
        let commands = ProposeV1::open(body)?.commands;
        let door = &self.door;
        if !door.office.writes() {
            let leader = door.heard.leader(&self.raft);
            let leader = leader.filter(|leader| *leader != door.office.node);
            let verdict = ProposeVerdictV1::Elsewhere(leader);
            return Ok(ProposedV1 { verdict }.seal()?);
        }
        let (answer, answered) = oneshot::channel();
        let group = Group {
            commands,
            deadline: Instant::now() + ATTEMPT_DEADLINE,
            answer: Answer::Peer(answer),
        };
        let verdict = match self.groups.try_send(group) {
            Ok(()) => answered.await.unwrap_or(ProposeVerdictV1::Unknown),
            Err(_) => ProposeVerdictV1::Overloaded,
        };
        Ok(ProposedV1 { verdict }.seal()?)
    }
}
