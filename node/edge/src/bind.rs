//! Binding, apart from serving: sockets are bound eagerly, so that addresses are known (port 0
//! included) and a port in use fails the start, not a worker.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::Error;

/// Connections that the kernel completes and holds until they are accepted, per socket.
const BACKLOG: i32 = 1024;

/// The sockets of one address, one for each worker.
#[derive(Debug)]
pub struct Sockets {
    address: SocketAddr,
    sockets: Vec<TcpListener>,
}

/// Binds `address` once for each worker with `SO_REUSEPORT`, so that the kernel spreads
/// connections over the workers and none of them waits for another's accept queue. Port 0 picks
/// one free port for all of them.
///
/// # Errors
/// [`Error::Bind`] when the address is in use or not ours.
pub fn bind(address: SocketAddr, workers: usize) -> Result<Sockets, Error> {
    let wrap = |source| Error::Bind { address, source };
    let first = bind_one(address).map_err(wrap)?;
    let bound = first.local_addr().map_err(wrap)?;
    let mut sockets = vec![first];
    for _ in 1..workers {
        sockets.push(bind_one(bound).map_err(wrap)?);
    }
    Ok(Sockets {
        address: bound,
        sockets,
    })
}

impl Sockets {
    /// Takes a listening socket that was bound elsewhere, as in socket activation. The workers
    /// share its accept queue.
    ///
    /// # Errors
    /// [`Error::Bind`] when the socket has no address.
    pub fn inherited(socket: TcpListener) -> Result<Self, Error> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = socket.local_addr().map_err(|source| Error::Bind {
            address: unknown,
            source,
        })?;
        Ok(Self {
            address,
            sockets: vec![socket],
        })
    }

    /// The address that is bound, with the port that was picked.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// One socket per worker; sockets that are missing are duplicates of those that are there.
    pub(crate) fn into_workers(mut self, workers: usize) -> Result<Vec<TcpListener>, Error> {
        let bound = self.sockets.len();
        for index in bound..workers {
            let copy = self.sockets[index % bound].try_clone();
            let copy = copy.map_err(|source| Error::Bind {
                address: self.address,
                source,
            })?;
            self.sockets.push(copy);
        }
        // A socket that nobody accepts from would swallow its share of the connections.
        self.sockets.truncate(workers);
        Ok(self.sockets)
    }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_zero_is_one_port_for_all_workers() {
        let sockets = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 3).unwrap();
        let address = sockets.local_addr();
        assert_ne!(address.port(), 0);
        for socket in sockets.into_workers(3).unwrap() {
            assert_eq!(socket.local_addr().unwrap(), address);
        }
    }

    #[test]
    fn an_inherited_socket_serves_every_worker() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let sockets = Sockets::inherited(socket).unwrap();
        assert_eq!(sockets.into_workers(2).unwrap().len(), 2);
    }
}
