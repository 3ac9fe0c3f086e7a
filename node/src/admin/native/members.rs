//! Nodes of the cluster: who they are, how one is let in, how one goes.

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::{AwsError, ErrorKind};
use tollgate_cluster::{DoorError, Members, TokenError};
use tollgate_protocol::Millis;
use tollgate_protocol::hex::to_hex;
use tollgate_state::{Command, Node, NodeId, ProposalId, Reply, State};

use crate::admin::call::{Call, above, unavailable};
use crate::admin::reply::{Outcome, Reply as Answer};

/// How long a token admits unless told otherwise.
const TOKEN_SECONDS: u64 = 3_600;

/// The cluster for `GET status`: consensus as this node sees it, and how every node that answers
/// says it does.
pub(super) async fn overview(call: &Call<'_>) -> Value {
    let door = &call.state.door;
    let told = door.status_of_all().await;
    let members = door.members();
    let (cluster, level, items) = door.read(|state| {
        let nodes = state.nodes().iter().filter(|(_, it)| it.removed.is_none());
        let items: Vec<Value> = nodes
            .map(|(id, node)| {
                let mut item = item(*id, node, &members);
                let told = told.get(id);
                item["answers"] = told.is_some().into();
                item["revision"] = told.map(|it| it.revision).into();
                item["servedRevision"] = told.map(|it| it.served).into();
                item["appliedIndex"] = told.map(|it| it.applied).into();
                item["diskBytes"] = told.map(|it| it.disk_bytes).into();
                item
            })
            .collect();
        let cluster = state.founding().map(|it| to_hex(&it.cluster));
        (cluster, state.level(), items)
    });
    json!({
        "clusterId": cluster,
        "nodeId": members.node,
        "role": members.role,
        "leaderId": members.leader,
        "agrees": members.agrees(),
        "featureLevel": level,
        "term": members.term,
        "voters": members.voters,
        "learners": members.learners,
        "lastIndex": members.last_log,
        "appliedIndex": members.applied,
        "snapshotIndex": members.snapshot,
        "quorumAckMs": members.quorum_ack_ms,
        "nodes": items,
    })
}

/// `GET members`
pub(super) fn list(call: &Call<'_>) -> Outcome {
    let door = &call.state.door;
    let members = door.members();
    let items: Vec<Value> = door.read(|state| {
        let nodes = state.nodes().iter();
        nodes.map(|(id, node)| item(*id, node, &members)).collect()
    });
    Ok(Answer::json(
        200,
        json!({
            "nodeId": members.node,
            "leaderId": members.leader,
            "term": members.term,
            "items": items,
        }),
    ))
}

