//! openraft's calls to other nodes, and their calls to it.

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

use super::gate::Gate;
use super::heard::Heard;
use super::snapshot::{self, Image};
use super::wire::{AppendV1, AppendedV1, AskVoteV1, MetaV1, VoteV1, VotedV1};
use super::{Raft, Types, Vote, parts};
use crate::peers::{CallError, Lane, Transport, kind};
use crate::pilot::Contacts;

/// Makes the way to each node.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) contacts: Contacts,
    pub(crate) gate: Gate,
}

/// The way to one node.
pub(crate) struct Peer {
    node: NodeId,
    transport: Arc<dyn Transport>,
    contacts: Contacts,
    gate: Gate,
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
        }
    }
}

impl Peer {
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
        let appended = AppendedV1::open(&answer).map_err(|error| unreadable(&error))?;
        Ok(appended.into())
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
            self.gate.retire();
        }
        let answer = answer.map_err(|error| rpc_error(&error))?;
        let voted = VotedV1::open(&answer).map_err(|error| unreadable(&error))?;
        Ok(voted.into())
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
        let body = snapshot::to_transfer(&vote.into(), &meta, &snapshot.snapshot.0);
        let body = body.map_err(|error| unreadable(&error))?;
        let answer = tokio::select! {
            biased;
            answer = self.call(kind::INSTALL, body, option.hard_ttl()) => answer,
            closed = cancel => return Err(StreamingError::Closed(closed)),
        };
        let answer = answer.map_err(|error| match &error {
            CallError::Unknown(_) => StreamingError::Network(NetworkError::new(&error)),
            _ => StreamingError::Unreachable(Unreachable::new(&error)),
        })?;
        let vote = VoteV1::open(&answer).map_err(|error| unreadable(&error))?;
        Ok(SnapshotResponse { vote: vote.into() })
    }
}

/// Why a peer's call is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("the call cannot be read: {0}")]
    Malformed(#[from] CodecError),
    #[error("the snapshot cannot be read: {0}")]
    Snapshot(#[from] snapshot::ReadError),
    #[error("this node is stopping: {0}")]
    Stopped(String),
}

/// Answers a peer's call to consensus; `from` is heard where it leads.
pub(crate) async fn serve(
    raft: &Raft,
    (from, heard): (NodeId, &Heard),
    of: u8,
    body: &[u8],
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
            let request = AskVoteV1::open(body)?.into();
            let response = raft.vote(request).await.map_err(stopped)?;
            Ok(VotedV1::from(response).seal()?)
        }
        kind::INSTALL => {
            let (vote, meta, image) = snapshot::from_transfer(body)?;
            let snapshot = Snapshot {
                meta: meta.to_openraft(),
                snapshot: Box::new(Image(image.to_vec())),
            };
            heard.arrived(from);
            let vote = Vote::from(vote);
            let response = raft
                .install_full_snapshot(vote, snapshot)
                .await
                .map_err(|error| ServeError::Stopped(error.to_string()))?;
            if response.vote == vote {
                heard.accepted(from);
            }
            Ok(VoteV1::from(response.vote).seal()?)
        }
        _ => Err(ServeError::Malformed(CodecError::WrongKind(of))),
    }
}
