//! The whole state as bytes, and back.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tollgate_protocol::Millis;
use tollgate_protocol::codec::{self, CodecError, Decode, Encode};
use tollgate_protocol::ids::Revision;

use crate::State;
use crate::history::{History, RevisionRecord};
use crate::nodes::Nodes;
use crate::proposals::Proposals;
use crate::quota::QuotaTable;
use crate::tokens::Tokens;

/// The envelope's kind of a whole state.
const KIND: u8 = 16;

#[derive(Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct SnapshotV1 {
    index: u64,
    now: Millis,
    revision: Revision,
    /// `tollgate_model::Model` as JSON.
    model: Vec<u8>,
    quota: QuotaTable,
    proposals: Proposals,
    nodes: Nodes,
    tokens: Tokens,
    history: Vec<RevisionRecord>,
}

/// Why a snapshot cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreError {
    /// The bytes are damaged or of another release.
    Codec(CodecError),
    /// The model inside is not readable.
    Model(String),
}

impl core::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Codec(_) => f.write_str("the snapshot is damaged"),
            Self::Model(_) => f.write_str("the snapshot's model cannot be read"),
        }
    }
}

impl core::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Codec(error) => Some(error),
            Self::Model(_) => None,
        }
    }
}

impl State {
    /// The whole state as bytes.
    ///
    /// # Errors
    /// [`CodecError::TooLarge`] above the limit of a record.
    pub fn snapshot(&self) -> Result<Vec<u8>, CodecError> {
        let model = serde_json::to_vec(&*self.model).map_err(|_| CodecError::Malformed)?;
        let snapshot = SnapshotV1 {
            index: self.index,
            now: self.now,
            revision: self.revision,
            model,
            quota: self.quota.clone(),
            proposals: (*self.proposals).clone(),
            nodes: (*self.nodes).clone(),
            tokens: (*self.tokens).clone(),
            history: self.history().cloned().collect(),
        };
        codec::seal(KIND, &snapshot)
    }

    /// The state that [`State::snapshot`] wrote.
    ///
    /// # Errors
    /// [`RestoreError`] when the bytes are not one.
    pub fn restore(bytes: &[u8]) -> Result<Self, RestoreError> {
        let snapshot: SnapshotV1 = codec::open(KIND, bytes).map_err(RestoreError::Codec)?;
        let mut model: tollgate_model::Model = serde_json::from_slice(&snapshot.model)
            .map_err(|error| RestoreError::Model(alloc::format!("line {}", error.line())))?;
        for api in model.apis.values_mut() {
            Arc::make_mut(api).share();
        }
        let mut history = History::default();
        for record in snapshot.history {
            history.push(record);
        }
        Ok(Self {
            history: Arc::new(history),
            index: snapshot.index,
            now: snapshot.now,
            revision: snapshot.revision,
            model: Arc::new(model),
            quota: snapshot.quota,
            proposals: Arc::new(snapshot.proposals),
            nodes: Arc::new(snapshot.nodes),
            tokens: Arc::new(snapshot.tokens),
        })
    }
}
