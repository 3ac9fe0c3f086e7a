//! Clients that mean harm, beside clients that do not: what they cost stays bounded, and the others
//! go on being answered.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tollgate_edge::EdgeLimits;
use tollgate_harness::{bar, prove, wait_until};

use crate::echo::Echo;
use crate::frames::{BINARY, CONTINUATION, Length, PING, TEXT, frame};
use crate::raw::Raw;

/// Connections of each kind.
const CLIENTS: usize = 20;
/// What such a client sends unless it is stopped: more than is thrown away after a close, and than
/// a kernel keeps for one who does not read.
const FLOOD_BYTES: usize = 8 << 20;
/// How much more memory they may take. The clients are in this process, with their buffers.
const GROWTH_KIB_MAX: u64 = 64 * 1024;
/// How long a well-behaved client may wait at the 99th percentile, on a machine that other suites
/// share.
const PATIENCE_P99: Duration = Duration::from_millis(250);
/// How long anything may take to be over.
const OVER: Duration = Duration::from_secs(30);

#[test]
fn hostile_clients_cost_little_and_harm_nobody() {
    let server = Echo::start_with(EdgeLimits {
        connections_max: 2_000,
        ..EdgeLimits::default()
    });
    let address = server.address();
    let calm = round_trips(address, &AtomicBool::new(true), 500);
    let before = resident_kib();
    let (over, victim) = victim(address);
    let attackers: Vec<_> = (0..CLIENTS)
        .map(|_| thread::spawn(move || attack(address)))
        .collect();
    let mut peak = before;
    while attackers.iter().any(|attacker| !attacker.is_finished()) {
        peak = peak.max(resident_kib());
        thread::yield_now();
    }
    let joined = attackers.into_iter().map(JoinHandle::join);
    let kept: Vec<_> = joined
        .map(|kept| kept.expect("an attacker saw what it should not"))
        .collect();
    over.store(true, Ordering::Relaxed);
    let attacked = victim.join().expect("the well-behaved client");
    let (over, victim) = self::victim(address);
    let handshakes = prove(5_000, 100_000);
    for _ in 0..handshakes {
        drop(Raw::open(address, "/", ""));
    }
    over.store(true, Ordering::Relaxed);
    let stormed = victim.join().expect("the well-behaved client");
    // By the server, within its limits, whatever the clients did not do.
    wait_until(OVER, "every connection closed", || {
        let open = server.observe().connections_open;
        if open == 0 {
            Ok(())
        } else {
            Err(format!("{open} open"))
        }
    });
    drop(kept);
    let growth = peak.saturating_sub(before);
    assert!(growth < GROWTH_KIB_MAX, "{growth} KiB more");
    assert!(attacked < PATIENCE_P99, "p99 {attacked:?}");
    assert!(stormed < PATIENCE_P99, "p99 {stormed:?}");
    bar(
        6,
        &format!(
            "hostile WebSocket clients: {} attacks and {handshakes} handshakes took at most \
             {growth} KiB; another client's p99 was {calm:.1?} alone, {attacked:.1?} beside the \
             attacks, {stormed:.1?} beside the handshakes",
            CLIENTS * ATTACKS.len()
        ),
    );
}

/// A well-behaved client, and what ends it.
fn victim(address: SocketAddr) -> (Arc<AtomicBool>, JoinHandle<Duration>) {
    let over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&over);
    let victim = thread::spawn(move || round_trips(address, &until, 100));
    (over, victim)
}

/// The 99th percentile of echoes, of at least `count` and until it is over.
fn round_trips(address: SocketAddr, over: &AtomicBool, count: usize) -> Duration {
    let mut raw = Raw::open(address, "/", "");
    let mut took = Vec::new();
    let ping = frame(TEXT, "a well-behaved message").bytes();
    while took.len() < count || !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        raw.send(&ping).expect("send");
        let echo = raw.frame().expect("an echo").expect("an echo");
        assert_eq!(echo.payload, b"a well-behaved message");
        took.push(began.elapsed());
    }
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

/// What such clients do.
const ATTACKS: [fn(SocketAddr) -> Raw; 6] = [huge, endless, deaf, pinging, unmasked, half_open];

/// All of them, one after the other. The connections stay: it is the server that ends them.
fn attack(address: SocketAddr) -> Vec<Raw> {
    ATTACKS.iter().map(|attack| attack(address)).collect()
}

/// Announces a tebibyte and begins to send it.
fn huge(address: SocketAddr) -> Raw {
    let mut raw = Raw::open(address, "/", "");
    let header = frame(BINARY, "").length(Length::Announced(1 << 40)).bytes();
    flood(&mut raw, &header, &[0; 16 * 1024]);
    ends_with(raw, 1009)
}

/// A message of fragments without an end.
fn endless(address: SocketAddr) -> Raw {
    let mut raw = Raw::open(address, "/", "");
    let first = frame(BINARY, "x").more().bytes();
    let more = frame(CONTINUATION, "x").more().bytes().repeat(1_000);
    flood(&mut raw, &first, &more);
    ends_with(raw, 1009)
}

/// Asks for echoes and reads none.
fn deaf(address: SocketAddr) -> Raw {
    let mut raw = Raw::open(address, "/impatient", "");
    let message = frame(BINARY, vec![7; 16 * 1024]).bytes();
    flood(&mut raw, &[], &message);
    raw
}

/// Pings without end, and reads no pong.
fn pinging(address: SocketAddr) -> Raw {
    let mut raw = Raw::open(address, "/impatient", "");
    let pings = frame(PING, vec![1; 125]).bytes().repeat(100);
    flood(&mut raw, &[], &pings);
    raw
}

/// Frames that no client may send.
fn unmasked(address: SocketAddr) -> Raw {
    let mut raw = Raw::open(address, "/", "");
    let bare = frame(BINARY, vec![7; 1_000]).key(None).bytes();
    flood(&mut raw, &[], &bare);
    ends_with(raw, 1002)
}

/// Answers no ping, as one whose machine is gone.
fn half_open(address: SocketAddr) -> Raw {
    let raw = Raw::open(address, "/impatient", "");
    let mut rest = Vec::new();
    // A ping, and then a reset: nobody says goodbye to a machine that is gone.
    drop(raw.tcp().read_to_end(&mut rest));
    assert_eq!(rest, [0x89, 0x00], "a ping");
    raw
}

/// Sends a lot, or until the server does not want more.
fn flood(raw: &mut Raw, first: &[u8], again: &[u8]) {
    let mut sent = first.len();
    let mut taken = raw.send(first).is_ok();
    while taken && sent < FLOOD_BYTES {
        taken = raw.send(again).is_ok();
        sent += again.len();
    }
}

/// The close frame that is read last, unless a reset took it.
fn ends_with(mut raw: Raw, wanted: u16) -> Raw {
    while let Ok(Some(frame)) = raw.frame() {
        let code = frame
            .payload
            .first_chunk()
            .map(|code| u16::from_be_bytes(*code));
        assert_eq!(code, Some(wanted));
    }
    raw
}

pub(crate) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.expect("VmRSS in KiB")
}
