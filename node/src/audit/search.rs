//! Searching the trails of all nodes.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tollgate_audit::{Event, Query, search};
use tollgate_cluster::{ANSWER_BYTES_MAX, Answerer, Door, Topic};

use super::{Auditor, BOTH};

/// How long a node may search: a trail of 1 GiB is read in a few seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Bytes of an answer that are no events.
const FRAME_BYTES: usize = 1024;

/// What was found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Found {
    /// The events, newest first.
    pub(crate) events: Vec<Event>,
    /// Whether there may be older ones that fit.
    pub(crate) more: bool,
}

/// A search of one node's trail, or of all nodes'.
pub(crate) struct Searching<'a> {
    pub(crate) auditor: &'a Auditor,
    pub(crate) query: Query,
}

impl Searching<'_> {
    /// The events of all nodes, newest first, and the nodes that did not answer.
    pub(crate) async fn everywhere(self, door: &Door) -> (Found, Vec<u64>) {
        let wanted = self.query.events_max;
        // Members of known types always become JSON.
        let question = serde_json::to_vec(&self.query).unwrap_or_default();
        let here = look(self.auditor.clone(), self.query);
        let there = door.ask_others(Topic::Audit, &question, ANSWER_WITHIN);
        let (here, there) = futures_util::join!(here, there);
        let mut silent = Vec::new();
        let mut all = here.unwrap_or_default();
        for (node, answer) in there {
            let found = answer
                .ok()
                .and_then(|it| serde_json::from_slice::<Found>(&it).ok());
            match found {
                Some(found) => {
                    all.events.extend(found.events);
                    all.more |= found.more;
                }
                None => silent.push(node),
            }
        }
        // Stable: each node's own order stays where times are equal.
        all.events.sort_by(|a, b| b.event_time.cmp(&a.event_time));
        all.more |= all.events.len() > wanted;
        all.events.truncate(wanted);
        (all, silent)
    }
}

/// Answers other nodes' searches of this node's trail.
#[must_use]
pub fn answerer(auditor: Auditor) -> Answerer {
    Box::new(move |question: Bytes| {
        let auditor = auditor.clone();
        Box::pin(async move {
            let query: Query = serde_json::from_slice(&question).ok()?;
            let mut found = look(auditor, query).await?;
            let mut bytes = FRAME_BYTES;
            let fitting = found.events.iter().take_while(|event| {
                bytes += serde_json::to_vec(event).map_or(0, |it| it.len() + 1);
                bytes <= ANSWER_BYTES_MAX
            });
            let count = fitting.count();
            found.more |= count < found.events.len();
            found.events.truncate(count);
            serde_json::to_vec(&found).ok()
        })
    })
}

/// Looks through this node's trail, on a thread that may wait for the disk.
async fn look(auditor: Auditor, query: Query) -> Option<Found> {
    let Ok(_turn) = auditor.searches().acquire_owned().await else {
        return None;
    };
    let looking = tokio::task::spawn_blocking(move || {
        // What was answered before the search is found by it.
        auditor.flush();
        let found = BOTH.map(|which| search(auditor.dir(which), &query));
        let mut events = Vec::new();
        let mut more = false;
        for found in found {
            let found =
                found.inspect_err(|error| tracing::warn!(%error, "the audit trail is not read"));
            let found = found.ok()?;
            more |= found.len() == query.events_max;
            events.extend(found);
        }
        // Stable: the order of a trail stays where times are equal.
        events.sort_by(|a, b| b.event_time.cmp(&a.event_time));
        more |= events.len() > query.events_max;
        events.truncate(query.events_max);
        Some(Found { events, more })
    });
    looking.await.ok().flatten()
}
