//! openraft's calls to other nodes, and their calls to it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::error::{
    Fatal, NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable,
};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{EmptyNode, Snapshot};
use tollgate_protocol::codec::CodecError;
use tollgate_state::NodeId;

use super::beside::Beside;
use super::gate::Gate;
use super::heard::Heard;
use super::machine::Machine;
use super::parts::{Body, Transfers, Within};
use super::snapshot::{self, Image};
use super::wire::{AppendV1, AppendedV1, AskVoteV1, MetaV1, VoteV1, VotedV1};
use super::{HEARTBEAT_MS, Raft, Types, Vote, parts};
use crate::peers::{CallError, Lane, Transport, kind};
use crate::pilot::Contacts;

/// Makes the way to each node.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) contacts: Contacts,
    pub(crate) gate: Gate,
    pub(crate) beside: Beside,
}

/// The way to one node.
pub(crate) struct Peer {
    node: NodeId,
    transport: Arc<dyn Transport>,
    contacts: Contacts,
    gate: Gate,
    beside: Beside,
}

type RpcError = RPCError<NodeId, EmptyNode, RaftError<NodeId>>;

impl RaftNetworkFactory<Types> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: NodeId, _node: &EmptyNode) -> Peer {
        Peer {
            node: target,
            transport: Arc::clone(&self.transport),
            contacts: self.contacts.clone(),
            gate: self.gate.clone(),
            beside: self.beside.clone(),
        }
    }
}

impl Peer {
    /// Lets a node that a snapshot is on its way to know that its leader lives. openraft sends it
    /// nothing else meanwhile, and a voter that heard nothing would ask for votes in a new term:
    /// the leader of everybody else would have to step down.
    async fn keep_alive(&self, vote: Vote) -> Infallible {
        let sign = AppendEntriesRequest {
            vote,
            prev_log_id: None,
            entries: Vec::new(),
            leader_commit: None,
        };
        let pause = Duration::from_millis(HEARTBEAT_MS);
        loop {
            tokio::time::sleep(pause).await;
            let body = AppendV1::from_request(&sign).and_then(|it| it.seal());
            let (Ok(()), Ok(body)) = (self.gate.pass(), body) else {
                continue;
            };
            // What a refusal means is in the answer to the snapshot.
            if self.call(kind::APPEND, body, pause).await.is_ok() {
                self.contacts.heard(self.node);
            }
        }
    }

    async fn call(&self, kind: u8, body: Vec<u8>, within: Duration) -> Result<Bytes, CallError> {
        let place = (self.node, Lane::Raft, kind);
        parts::call(&*self.transport, place, body.into(), within).await
    }
}

fn rpc_error(error: &CallError) -> RpcError {
    match error {
        CallError::Unreachable(_) | CallError::Removed(_) | CallError::Refused { .. } => {
            RPCError::Unreachable(Unreachable::new(error))
        }
        CallError::Unknown(_) => RPCError::Network(NetworkError::new(error)),
    }
}

fn unreadable(error: &CodecError) -> RpcError {
    RPCError::Unreachable(Unreachable::new(error))
}

impl RaftNetwork<Types> for Peer {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<NodeId>, RpcError> {
        let open = self.gate.pass();
        open.map_err(|silent| RPCError::Unreachable(Unreachable::new(&silent)))?;
        let body = AppendV1::from_request(&request).and_then(|it| it.seal());
        let body = body.map_err(|error| unreadable(&error))?;
        let answer = self.call(kind::APPEND, body, option.hard_ttl()).await;
        let answer = answer.map_err(|error| rpc_error(&error))?;
        self.contacts.heard(self.node);
        let appended = AppendedV1::open(&answer).and_then(AppendEntriesResponse::try_from);
        appended.map_err(|error| unreadable(&error))
    }

