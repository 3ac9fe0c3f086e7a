//! What goes on with a connection after a response of status 101: the other protocol gets the byte
//! stream itself, and nothing of HTTP stays in between or in memory.

use core::fmt;
use core::pin::Pin;
use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;

/// The byte stream of a connection, plain or under TLS.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin {
    /// Makes the coming drop reset the connection: the peer shall not take what it got for all,
    /// and the kernel shall keep nothing for it.
    ///
    /// # Errors
    /// When the socket is gone already.
    fn reset_on_drop(&mut self) -> io::Result<()>;
}

impl Duplex for TcpStream {
    fn reset_on_drop(&mut self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

/// A pipe in memory, for tests.
impl Duplex for DuplexStream {
    fn reset_on_drop(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection whose client has read the response with status 101, or will.
pub struct Upgraded {
    /// The bytes.
    pub io: Box<dyn Duplex>,
    /// What the client has sent behind its request already.
    pub ahead: Bytes,
    /// Whether the listeners are draining: the connection is to end soon, in the way of its
    /// protocol. Whoever runs it on its own task is woken when that begins.
    pub draining: Box<dyn Fn() -> bool>,
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upgraded({} bytes ahead)", self.ahead.len())
    }
}

/// A connection's life, which ends it by ending.
pub type Life = Pin<Box<dyn Future<Output = ()>>>;

/// What to do with an upgraded connection. It runs on the connection's own task and is dropped
/// there when the listeners abort; if the response never reaches the client it is never begun.
pub struct Upgrade(Box<dyn FnOnce(Upgraded) -> Life>);

impl Upgrade {
    /// Goes on with `life`.
    pub fn new<F: Future<Output = ()> + 'static>(
        life: impl FnOnce(Upgraded) -> F + 'static,
    ) -> Self {
        Self(Box::new(|upgraded| Box::pin(life(upgraded))))
    }

    /// Begins.
    #[must_use]
    pub fn begin(self, upgraded: Upgraded) -> Life {
        (self.0)(upgraded)
    }
}
