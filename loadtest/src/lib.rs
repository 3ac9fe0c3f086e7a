//! An open-loop HTTP/1.1 and WebSocket load generator, and a runner that compares gateways with it.
//!
//! The generator sends on a schedule fixed before the run and measures each latency from the moment
//! a request *should* have left. A server that stalls therefore shows the stall in every request
//! that fell into it, not only in the few that were in flight ("coordinated omission").
//!
//! It drives loopback addresses only: it is a measuring instrument for one machine, not a tool that
//! could be pointed at somebody's service.

pub mod cli;
pub mod compare;
pub mod generator;
pub mod latency;
pub mod limits;
pub mod outcome;
pub mod report;
pub mod request;
pub mod response;
pub mod schedule;
pub mod stop;
pub mod target;
pub mod websocket;
