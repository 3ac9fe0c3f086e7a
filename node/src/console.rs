//! What a node tells the person who started it, beside its log. Whoever reads may have gone, as
//! `head` does: that must not end the node, and the macros of the standard library panic then.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// A line of data, on standard output.
pub(crate) fn data(line: impl Display) {
    drop(writeln!(stdout(), "{line}"));
}

/// A line, or some, on standard error.
pub(crate) fn talk(text: impl Display) {
    drop(writeln!(stderr(), "{text}"));
}
