//! Lines, and what binds them.

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_protocol::hex::{hash_from_hex, to_hex};

use crate::limits::LINE_BYTES_MAX;
use crate::{Error, Event};

/// A SHA-256.
pub type Digest = [u8; 32];

/// The end of a chain: keep it elsewhere, and nobody can remove the newest lines unseen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of the last line, counted from 1; 0 before the first.
    pub number: u64,
    /// The hash of the last line; zeros before the first.
    pub hash: Digest,
}

/// A line as it is in the file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line<'a> {
    /// Its number.
    pub number: u64,
    /// The hash of the line before, in hexadecimal.
    pub previous: String,
    /// The hash of this one: over number, `previous` and the bytes of `event`.
    pub hash: String,
    /// The event, byte by byte as it was written.
    #[serde(borrow)]
    pub event: &'a RawValue,
}

impl Head {
    /// The head behind a line with these bytes of an event.
    fn after(&self, event: &[u8]) -> Self {
        let number = self.number + 1;
        let mut context = Context::new(&SHA256);
        context.update(&number.to_be_bytes());
        context.update(&self.hash);
        context.update(event);
        let mut hash = Digest::default();
        hash.copy_from_slice(context.finish().as_ref());
        Self { number, hash }
    }

    /// Appends the event's line, with its line feed, to `to`.
    ///
    /// # Errors
    /// [`Error::Event`] for one that is too long; nothing was appended then.
    pub(crate) fn write(&mut self, event: &Event, to: &mut Vec<u8>) -> Result<(), Error> {
        let text =
            |event: &Event| serde_json::to_string(event).map_err(|it| Error::Event(it.to_string()));
        let mut line = text(event)?;
        if line.len() > LINE_BYTES_MAX {
            // Nobody keeps a call out of the trail by making it long.
            line = text(&event.bare())?;
        }
        let event = line;
        if event.len() > LINE_BYTES_MAX {
            let text = format!("it is larger than {LINE_BYTES_MAX} bytes");
            return Err(Error::Event(text));
        }
        let next = self.after(event.as_bytes());
        let (previous, hash) = (to_hex(&self.hash), to_hex(&next.hash));
        let number = next.number;
        let head =
            format!(r#"{{"number":{number},"previous":"{previous}","hash":"{hash}","event":"#);
        to.extend_from_slice(head.as_bytes());
        to.extend_from_slice(event.as_bytes());
        to.extend_from_slice(b"}\n");
        *self = next;
        Ok(())
    }

    /// The head behind a line that follows this one; `Err` says what is wrong with it.
    pub(crate) fn follow(&self, line: &Line<'_>) -> Result<Self, &'static str> {
        if line.number != self.number + 1 {
            return Err("its number does not follow the line before");
        }
        if line.previous != to_hex(&self.hash) {
            return Err("it follows another line than the one before");
        }
        let next = self.after(line.event.get().as_bytes());
        if line.hash != to_hex(&next.hash) {
            return Err("its hash is not that of its event");
        }
        Ok(next)
    }

    /// The head that a line claims to be, and the one that it claims to follow.
    pub(crate) fn claimed(line: &Line<'_>) -> Option<(Self, Self)> {
        let before = Self {
            number: line.number.checked_sub(1)?,
            hash: hash_from_hex(line.previous.as_bytes())?,
        };
        let this = Self {
            number: line.number,
            hash: hash_from_hex(line.hash.as_bytes())?,
        };
        Some((before, this))
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.number, to_hex(&self.hash))
    }
}

/// Why a text is no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a head is a number, a colon and 64 hexadecimal digits")]
pub struct NoHead;

impl std::str::FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let (number, hash) = text.split_once(':').ok_or(NoHead)?;
        let number = number.parse().map_err(|_| NoHead)?;
        let hash = hash_from_hex(hash.as_bytes()).ok_or(NoHead)?;
        Ok(Self { number, hash })
    }
}
