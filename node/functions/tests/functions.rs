//! Functions with real processes: `python3` and `node` have to be installed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod limits;
mod nodejs;
mod orphans;
mod provided;
mod python;
mod streaming;
mod supervision;
mod support;
