//! The network between nodes, with faults: a TCP proxy before each node's peer listener, through
//! which every other node reaches it.
//!
//! It runs wherever loopback does: namespaces and packet filters need rights and tools that a
//! machine may not have, and then a suite would have to skip. What is held back here is delivered
//! after the network healed, in order, as TCP delivers what it had to send again; so nodes also
//! meet words that are seconds old. A proxy knows who dials by asking the kernel (`network/dialer.rs`).

mod dialer;
mod pipe;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Where the proxies listen, each on the port of its node: Linux's whole 127.0.0.0/8 is loopback.
const PROXIES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A direction: the place of the node that speaks, and of the one that would hear it.
type Way = (usize, usize);

/// The network between the nodes of a cluster, each named by its place. Nothing passes through it
/// any more when it is dropped.
#[derive(Debug)]
pub struct Network {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    rules: Mutex<Rules>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Rules {
    /// Peer listeners; the place of each is that of its node.
    peers: Vec<SocketAddr>,
    cut: BTreeSet<Way>,
    delay: Duration,
    over: bool,
}

impl Network {
    /// A network without nodes and without faults.
    pub(crate) fn new() -> Self {
        let shared = Arc::default();
        Self { shared }
    }

    /// Puts a proxy before the next node, which will listen on `peer`; where others reach it.
    pub(crate) fn attach(&self, peer: SocketAddr) -> SocketAddr {
        let outside = SocketAddr::from((PROXIES, peer.port()));
        let listener = TcpListener::bind(outside)
            .unwrap_or_else(|error| panic!("bind {outside} for a proxy: {error}"));
        let mut rules = self.shared.lock();
        let place = rules.peers.len();
        rules.peers.push(peer);
        drop(rules);
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || accept(&listener, place, &shared));
        outside
    }

    /// Lets nothing pass from one node to another; the other way is left as it is.
    pub fn cut(&self, from: usize, to: usize) {
        self.change(|rules| rules.cut.extend([(from, to)]));
    }

    /// Lets nothing pass from this node to any other.
    pub fn mute(&self, node: usize) {
        self.change(|rules| {
            let others = 0..rules.peers.len();
            rules.cut.extend(others.map(|other| (node, other)));
        });
    }

    /// Lets nothing pass from any other node to this one.
    pub fn deafen(&self, node: usize) {
        self.change(|rules| {
            let others = 0..rules.peers.len();
            rules.cut.extend(others.map(|other| (other, node)));
        });
    }

    /// Lets nothing pass between this node and the others.
    pub fn isolate(&self, node: usize) {
        self.mute(node);
        self.deafen(node);
    }

    /// Delivers everything that is sent from now on so much later, and at most twice that.
    pub fn delay(&self, by: Duration) {
        self.change(|rules| rules.delay = by);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.change(|rules| {
            rules.cut.clear();
            rules.delay = Duration::ZERO;
        });
    }

    fn change(&self, how: impl FnOnce(&mut Rules)) {
        how(&mut self.shared.lock());
        self.shared.changed.notify_all();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.change(|rules| rules.over = true);
        let peers = self.shared.lock().peers.clone();
        for peer in peers {
            // Wakes the accepting thread, which then sees that it is over.
            drop(TcpStream::connect((PROXIES, peer.port())));
        }
    }
}

impl Shared {
    /// A test that panicked has failed already; the rules are still whole.
    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.lock().over
    }

    /// Waits until what goes this way may be delivered; whether it ever may.
    fn pass(&self, way: Option<Way>) -> bool {
        let held =
            |rules: &mut Rules| way.is_some_and(|way| rules.cut.contains(&way)) && !rules.over;
        let delay = self.lock().delay;
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        let waited = self.changed.wait_while(self.lock(), held);
        !waited.unwrap_or_else(PoisonError::into_inner).over
    }
}

fn accept(listener: &TcpListener, to: usize, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_over() {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        thread::spawn(move || connect(stream, to, &shared));
    }
}

/// Carries a connection on to the node that it is for. One that cannot be reached is seen as one
/// that closes at once.
fn connect(dialed: TcpStream, to: usize, shared: &Arc<Shared>) {
    let peers = shared.lock().peers.clone();
    // Not of a node: a test's own connection, which no fault is for.
    let from = dialer::place(&dialed, &peers);
    let Ok(onward) = TcpStream::connect(peers[to]) else {
        return;
    };
    let there = from.map(|from| (from, to));
    let back = from.map(|from| (to, from));
    pipe::join(&dialed, &onward, [there, back], shared);
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::Duration;

    use super::{Network, pipe};

    const SHORT: Duration = Duration::from_millis(100);

    /// The two ends of a connection.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (one, listener.accept().unwrap().0)
    }

    #[test]
    fn what_is_cut_comes_after_the_healing_and_the_other_way_is_open() {
        let network = Network::new();
        let (mut alice, near) = pair();
        let (mut bob, far) = pair();
        let ways = [Some((0, 1)), Some((1, 0))];
        pipe::join(&near, &far, ways, &network.shared);
        let mut byte = [0];
        network.cut(0, 1);
        alice.write_all(b"a").unwrap();
        bob.write_all(b"b").unwrap();
        alice.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"b");
        bob.set_read_timeout(Some(SHORT)).unwrap();
        let silent = bob.read(&mut byte).unwrap_err().kind();
        assert_eq!(silent, ErrorKind::WouldBlock);
        network.heal();
        bob.set_read_timeout(None).unwrap();
        bob.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"a");
        drop(alice);
        assert_eq!(bob.read(&mut byte).unwrap(), 0, "the end comes through too");
    }

    #[test]
    fn a_node_that_listens_is_reached_through_its_proxy() {
        let network = Network::new();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let outside = network.attach(listener.local_addr().unwrap());
        let mut dialed = TcpStream::connect(outside).unwrap();
        dialed.write_all(b"x").unwrap();
        let mut byte = [0];
        listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }
}
