//! Why the edge cannot start.

use std::io;
use std::net::SocketAddr;

/// Why the edge cannot start. Once it runs, what fails is a connection, and that is counted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A socket cannot be bound.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Threads or services cannot be started.
    #[error("cannot start the workers")]
    Start(#[source] io::Error),
}
