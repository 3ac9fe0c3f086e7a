//! Who changed what, and how to take it back.
//!
//! Each record has the changes and their inverses, so that an older configuration is made from the
//! current one by walking back. Rejected: keeping whole configurations, which cost as much for a
//! change of one key as for all of them.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tollgate_model::{Change, Model};
use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::ids::Revision;
use tollgate_protocol::limits::{HISTORY_BYTES_MAX, HISTORY_REVISIONS_MAX, WHO_BYTES_MAX};

/// One change of the configuration.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct RevisionRecord {
    /// The revision that it made.
    pub revision: Revision,
    /// When.
    pub at: Millis,
    /// Who asked: an access key id, cut at 128 bytes.
    pub who: String,
    /// `Vec<tollgate_model::Change>` as JSON. May hold secrets.
    pub changes: Vec<u8>,
    /// The changes that take them back, as JSON.
    pub undo: Vec<u8>,
}

impl core::fmt::Debug for RevisionRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RevisionRecord")
            .field("revision", &self.revision)
            .field("at", &self.at)
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

/// The newest records, oldest first, one for each revision.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct History {
    records: VecDeque<Arc<RevisionRecord>>,
    bytes: usize,
}

impl History {
    pub(crate) fn records(&self) -> &VecDeque<Arc<RevisionRecord>> {
        &self.records
    }

    /// Adds the newest record; the oldest go when there is more than may be kept.
    pub(crate) fn push(&mut self, record: RevisionRecord) {
        self.bytes += bytes(&record);
        self.records.push_back(Arc::new(record));
        while self.bytes > HISTORY_BYTES_MAX || self.records.len() > HISTORY_REVISIONS_MAX {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.bytes -= bytes(&oldest);
        }
    }

    /// What the configuration was at a revision.
    pub(crate) fn model_at(&self, model: &Model, now: Revision, at: Revision) -> Option<Model> {
        let mut model = model.clone();
        let mut reached = now;
        let mut newest = self.records.iter().rev();
        while reached > at {
            let record = newest.next().filter(|it| it.revision == reached)?;
            let undo: Vec<Change> = serde_json::from_slice(&record.undo).ok()?;
            for change in undo {
                model.apply(change);
            }
            reached = Revision(reached.0 - 1);
        }
        (reached == at).then_some(model)
    }
}

fn bytes(record: &RevisionRecord) -> usize {
    record.changes.len() + record.undo.len() + record.who.len()
}

/// Who asked, cut to its bound.
pub(crate) fn cut_who(who: &str) -> String {
    let end = (0..=who.len().min(WHO_BYTES_MAX))
        .rev()
        .find(|at| who.is_char_boundary(*at));
    who.get(..end.unwrap_or(0)).unwrap_or_default().into()
}
