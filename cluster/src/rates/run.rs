//! Carries beats to the leader and answers back, and questions for what only the leader has.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::ServerState;
use tollgate_config::cells::{BucketKey, Refused};
use tollgate_state::NodeId;

use super::grantor::View;
use super::wire::{Answer, Ask, Asked, Beat};
use super::{Rates, limits};
use crate::Door;
use crate::peers::{Lane, Transport, kind};
use crate::raft::machine::Machine;
use crate::raft::{Raft, parts};

/// How long a beat may take: less than a lease lasts, so that another one is tried in time.
const BEAT_WITHIN: Duration = Duration::from_millis(500);
/// Between two looks at who leads, while nobody does.
const LOOK: Duration = Duration::from_millis(50);
/// How long a request waits for the leader's word on a bucket that only the leader has.
const ASK_WITHIN: Duration = Duration::from_millis(500);

/// Who leads, and in which term, as far as this node knows.
fn leader(raft: &Raft) -> (Option<NodeId>, u64) {
    let metrics = raft.metrics();
    let metrics = metrics.borrow();
    (metrics.current_leader, metrics.current_term)
}

fn view(raft: &Raft, machine: &Machine) -> View {
    let nodes: BTreeSet<NodeId> = machine.look(|state| state.live_ids().collect());
    let metrics = raft.metrics();
    let metrics = metrics.borrow();
    let leads = metrics.state == ServerState::Leader;
    let members = metrics.membership_config.membership();
    View {
        me: metrics.id,
        leads: leads.then_some(metrics.current_term),
        nodes,
        voters: members.get_joint_config().clone(),
    }
}

/// Beats while the node runs.
pub(crate) async fn run(rates: Rates, raft: Raft, machine: Machine, transport: Arc<dyn Transport>) {
    let me = rates.0.me;
    loop {
        let pause = match leader(&raft) {
            (Some(leader), term) if leader != me => {
                rates.sync(&machine.look(|state| state.live_ids().collect()));
                let first = beat(&rates, &*transport, leader, term).await;
                Duration::from_micros(if first { 0 } else { rates.pause_us() })
            }
            (Some(_), _) => {
                rates.beat_oneself(&view(&raft, &machine));
                Duration::from_micros(rates.pause_us())
            }
            (None, _) => {
                rates.sync(&machine.look(|state| state.live_ids().collect()));
                LOOK
            }
        };
        tokio::select! {
            biased;
            () = tokio::time::sleep(pause) => {}
            () = rates.0.pressed.notified() => {
                // What comes in the same moment goes with it.
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

/// One beat to another node that leads. Whether it was the first that was answered: the next one
/// brings the answer back as this node's word.
async fn beat(rates: &Rates, transport: &dyn Transport, leader: NodeId, term: u64) -> bool {
    let Some(beat) = rates.beat(leader, term) else {
        return false;
    };
    let Ok(body) = beat.seal() else {
        tracing::error!("a beat cannot be written");
        return false;
    };
    let place = (leader, Lane::Rpc, kind::RATES);
    let answer = parts::call(transport, place, body.into(), BEAT_WITHIN).await;
    let answer = answer.ok().and_then(|bytes| Answer::open(&bytes).ok());
    answer.is_some_and(|answer| rates.take_in((leader, term), answer)) && beat.echo == 0
}

/// Answers another node's beat or question; `None` when it makes no sense.
pub(crate) fn answer(door: &Door, from: NodeId, of: u8, body: &[u8]) -> Option<Vec<u8>> {
    let rates = &door.rates;
    if of == kind::RATE_ASK {
        let Ask { key } = Ask::open(body).ok()?;
        return rates.take(BucketKey(key)).seal().ok();
    }
    let beat = Beat::open(body).ok()?;
    let view = view(&door.raft, &door.machine);
    rates.beat_oneself_if_due(&view);
    rates.serve(&view, from, &beat).seal().ok()
}

/// Asks the node that holds a whole bucket for a token.
///
/// # Errors
/// [`Refused`] when there is none, or nobody says that there is one.
pub(crate) async fn ask(door: &Door, key: BucketKey) -> Result<(), Refused> {
    let unknown = Refused {
        retry_after_us: limits::BUSY_BEAT_US,
        elsewhere: true,
    };
    let (Some(leader), _) = leader(&door.raft) else {
        return Err(unknown);
    };
    let asked = if leader == door.rates.0.me {
        door.rates.take(key)
    } else {
        let body = Ask { key: key.0 }.seal().map_err(|_| unknown)?;
        let place = (leader, Lane::Rpc, kind::RATE_ASK);
        let transport = Arc::clone(&door.transport);
        // On the cluster's thread: a lane ends with the runtime that it was opened on.
        let call = door.runtime.spawn(async move {
            parts::call(&*transport, place, Bytes::from(body), ASK_WITHIN).await
        });
        let answer = call.await.ok().and_then(Result::ok);
        let answer = answer.and_then(|bytes| Asked::open(&bytes).ok());
        answer.unwrap_or(Asked::NotHere)
    };
    match asked {
        Asked::Admitted => Ok(()),
        Asked::Refused(retry_after_us) => Err(Refused {
            retry_after_us,
            elsewhere: false,
        }),
        Asked::NotHere => Err(unknown),
    }
}
