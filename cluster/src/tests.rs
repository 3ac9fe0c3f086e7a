//! Members of clusters on real disks, in one process.

mod exact;
mod hub;
mod leave;
mod links;
mod many;
mod quota;
mod suite;
