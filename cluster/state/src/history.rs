//! Who changed what, and how to take it back.
//!
//! Each record names what it touched and has the inverses of its changes, so that an older
//! configuration is made from the current one by walking back. Rejected: keeping whole
//! configurations, which cost as much for a change of one key as for all of them, and keeping the
//! changes themselves, which the two configurations tell and which are as large as an API file.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tollgate_model::{Change, Mark, Model, touched};
use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::ids::Revision;
#[cfg(doc)]
use tollgate_protocol::limits::HISTORY_NAMED_MAX;
use tollgate_protocol::limits::{HISTORY_BYTES_MAX, HISTORY_REVISIONS_MAX, WHO_BYTES_MAX};

/// Marks of one revision that are remembered. One that touched more is taken to have touched
/// everything: it applied a whole file.
pub const MARKS_MAX: usize = 64;

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
    /// How many resources it touched.
    pub changes: u64,
    /// The first of them, at most [`HISTORY_NAMED_MAX`].
    pub named: Vec<Touched>,
    /// The marks of all that it touched, in order; `None` when they are more than [`MARKS_MAX`].
    pub marks: Option<Vec<Mark>>,
    /// `Vec<tollgate_model::Change>` that take it back, as JSON. May hold secrets.
    pub undo: Vec<u8>,
}

/// A resource that a change touched.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Touched {
    /// What happened to it.
    pub action: Action,
    /// What it is: `api`, `api key`.
    pub kind: String,
    /// Its name or id.
    pub name: String,
}

/// What happened to a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub enum Action {
    /// It was not there before.
    Create,
    /// It was there before.
    Update,
    /// It is not there any more.
    Delete,
}

impl Touched {
    /// What `change` does, which `inverse` takes back.
    pub(crate) fn by(change: &Change, inverse: &Change) -> Self {
        let action = match (deletes(change), deletes(inverse)) {
            (true, _) => Action::Delete,
            (false, true) => Action::Create,
            (false, false) => Action::Update,
        };
        let (kind, name) = change.subject();
        Self {
            action,
            kind: kind.into(),
            name: name.into(),
        }
    }
}

fn deletes(change: &Change) -> bool {
    match change {
        Change::DeleteApi(_)
        | Change::DeleteUpstream(_)
        | Change::DeleteFunction(_)
        | Change::DeleteUsagePlan(_)
        | Change::DeleteApiKey(_)
        | Change::DeleteDomainName(_)
        | Change::DeleteCertificate(_) => true,
        Change::SetDefaultMapping(mapping) => mapping.is_none(),
        Change::PutApi(_)
        | Change::UpdateApi { .. }
        | Change::PutUpstream(_)
        | Change::PutFunction(_)
        | Change::PutUsagePlan(_)
        | Change::PutApiKey(_)
        | Change::PutDomainName(_)
        | Change::PutCertificate(_) => false,
    }
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

/// What a change was made of.
#[derive(Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) revision: Revision,
    /// What it rests on; `None` for everything.
    pub(crate) rests_on: Option<&'a [Mark]>,
}

/// The marks of what one revision touches, while its changes are carried out.
pub(crate) struct Marks(Option<Vec<Mark>>);

impl Default for Marks {
    fn default() -> Self {
        Self(Some(Vec::new()))
    }
}

impl Marks {
    /// Adds what a change touches of the model before it.
    pub(crate) fn add(&mut self, before: &Model, change: &Change) {
        if let Some(marks) = &mut self.0 {
            touched(before, change, marks);
            if marks.len() > MARKS_MAX {
                self.0 = None;
            }
        }
    }

    pub(crate) fn sorted(self) -> Option<Vec<Mark>> {
        let mut marks = self.0?;
        marks.sort_unstable();
        marks.dedup();
        marks.shrink_to_fit();
        Some(marks)
    }
}

/// The newest records, oldest first, one for each revision.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct History {
    records: VecDeque<Arc<RevisionRecord>>,
    bytes: usize,
    /// The newest record of each mark, so that a change need not look through those that came
    /// since it was planned. At most [`MARKS_MAX`] for each record.
    newest: BTreeMap<Mark, Revision>,
    /// The newest record that is taken to have touched everything.
    everything: Revision,
}

impl History {
    pub(crate) fn records(&self) -> &VecDeque<Arc<RevisionRecord>> {
        &self.records
    }

    /// Whether what a change was made of is as it was: nothing was touched since that it rests on.
    /// Also `false` when that is not remembered.
    pub(crate) fn holds(&self, now: Revision, base: Base<'_>) -> bool {
        if base.revision == now {
            return true;
        }
        let (Some(rests_on), Some(since)) = (base.rests_on, now.0.checked_sub(base.revision.0))
        else {
            return false;
        };
        // One record for each revision: fewer than came since then means that some are forgotten.
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        let untouched = |mark| {
            let newest = self.newest.get(mark);
            newest.is_none_or(|newest| *newest <= base.revision)
        };
        since <= self.records.len()
            && self.everything <= base.revision
            && rests_on.iter().all(untouched)
    }

    /// Adds the newest record; the oldest go when there is more than may be kept.
    pub(crate) fn push(&mut self, record: RevisionRecord) {
        self.bytes += bytes(&record);
        match &record.marks {
            Some(marks) => {
                let marks = marks.iter().map(|mark| (*mark, record.revision));
                self.newest.extend(marks);
            }
            None => self.everything = record.revision,
        }
        self.records.push_back(Arc::new(record));
        while self.bytes > HISTORY_BYTES_MAX || self.records.len() > HISTORY_REVISIONS_MAX {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.bytes -= bytes(&oldest);
            if self.everything == oldest.revision {
                self.everything = Revision::default();
            }
            for mark in oldest.marks.iter().flatten() {
                if self.newest.get(mark) == Some(&oldest.revision) {
                    self.newest.remove(mark);
                }
            }
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
    let marks = record
        .marks
        .as_ref()
        .map_or(0, |it| size_of::<Mark>() * it.len());
    let named: usize = record
        .named
        .iter()
        .map(|it| it.kind.len() + it.name.len())
        .sum();
    named + marks + record.undo.len() + record.who.len()
}

/// Who asked, cut to its bound.
pub(crate) fn cut_who(who: &str) -> String {
    let end = (0..=who.len().min(WHO_BYTES_MAX))
        .rev()
        .find(|at| who.is_char_boundary(*at));
    who.get(..end.unwrap_or(0)).unwrap_or_default().into()
}
