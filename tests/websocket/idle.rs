//! What a connection that waits costs, with all that the listener keeps for it.

use tollgate_edge::EdgeLimits;
use tollgate_harness::{bar, prove};

use crate::echo::Echo;
use crate::frames::{TEXT, frame};
use crate::hostile::resident_kib;
use crate::raw::Raw;

/// What a connection may cost.
const BYTES_MAX: u64 = 8 * 1024;

#[test]
fn an_idle_connection_costs_little() {
    // Both ends are in this process, which may have 20,000 files; the client's end costs the
    // process nothing but a number.
    let count = prove(2_000, 8_000);
    let server = Echo::start_with(EdgeLimits {
        connections_max: 10_000,
        ..EdgeLimits::default()
    });
    let open = || {
        let mut raw = Raw::open(server.address(), "/", "");
        raw.send(&frame(TEXT, "hello").bytes()).expect("send");
        let echo = raw.frame().expect("an echo").expect("an echo");
        assert_eq!(echo.payload, b"hello");
        raw
    };
    // What the first ones make is there for all: buffers, wheels, threads' heaps.
    let mut connections: Vec<_> = (0..500).map(|_| open()).collect();
    let before = resident_kib();
    connections.extend((0..count).map(|_| open()));
    let each = resident_kib().saturating_sub(before) * 1024 / count;
    bar(
        3,
        &format!("an idle WebSocket connection takes {each} bytes of {BYTES_MAX}, over {count}"),
    );
    assert!(each <= BYTES_MAX, "{each} bytes each");
}