fn item(id: NodeId, node: &Node, members: &Members) -> Value {
    let role = if node.removed.is_some() {
        "removed"
    } else if members.leader == Some(id) {
        "leader"
    } else if members.voters.contains(&id) {
        "voter"
    } else if members.learners.contains(&id) {
        "learner"
    } else {
        "joining"
    };
    // Only the leader knows how far the others are.
    let lag = match members.matched.get(&id) {
        Some(matched) => Some(members.last_log.saturating_sub(*matched)),
        None if id == members.node => Some(members.last_log.saturating_sub(members.applied)),
        None => None,
    };
    json!({
        "nodeId": id,
        "name": node.name,
        "role": role,
        "peer": node.addresses.peer,
        "http": node.addresses.http,
        "admin": node.addresses.admin,
        "version": node.version,
        "levels": [node.levels.0, node.levels.1],
        "incarnation": node.incarnation,
        "joinedMs": node.joined.0,
        "lagEntries": lag,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NewToken {
    ttl_seconds: u64,
    uses: u32,
}

impl Default for NewToken {
    fn default() -> Self {
        Self {
            ttl_seconds: TOKEN_SECONDS,
            uses: 1,
        }
    }
}

/// `POST tokens`
pub(super) async fn create_token(call: &Call<'_>) -> Outcome {
    let wanted: NewToken = call.input()?;
    let state = call.state;
    let now = state.clock.now();
    let expires = Millis(
        now.0
            .saturating_add(wanted.ttl_seconds.saturating_mul(1000)),
    );
    let token = state
        .door
        .create_token(expires, wanted.uses, call.who)
        .await;
    let token = token.map_err(|error| match error {
        TokenError::Door(error) => unavailable(&error),
        other => AwsError::bad_request(other.to_string()),
    })?;
    let me = state.door.members().node;
    let address = state.door.read(|state| {
        let node = state.nodes().get(&me);
        node.and_then(|it| it.addresses.peer.first().cloned())
    });
    tracing::info!(who = call.who, token = %token.id, uses = wanted.uses, "join token made");
    Ok(Answer::json(
        201,
        json!({
            "id": token.id.to_string(),
            "token": token.to_string(),
            "address": address,
            "expiresMs": expires.0,
            "uses": wanted.uses,
        }),
    ))
}

/// `DELETE tokens/ID`
pub(super) async fn revoke_token(call: &Call<'_>, id: &str) -> Outcome {
    let command = Command::RevokeToken { id: id.to_owned() };
    match propose(call, command).await? {
        Reply::Done => Ok(Answer::json(200, json!({}))),
        other => Err(refused(&other)),
    }
}

/// `DELETE members/ID`
pub(super) async fn remove(call: &Call<'_>, id: &str) -> Outcome {
    let node: NodeId = id
        .parse()
        .map_err(|_| AwsError::bad_request(format!("`{id}` is no node id")))?;
    if is_last(call, node) {
        return Err(last());
    }
    spared(call, node).await?;
    let command = Command::RemoveNode {
        node,
        who: call.who.to_owned(),
    };
    match propose(call, command).await? {
        Reply::Done => {
            tracing::warn!(who = call.who, node, "node removed");
            Ok(Answer::json(200, json!({"nodeId": node})))
        }
        other => Err(refused(&other)),
    }
}

/// `POST leave`: of the node that is asked.
pub(super) fn leave(call: &Call<'_>) -> Outcome {
    let door = &call.state.door;
    let members = door.members();
    if is_last(call, members.node) {
        return Err(last());
    }
    if !members.agrees() {
        let text = "no majority of the cluster answers, so nobody can take this node's place; \
                    try again";
        return Err(AwsError::new(ErrorKind::ServiceUnavailable, text).with_retry_after(1));
    }
    tracing::warn!(who = call.who, "leaving the cluster");
    call.state.runtime.leave(call.who);
    Ok(Answer::json(202, json!({"nodeId": members.node})))
}

/// Whether a cluster would be empty without this node.
fn is_last(call: &Call<'_>, node: NodeId) -> bool {
    let others = |state: &State| state.live_ids().any(|id| id != node);
    !call.state.door.read(others)
}

/// Whether the other voters can agree without this node. A removed node is refused by the others at
/// once: if they needed it, they could not even agree to do without it.
async fn spared(call: &Call<'_>, node: NodeId) -> Result<(), AwsError> {
    let door = &call.state.door;
    let answering = door.status_of_all().await;
    let voters = door.members().voters;
    let left = voters
        .iter()
        .filter(|id| **id != node && answering.contains_key(id));
    if left.count() * 2 > voters.len() {
        return Ok(());
    }
    let text = format!(
        "without node {node} no majority of the voters answers; if it runs, let it leave: \
         tollgate leave"
    );
    Err(AwsError::new(ErrorKind::Conflict, text))
}

fn last() -> AwsError {
    let text = "the last node cannot leave: stop it instead";
    AwsError::new(ErrorKind::Conflict, text)
}

async fn propose(call: &Call<'_>, command: Command) -> Result<Reply, AwsError> {
    let proposed = call.state.door.propose(ProposalId::default(), command);
    proposed
        .await
        .map_err(|error: DoorError| unavailable(&error))
}

fn refused(reply: &Reply) -> AwsError {
    match reply {
        Reply::Refused(reason) => AwsError::bad_request(reason.clone()),
        Reply::Level(level) => above(*level),
        other => AwsError::bad_request(format!("the cluster answered {other:?}")),
    }
}
