//! Nodes as processes, clients and waits for the test suites.
//!
//! Nothing here knows a feature of the gateway: a suite starts the shipped binary with [`Node`],
//! talks to it with [`Request`] or, for hostile bytes, [`Connection`], gives it back ends with
//! [`Backend`], and waits with [`wait_until`]. No async: a test reads from top to bottom.
//!
//! Functions panic where a test can only fail, and return a value where a test decides.

mod backend;
mod bars;
mod binary;
mod cli;
mod clocks;
mod cluster;
mod disk;
mod http;
mod metrics;
mod network;
mod node;
mod ports;
mod process;
mod tools;
mod wait;

pub use backend::{Answer, Backend, Received};
pub use bars::{bar, prove};
pub use binary::{profile, tollgate_binary, workspace_root};
pub use cli::{CliOutput, tollgate};
pub use clocks::Clocks;
pub use cluster::{Cluster, Member};
pub use disk::SmallDisk;
pub use http::{Connection, Request, Response};
pub use metrics::Metrics;
pub use network::Network;
pub use node::{Addresses, Administrator, Node, NodeOptions, ROOT_ACCESS_KEY, ROOT_SECRET_KEY};
pub use ports::fixed as fixed_address;
pub use process::{Process, Usage};
pub use tools::{etcd, haproxy, nginx, node_modules, prometheus, promtool, python, sdk_javascript};
pub use wait::{DEADLINE, wait_until};
