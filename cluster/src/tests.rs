//! Members of clusters on real disks, in one process.

mod asking;
mod beside;
mod exact;
mod handover;
mod hub;
mod leader;
mod leave;
mod levels;
mod links;
mod many;
mod planted;
mod quota;
mod rates;
mod reports;
pub(crate) mod sim;
mod succession;
mod suite;
mod terms;
mod trust;

pub(crate) use beside::HeldGate;
pub(crate) use planted::{plant, planted};
