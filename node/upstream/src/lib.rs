//! HTTP back ends: pools, balancing, health, retries.
//!
//! [`Upstreams`] is what the workers share: the configured groups, the health of their servers,
//! resolved addresses and TLS settings. [`Client`] is one worker's side: its connections, its
//! balancer and its timers, none of which ever leave that worker's thread. A request goes
//! balancer, pool, connection, and comes back as a [`tollgate_message::Response`] whose body
//! streams with back-pressure.
//!
//! The HTTP library shows nowhere in the public items, so it can be replaced.
#![forbid(unsafe_code)]

mod balance;
mod client;
mod deadline;
mod dns;
mod error;
mod exchange;
mod group;
mod h1;
mod head;
mod health;
mod hop;
mod limits;
mod pool;
mod registry;
mod reply_body;
mod send_body;
mod server;
mod spec;
mod tls;
mod transport;
mod tunnel;
mod worker;

pub use client::{Client, SendInfo, SendLimits};
pub use error::{UpstreamError, UpstreamErrorKind};
pub use head::asks_upgrade;
pub use registry::{GroupState, ServerCondition, ServerState, Upstreams};
pub use spec::{
    Balance, Ejection, GroupSpec, HealthCheck, Protocol, Scheme, ServerSpec, TlsSpec, TlsSpecError,
};
