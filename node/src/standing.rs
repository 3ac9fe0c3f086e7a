//! How the node stands in its cluster, for the listeners that tell of it or change it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;
use tollgate_cluster::{Door, Members};
use tollgate_protocol::metrics::{self as names, Metric};

use crate::metrics::Metrics;

/// What a node can be in its cluster.
const ROLES: [&str; 4] = ["leader", "follower", "candidate", "learner"];

/// A node's place in its cluster.
pub struct Standing {
    door: Door,
    leave: mpsc::Sender<String>,
    /// Nodes whose lag has a series: at most those that ever were in the cluster.
    lagging: Mutex<BTreeSet<u64>>,
}

impl Standing {
    /// The place of a node, and where it hears that it has to leave.
    #[must_use]
    pub fn new(door: Door) -> (Self, mpsc::Receiver<String>) {
        // A node leaves once.
        let (leave, told) = mpsc::channel(1);
        let standing = Self {
            door,
            leave,
            lagging: Mutex::default(),
        };
        (standing, told)
    }

    /// Lets the node drain and leave the cluster; who asked is an access key id.
    pub(crate) fn leave(&self, who: &str) {
        // Full: it is leaving already. Closed: it is stopping, and another call will say so.
        drop(self.leave.try_send(who.to_owned()));
    }

    /// Whether changes can be agreed on, for `/readyz?verbose`. Readiness does not depend on it: a
    /// node without a majority serves what it knows.
    pub(crate) fn note(&self) -> (&'static str, bool, String) {
        note(&self.door.members())
    }

    /// Sets the cluster's metrics.
    pub(crate) fn observe(&self, metrics: &Metrics) {
        let members = self.door.members();
        let agrees = members.agrees();
        let leader = members.leader.filter(|_| agrees).unwrap_or(0);
        set(metrics, &names::CLUSTER_HAS_LEADER, u64::from(agrees));
        set(metrics, &names::CLUSTER_LEADER, leader);
        for role in ROLES {
            let is = if role == members.role { 1.0 } else { 0.0 };
            metrics.gauge(&names::CLUSTER_ROLE, &[role]).set(is);
        }
        set(metrics, &names::CLUSTER_TERM, members.term);
        set(metrics, &names::CLUSTER_VOTERS, members.voters.len() as u64);
        let learners = members.learners.len() as u64;
        set(metrics, &names::CLUSTER_LEARNERS, learners);
        set(metrics, &names::CLUSTER_LOG_LAST, members.last_log);
        set(metrics, &names::CLUSTER_LOG_APPLIED, members.applied);
        set(metrics, &names::CLUSTER_SNAPSHOT, members.snapshot);
        #[allow(clippy::cast_precision_loss)]
        let ack = members.quorum_ack_ms.map_or(f64::NAN, |ms| ms as f64 / 1e3);
        metrics.gauge(&names::CLUSTER_QUORUM_ACK, &[]).set(ack);
        self.observe_lag(&members, metrics);
    }

    #[allow(clippy::cast_precision_loss)]
    fn observe_lag(&self, members: &Members, metrics: &Metrics) {
        let mut lagging = self.lagging.lock().unwrap_or_else(PoisonError::into_inner);
        lagging.extend(members.matched.keys());
        for node in lagging.iter() {
            let matched = members.matched.get(node);
            let lag = matched.map(|matched| members.last_log.saturating_sub(*matched));
            metrics
                .gauge(&names::CLUSTER_LAG, &[&node.to_string()])
                .set(lag.map_or(f64::NAN, |lag| lag as f64));
        }
    }
}

fn note(members: &Members) -> (&'static str, bool, String) {
    let voters = members.voters.len();
    let words = match members.leader.filter(|_| members.agrees()) {
        Some(leader) => format!("node {leader} leads, {voters} vote"),
        None => "no majority answers: serving what is known, changes wait".to_owned(),
    };
    ("cluster", members.agrees(), words)
}

#[allow(clippy::cast_precision_loss)]
fn set(metrics: &Metrics, metric: &Metric, value: u64) {
    metrics.gauge(metric, &[]).set(value as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_counts_while_a_majority_answers_it() {
        let mut members = Members {
            node: 2,
            leader: Some(2),
            voters: BTreeSet::from([1, 2, 3]),
            quorum_ack_ms: Some(150),
            ..Members::default()
        };
        assert_eq!(note(&members).2, "node 2 leads, 3 vote");
        members.quorum_ack_ms = Some(5_000);
        assert!(!note(&members).1);
        // A follower hears of a new leader, or becomes a candidate and knows none.
        members.leader = Some(1);
        assert!(note(&members).1);
        members.leader = None;
        let (_, agrees, words) = note(&members);
        assert!(!agrees && words.contains("changes wait"), "{words}");
    }
}
