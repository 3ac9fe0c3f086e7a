//! Functions with real processes: `python3` and `node` have to be installed.

mod limits;
mod nodejs;
mod provided;
mod python;
mod streaming;
mod supervision;
mod support;