    async fn vote(
        &mut self,
        request: VoteRequest<NodeId>,
        option: RPCOption,
    ) -> Result<VoteResponse<NodeId>, RpcError> {
        let body = AskVoteV1::from(request).seal();
        let body = body.map_err(|error| unreadable(&error))?;
        let answer = self.call(kind::VOTE, body, option.hard_ttl()).await;
        if matches!(answer, Err(CallError::Removed(_))) {
            self.gate.doubt();
        }
        let answer = answer.map_err(|error| rpc_error(&error))?;
        let voted = VotedV1::open(&answer).and_then(VoteResponse::try_from);
        voted.map_err(|error| unreadable(&error))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<Types>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<NodeId>, StreamingError<Types, Fatal<NodeId>>> {
        let open = self.gate.pass();
        open.map_err(|silent| StreamingError::Unreachable(Unreachable::new(&silent)))?;
        let meta = MetaV1::new(snapshot.meta.last_log_id, &snapshot.meta.last_membership);
        let unreadable = |error: &CodecError| StreamingError::Unreachable(Unreachable::new(error));
        let head = snapshot::transfer_head(&vote.into(), &meta);
        let head = head.map_err(|error| unreadable(&error))?;
        let body = Body::with_image(head.into(), *snapshot.snapshot, self.beside.clone());
        let place = (self.node, Lane::Raft, kind::INSTALL);
        let within = Within::Step(option.hard_ttl());
        let answer = tokio::select! {
            biased;
            answer = parts::send(&*self.transport, place, body, within) => answer,
            closed = cancel => return Err(StreamingError::Closed(closed)),
            never = self.keep_alive(vote) => match never {},
        };
        let answer = answer.map_err(|error| match &error {
            CallError::Unknown(_) => StreamingError::Network(NetworkError::new(&error)),
            _ => StreamingError::Unreachable(Unreachable::new(&error)),
        })?;
        let vote = VoteV1::open(&answer).and_then(Vote::try_from);
        let vote = vote.map_err(|error| unreadable(&error))?;
        Ok(SnapshotResponse { vote })
    }
}

/// Why a peer's call is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("the call cannot be read: {0}")]
    Malformed(#[from] CodecError),
    #[error("the snapshot cannot be read: {0}")]
    Snapshot(#[from] snapshot::ReadError),
    #[error("the snapshot cannot be kept: {0}")]
    Prepare(#[from] std::io::Error),
    #[error("this node is stopping: {0}")]
    Stopped(String),
}

/// Answers a peer's call to consensus; `from` is heard where it leads.
pub(crate) async fn serve(
    raft: &Raft,
    (from, heard): (NodeId, &Heard),
    of: u8,
    body: &Bytes,
) -> Result<Vec<u8>, ServeError> {
    let stopped = |error: RaftError<NodeId>| ServeError::Stopped(error.to_string());
    match of {
        kind::APPEND => {
            let request = AppendV1::open(body)?.into_request()?;
            heard.arrived(from);
            let response = raft.append_entries(request).await.map_err(stopped)?;
            if !matches!(response, AppendEntriesResponse::HigherVote(_)) {
                heard.accepted(from);
            }
            Ok(AppendedV1::from(response).seal()?)
        }
        kind::VOTE => {
            let request = VoteRequest::<NodeId>::try_from(AskVoteV1::open(body)?)?;
            let response = raft.vote(request).await.map_err(stopped)?;
            Ok(VotedV1::from(response).seal()?)
        }
        _ => Err(ServeError::Malformed(CodecError::WrongKind(of))),
    }
}

/// Installs a snapshot of a peer; `None` when that takes longer than a call should. It is gone on
/// with, and the peer asks again.
pub(crate) async fn install(
    (raft, machine): (&Raft, &Machine),
    (from, heard): (NodeId, &Heard),
    body: Image,
    limits: &Transfers,
) -> Result<Option<Vec<u8>>, ServeError> {
    let (vote, meta, image) = snapshot::from_transfer(body)?;
    heard.arrived(from);
    let prepared = machine.prepare(&meta, image, limits.answer_within).await?;
    let Some(image) = prepared else {
        return Ok(None);
    };
    let snapshot = Snapshot {
        meta: meta.to_openraft(),
        snapshot: Box::new(image),
    };
    heard.arrived(from);
    let response = raft
        .install_full_snapshot(vote, snapshot)
        .await
        .map_err(|error| ServeError::Stopped(error.to_string()))?;
    if response.vote == vote {
        heard.accepted(from);
    }
    Ok(Some(VoteV1::from(response.vote).seal()?))
}
