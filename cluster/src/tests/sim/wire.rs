//! Connections of simulated machines. What a crashed machine had open ends in the order of the
//! addresses: tokio drops the tasks of a runtime in an order that depends on what else the process
//! did before, and each end of a connection takes random numbers of the network.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::Sim;
use turmoil::net::TcpStream;

/// A connection.
pub(super) struct Wire(Option<TcpStream>);

/// The connections of a simulation.
#[derive(Default)]
struct Open {
    count: BTreeMap<IpAddr, usize>,
    /// Whether a machine crashes now, and what it had open as far as it is dropped.
    crashes: bool,
    dropped: BTreeMap<(SocketAddr, SocketAddr), TcpStream>,
}

std::thread_local! {
    static OPEN: RefCell<Open> = RefCell::default();
}

/// Forgets what was open in another simulation.
pub(super) fn begin() {
    drop(OPEN.take());
}

/// Crashes a machine.
pub(super) fn crash(sim: &mut Sim<'_>, name: String) {
    in_order(|| sim.crash(name));
}

/// Starts a machine, which ends what ran there before.
pub(super) fn bounce(sim: &mut Sim<'_>, name: String) {
    in_order(|| sim.bounce(name));
}

fn in_order(end: impl FnOnce()) {
    OPEN.with_borrow_mut(|open| open.crashes = true);
    end();
    OPEN.with_borrow_mut(|open| {
        open.crashes = false;
        assert!(open.dropped.is_empty(), "some connections did not end");
    });
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        let here = stream.local_addr()?.ip();
        OPEN.with_borrow_mut(|open| *open.count.entry(here).or_default() += 1);
        Ok(Self(Some(stream)))
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(self.get_mut().0.as_mut().expect("it is taken when dropped"))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let Some(stream) = self.0.take() else { return };
        let (Ok(here), Ok(there)) = (stream.local_addr(), stream.peer_addr()) else {
            return;
        };
        let ended = OPEN.with_borrow_mut(|open| {
            let left = open.count.entry(here.ip()).or_default();
            *left = left.saturating_sub(1);
            let last = *left == 0;
            open.dropped.insert((here, there), stream);
            let ends = last || !open.crashes;
            ends.then(|| std::mem::take(&mut open.dropped))
        });
        // In the order of the addresses.
        drop(ended);
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}
