//! Changes of the configuration beside etcd's puts: three processes of each on one disk, the same
//! clients, in turns. Too long for `make test`; `make writes` runs it.
//!
//! With a number of clients and of seconds as arguments only the gateway is loaded, once: something
//! to look at with a profiler.

mod etcd;
mod gateway;
mod load;

use std::time::Duration;

use tollgate_harness::{bar, profile};

use crate::load::{Figures, System, run};

/// Clients at once.
const CLIENTS: [usize; 3] = [1, 16, 128];
/// Turns of each system with each number of clients.
const ROUNDS: usize = 3;
/// How long a turn is measured, after a third of that to warm up.
const MEASURED: Duration = Duration::from_secs(4);
/// Resources that are changed, and keys that are put.
const PLACES: usize = 100;
/// Bytes of a value.
const VALUE_BYTES: usize = 256;

/// The median by throughput.
fn median(mut of: Vec<Figures>) -> Figures {
    of.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    of.swap_remove(of.len() / 2)
}

/// The gateway alone, for as long as it was asked for.
fn profile_gateway(clients: usize, seconds: u64) {
    let gateway = gateway::Gateway::start();
    println!("{clients} clients begin");
    let of = run(&gateway, clients, Duration::from_secs(seconds));
    println!(
        "{clients} clients: {:.0} writes/s, p50 {:.2} ms, p99 {:.2} ms, {:.0} us of CPU a write",
        of.per_second, of.p50_ms, of.p99_ms, of.cpu_us,
    );
}

fn main() {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .map(|it| it.parse().expect("a number of clients and one of seconds"))
        .collect();
    if let [clients, seconds] = numbers[..] {
        let clients = usize::try_from(clients).expect("a number of clients");
        return profile_gateway(clients, seconds);
    }
    let etcd = etcd::Etcd::start();
    let gateway = gateway::Gateway::start();
    let mut table = String::from("clients  system    writes/s  p50 ms  p99 ms  CPU us/write\n");
    let mut ratio = 0.0;
    for clients in CLIENTS {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Whoever comes second finds the disk as the first left it.
            if round % 2 == 0 {
                theirs.push(run(&etcd, clients, MEASURED));
                ours.push(run(&gateway, clients, MEASURED));
            } else {
                ours.push(run(&gateway, clients, MEASURED));
                theirs.push(run(&etcd, clients, MEASURED));
            }
        }
        let (theirs, ours) = (median(theirs), median(ours));
        for (name, of) in [(etcd.name(), &theirs), (gateway.name(), &ours)] {
            table.push_str(&format!(
                "{clients:>7}  {name:8}  {:>8.0}  {:>6.2}  {:>6.2}  {:>12.0}\n",
                of.per_second, of.p50_ms, of.p99_ms, of.cpu_us,
            ));
        }
        // That of the most clients stays.
        ratio = ours.per_second / theirs.per_second;
    }
    println!("{table}");
    bar(
        6,
        &format!(
            "changes of the configuration beside etcd's puts, three processes each, medians of \
             {ROUNDS} turns of {} s: {ratio:.2} x etcd's throughput at {} clients (at least 1 in \
             the published build; this is `{}`)\n{table}",
            MEASURED.as_secs(),
            CLIENTS[CLIENTS.len() - 1],
            profile(),
        ),
    );
    if profile() == "dist" {
        assert!(ratio >= 1.0, "{ratio:.2} x etcd's throughput");
    }
}
