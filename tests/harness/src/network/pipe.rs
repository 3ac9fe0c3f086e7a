//! Two connections joined into one, each way by a thread that lets pass what the rules let pass.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::{Shared, Way};

/// Read at a time.
const BYTES: usize = 64 * 1024;
/// How often a silent connection looks whether all is over.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Joins two connections until one closes; what is read from the first goes the first way.
pub(super) fn join(
    dialed: &TcpStream,
    onward: &TcpStream,
    ways: [Option<Way>; 2],
    shared: &Arc<Shared>,
) {
    for (from, to, way) in [(dialed, onward, ways[0]), (onward, dialed, ways[1])] {
        // Without a second handle both are dropped, and so closed.
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
            return;
        };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            carry(&from, &to, way, &shared);
            // The end of what one has to say; it is also closed when nobody is there to hear it.
            drop(to.shutdown(Shutdown::Write));
            drop(from.shutdown(Shutdown::Read));
        });
    }
}

fn carry(mut from: &TcpStream, mut to: &TcpStream, way: Option<Way>, shared: &Shared) {
    let is_set = from.set_read_timeout(Some(LOOK_EVERY)).is_ok()
        && from.set_nodelay(true).is_ok()
        && to.set_nodelay(true).is_ok();
    let mut bytes = vec![0; BYTES];
    while is_set && !shared.is_over() {
        let read = match from.read(&mut bytes) {
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            // A connection that was reset: its end, which is also news.
            Err(_) => 0,
        };
        if !shared.pass(way) || read == 0 || to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}
