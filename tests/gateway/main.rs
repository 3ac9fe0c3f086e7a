//! What a gateway is for: a request in, the right back end asked, its answer out. Each file is one
//! part of it, told as a client sees it.

mod addressing;
mod bounds;
mod changes;
mod cors;
mod forwarding;
mod limits;
mod mapping;
mod routing;
mod streaming;
mod upstreams;
