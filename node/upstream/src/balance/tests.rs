//! Shares, not sequences, wherever the order is not promised.

use std::sync::Arc;

use super::*;
use crate::dns::Resolver;
use crate::server::{Outstanding, Reach, Server};
use crate::spec::{Ejection, GroupSpec, Scheme, ServerSpec};
use crate::tls::Roots;

fn group(balance: Balance, weights: &[u32]) -> Group {
    let servers = weights.iter().zip(1..).map(|(weight, port)| ServerSpec {
        scheme: Scheme::Http,
        host: "127.0.0.1".to_owned(),
        port,
        weight: *weight,
    });
    let mut spec = GroupSpec::new("g", servers.collect());
    spec.balance = balance;
    spec.ejection = Some(Ejection {
        consecutive_failures: 1,
        duration_ms: 60_000,
    });
    let resolver = Arc::new(Resolver::new(tokio::runtime::Handle::current()));
    let servers = spec.servers.iter().map(|server| {
        let reach = Reach::new(&spec, server);
        Arc::new(Server::new(reach, Arc::clone(&resolver), &Roots::default()))
    });
    let servers = servers.collect();
    Group::new(spec, servers)
}

fn shares(group: &Group, picks: usize) -> Vec<usize> {
    let (turns, mut shares) = (Turns::default(), vec![0; group.servers.len()]);
    for _ in 0..picks {
        let index = turns
            .pick(group, &Tried::default(), Instant::now())
            .expect("a server");
        shares[index] += 1;
    }
    shares
}

#[tokio::test]
async fn turns_follow_the_weights_smoothly() {
    let group = group(Balance::RoundRobin, &[5, 1, 1]);
    let turns = Turns::default();
    let order: Vec<_> = (0..7)
        .filter_map(|_| turns.pick(&group, &Tried::default(), Instant::now()))
        .collect();
    assert_eq!(order, [0, 0, 1, 0, 2, 0, 0], "heavy ones are interleaved");
    assert_eq!(shares(&group, 700), [500, 100, 100]);
}

#[tokio::test]
async fn weight_zero_is_used_only_when_nothing_else_is_up() {
    let group = group(Balance::RoundRobin, &[0, 1]);
    assert_eq!(shares(&group, 10), [0, 10]);
    group.servers[1].set_unhealthy(true);
    assert_eq!(shares(&group, 10), [10, 0]);
}

#[tokio::test]
async fn the_least_outstanding_is_chosen_relative_to_its_weight() {
    let group = group(Balance::LeastOutstanding, &[1, 3]);
    let turns = Turns::default();
    let mut held = Vec::new();
    for _ in 0..40 {
        let index = turns
            .pick(&group, &Tried::default(), Instant::now())
            .expect("a server");
        held.push(Outstanding::new(&group.servers[index]));
    }
    let outstanding =
        [0, 1].map(|i: usize| group.servers[i].load.outstanding.load(Ordering::Relaxed));
    assert_eq!(outstanding, [10, 30]);
    drop(held);
    assert_eq!(
        shares(&group, 40),
        [10, 30],
        "equally idle servers take turns by weight"
    );
}

#[tokio::test]
async fn the_down_are_skipped_and_all_down_is_all_up() {
    let group = group(Balance::RoundRobin, &[1, 1, 1]);
    group.servers[0].set_unhealthy(true);
    group.failed(&group.servers[1], Instant::now());
    assert!(group.servers[1].is_ejected(Instant::now()));
    assert_eq!(shares(&group, 9), [0, 0, 9]);
    group.failed(&group.servers[2], Instant::now());
    assert!(
        !group.servers[2].is_ejected(Instant::now()),
        "the last one is never ejected"
    );
    group.servers[2].set_unhealthy(true);
    assert_eq!(shares(&group, 9), [3, 3, 3]);
}

#[tokio::test]
async fn the_tried_are_not_tried_again() {
    let group = group(Balance::RoundRobin, &[1, 1, 1, 1, 1]);
    let (turns, mut tried, mut seen) = (Turns::default(), Tried::default(), Vec::new());
    loop {
        let index = turns
            .pick(&group, &tried, Instant::now())
            .expect("five are enough");
        assert!(!seen.contains(&index));
        seen.push(index);
        if !tried.add(index) {
            break;
        }
    }
    assert_eq!(seen.len(), SERVERS_TRIED_MAX);
}
