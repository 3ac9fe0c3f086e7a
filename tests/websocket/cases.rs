//! The cases, by the part of the protocol that they are about.

mod closing;
mod compression;
mod control;
mod fragments;
mod framing;
mod limits;
mod text;

use crate::case::Case;

/// All of them, each part with its name.
pub(crate) fn all() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("framing and masking", framing::cases()),
        ("control frames", control::cases()),
        ("fragments", fragments::cases()),
        ("UTF-8", text::cases()),
        ("closing", closing::cases()),
        ("limits", limits::cases()),
        ("permessage-deflate", compression::cases()),
    ]
}
