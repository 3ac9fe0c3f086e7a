//! Ports that stay free while nobody listens on them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Below Linux's range for outgoing connections (32768 and up): a connection of another test takes
/// none of these while a node is down.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;
/// Ports tried before giving up; a machine has few listeners in that range.
const ATTEMPTS_MAX: u32 = 100;

/// A loopback address that is free now and that no outgoing connection takes.
///
/// # Panics
///
/// If none is found.
pub fn fixed() -> SocketAddr {
    for _ in 0..ATTEMPTS_MAX {
        // Each state has keys of its own: suites that run side by side try different ports.
        let random = RandomState::new().build_hasher().finish();
        let offset = u16::try_from(random % u64::from(COUNT)).expect("it is below a u16");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + offset));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port among {ATTEMPTS_MAX} tried");
}
