//! Closed-loop clients: each sends its next write when the last one was answered.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// Something that takes writes on several processes.
pub(crate) trait System: Sync {
    /// One connection that writes.
    type Client: Client;

    /// Its name in the table.
    fn name(&self) -> &'static str;

    /// Where clients connect to: the process that leads, as etcd's own benchmark can have it.
    fn leader(&self) -> SocketAddr;

    /// Processor time of all its processes so far.
    fn cpu(&self) -> Duration;

    /// Connects.
    fn connect(&self, to: SocketAddr) -> impl Future<Output = Self::Client> + Send;
}

/// One connection.
pub(crate) trait Client: Send + 'static {
    /// Writes a new value of `place`, until it is answered.
    fn write(&mut self, place: usize, value: &str) -> impl Future<Output = ()> + Send;
}

/// What a turn gave.
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor time of all processes of the system for one write.
    pub(crate) cpu_us: f64,
}

/// Loads a system with `clients` at once for `measured`.
pub(crate) fn run<S: System>(system: &S, clients: usize, measured: Duration) -> Figures {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let leader = system.leader();
        let mut working = JoinSet::new();
        let from = Instant::now() + measured / 3;
        let until = from + measured;
        for client in 0..clients {
            let connection = system.connect(leader).await;
            working.spawn(work(connection, client, from, until));
        }
        tokio::time::sleep_until(from.into()).await;
        let before = system.cpu();
        tokio::time::sleep_until(until.into()).await;
        let cpu = system.cpu().saturating_sub(before);
        let mut latencies: Vec<Duration> = working.join_all().await.concat();
        latencies.sort_unstable();
        figures(&latencies, measured, cpu)
    })
}

/// Writes until the end; returns how long those writes took that began and ended in time.
async fn work<C: Client>(
    mut client: C,
    number: usize,
    from: Instant,
    until: Instant,
) -> Vec<Duration> {
    let mut latencies = Vec::new();
    for turn in 0_usize.. {
        let began = Instant::now();
        if began >= until {
            break;
        }
        let place = (number * 31 + turn * 7) % super::PLACES;
        let mut value = format!("{number}-{turn}-");
        value.extend(std::iter::repeat_n('v', super::VALUE_BYTES - value.len()));
        client.write(place, &value).await;
        if began >= from && Instant::now() <= until {
            latencies.push(began.elapsed());
        }
    }
    latencies
}

fn figures(sorted: &[Duration], measured: Duration, cpu: Duration) -> Figures {
    assert!(!sorted.is_empty(), "not one write was answered");
    let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100) - 1].as_secs_f64();
    Figures {
        per_second: sorted.len() as f64 / measured.as_secs_f64(),
        p50_ms: at(50) * 1e3,
        p99_ms: at(99) * 1e3,
        cpu_us: cpu.as_secs_f64() * 1e6 / sorted.len() as f64,
    }
}

#[test]
fn figures_are_of_what_was_measured() {
    let latencies: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
    let figures = figures(
        &latencies,
        Duration::from_secs(2),
        Duration::from_millis(20),
    );
    assert_eq!(figures.per_second, 100.0);
    assert_eq!(figures.p50_ms, 100.0);
    assert_eq!(figures.p99_ms, 198.0);
    assert_eq!(figures.cpu_us, 100.0);
}
