//! The tollgate binary: boot, run, drain.
