//! Clients that mean harm, beside clients that do not: what they cost stays bounded, and the others
//! go on being answered.

use std::io::{ErrorKind, Read as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tollgate_edge::EdgeLimits;
use tollgate_harness::{bar, prove, wait_until};
use tollgate_websocket::Limits;

use crate::echo::Echo;
use crate::frames::{BINARY, CLOSE, CONTINUATION, Length, PING, TEXT, deflated, frame};
use crate::raw::Raw;

/// Connections of each kind.
const CLIENTS: usize = 20;
/// Clients that shake hands and leave, over and over, at the same time.
const STORM_CLIENTS: usize = 4;
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
    for (attack, told) in [
        ("huge", &HUGE),
        ("endless", &ENDLESS),
        ("unmasked", &UNMASKED),
    ] {
        let told = told.load(Ordering::Relaxed);
        assert!(told > 0, "none of {CLIENTS} {attack} clients was told why");
    }
    over.store(true, Ordering::Relaxed);
    let attacked = victim.join().expect("the well-behaved client");
    let (over, victim) = self::victim(address);
    let handshakes = prove(5_000, 100_000);
    peak = peak.max(storm(address, handshakes));
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

/// Clients that shake hands and leave, at the same time; the most memory that was taken meanwhile.
fn storm(address: SocketAddr, handshakes: usize) -> u64 {
    let clients: Vec<_> = (0..STORM_CLIENTS)
        .map(|_| {
            thread::spawn(move || {
                for _ in 0..handshakes / STORM_CLIENTS {
                    drop(Raw::open(address, "/", ""));
                }
            })
        })
        .collect();
    let mut peak = 0;
    while clients.iter().any(|client| !client.is_finished()) {
        peak = peak.max(resident_kib());
        thread::yield_now();
    }
    for client in clients {
        client.join().expect("a handshake failed");
    }
    peak
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

/// Clients of a kind that read why they were closed. A reset may come first, but not for all.
static HUGE: AtomicUsize = AtomicUsize::new(0);
static ENDLESS: AtomicUsize = AtomicUsize::new(0);
static UNMASKED: AtomicUsize = AtomicUsize::new(0);

/// What such clients do.
const ATTACKS: [fn(SocketAddr) -> Raw; 7] =
    [huge, endless, deaf, bombs, pinging, unmasked, half_open];

/// All of them, one after the other. The connections stay: it is the server that ends them.
fn attack(address: SocketAddr) -> Vec<Raw> {
    ATTACKS.iter().map(|attack| attack(address)).collect()
}

/// Announces a tebibyte and begins to send it.
fn huge(address: SocketAddr) -> Raw {
    let mut raw = Raw::open(address, "/", "");
    let header = frame(BINARY, "").length(Length::Announced(1 << 40)).bytes();
    flood(&mut raw, &header, &[0; 16 * 1024]);
    ends_with(raw, 1009, &HUGE)
}

/// A message of fragments without an end.
fn endless(address: SocketAddr) -> Raw {
    let mut raw = Raw::open(address, "/", "");
    let first = frame(BINARY, "x").more().bytes();
    let more = frame(CONTINUATION, "x").more().bytes().repeat(1_000);
    flood(&mut raw, &first, &more);
    ends_with(raw, 1009, &ENDLESS)
}

/// Asks for echoes and reads none.
fn deaf(address: SocketAddr) -> Raw {
    let mut raw = Raw::open(address, "/impatient", "");
    let message = frame(BINARY, vec![7; 16 * 1024]).bytes();
    flood(&mut raw, &[], &message);
    raw
}

/// Messages that inflate to all that is allowed, a hundred in what is read at a time.
fn bombs(address: SocketAddr) -> Raw {
    let compression = "sec-websocket-extensions: permessage-deflate\r\n";
    let mut raw = Raw::open(address, "/impatient", compression);
    let zeros = vec![0; Limits::default().message_bytes_max];
    let bomb = frame(BINARY, deflated(&zeros)).reserved(4).bytes();
    flood(&mut raw, &[], &bomb.repeat(100));
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
    ends_with(raw, 1002, &UNMASKED)
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

/// Reads the close frame, unless a reset took it.
fn ends_with(mut raw: Raw, wanted: u16, told: &AtomicUsize) -> Raw {
    loop {
        match raw.frame() {
            Ok(Some(frame)) => {
                assert_eq!(frame.opcode, CLOSE, "{frame:?}");
                let code = frame.payload.first_chunk().copied();
                assert_eq!(code.map(u16::from_be_bytes), Some(wanted));
                told.fetch_add(1, Ordering::Relaxed);
            }
            Ok(None) => return raw,
            Err(error) => {
                let patience = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(!patience, "neither a close nor a reset");
                return raw;
            }
        }
    }
}

pub(crate) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.expect("VmRSS in KiB")
}
