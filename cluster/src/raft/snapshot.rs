//! Snapshots as files and as bytes on their way to a follower.
//!
//! ```text
//! length of head u32 | head (MetaV1, sealed) | state, as `State::snapshot` wrote it
//! ```
//!
//! On its way to a follower the leader's vote stands before it, in the same form.

use tollgate_protocol::codec::CodecError;
use tollgate_state::State;

use super::wire::{MetaV1, VoteV1};

/// The state part of a snapshot.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Image(pub(crate) Vec<u8>);

/// Why a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the snapshot is cut short")]
    CutShort,
    #[error("the head cannot be read")]
    Head(#[from] CodecError),
    #[error("{0}")]
    State(#[from] tollgate_state::RestoreError),
}

/// A whole snapshot file.
pub(crate) fn to_bytes(meta: &MetaV1, image: &[u8]) -> Result<Vec<u8>, CodecError> {
    let head = meta.seal()?;
    let mut bytes = Vec::with_capacity(4 + head.len() + image.len());
    put_head(&mut bytes, &head)?;
    bytes.extend_from_slice(image);
    Ok(bytes)
}

/// What [`to_bytes`] wrote: the head and the state part.
pub(crate) fn split(bytes: &[u8]) -> Result<(MetaV1, &[u8]), ReadError> {
    let (head, image) = split_head(bytes)?;
    Ok((MetaV1::open(head)?, image))
}

/// A whole snapshot on its way to a follower, from the leader with this vote. Not one record: a
/// state may be larger than a record can be.
pub(crate) fn to_transfer(
    vote: &VoteV1,
    meta: &MetaV1,
    image: &[u8],
) -> Result<Vec<u8>, CodecError> {
    let (vote, head) = (vote.seal()?, meta.seal()?);
    let mut bytes = Vec::with_capacity(8 + vote.len() + head.len() + image.len());
    put_head(&mut bytes, &vote)?;
    put_head(&mut bytes, &head)?;
    bytes.extend_from_slice(image);
    Ok(bytes)
}

/// What [`to_transfer`] made.
pub(crate) fn from_transfer(bytes: &[u8]) -> Result<(VoteV1, MetaV1, &[u8]), ReadError> {
    let (vote, rest) = split_head(bytes)?;
    let vote = VoteV1::open(vote)?;
    let (meta, image) = split(rest)?;
    Ok((vote, meta, image))
}

fn put_head(bytes: &mut Vec<u8>, head: &[u8]) -> Result<(), CodecError> {
    let length = u32::try_from(head.len()).map_err(|_| CodecError::TooLarge)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(head);
    Ok(())
}

fn split_head(bytes: &[u8]) -> Result<(&[u8], &[u8]), ReadError> {
    let (length, rest) = bytes.split_at_checked(4).ok_or(ReadError::CutShort)?;
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
    rest.split_at_checked(length as usize)
        .ok_or(ReadError::CutShort)
}

/// The state that a snapshot holds, and its head.
pub(crate) fn read(bytes: &[u8]) -> Result<(MetaV1, State), ReadError> {
    let (meta, image) = split(bytes)?;
    Ok((meta, State::restore(image)?))
}
