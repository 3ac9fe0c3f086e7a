//! The network as a trait, so that the same links run over TCP and in a simulator.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// What links need of a network: streams of bytes to and from addresses.
pub trait Net: Clone + Send + Sync + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// Where connections come in.
    type Listener: Send + 'static;

    /// Connects to `host:port`.
    ///
    /// # Errors
    /// When there is no such host, or it does not listen there. Links bound the time.
    fn dial(&self, address: &str) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Listens on `host:port`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    fn listen(&self, address: &str) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// The next connection and where it comes from. Dropping the future loses none.
    ///
    /// # Errors
    /// When none can be accepted now.
    fn accept(
        &self,
        listener: &mut Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// A network that exists in memory only, where a node may claim to be whom it likes.
///
/// Links over such a network need no certificates. [`Tcp`] must never implement this, and nobody
/// else can make it: that is what keeps unsecured links out of the product, by type.
pub trait Simulated: Net {}

/// The real network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Net for Tcp {
    type Stream = TcpStream;
    type Listener = TcpListener;

    async fn dial(&self, address: &str) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn listen(&self, address: &str) -> io::Result<TcpListener> {
        TcpListener::bind(address).await
    }

    async fn accept(&self, listener: &mut TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, from))
    }
}
