//! A clock that is hours wrong on one node, forwards or backwards, lets no request more through and
//! none less, and deposes no leader: windows follow the cluster's time, elections the monotonic clock.

use std::process::Command;
use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, Connection, DEADLINE, bar, prove, wait_until};

use crate::keys::{self, Key, addresses, api, drain, request};
use crate::oracle::Oracle;

const LIMITS: [u64; 4] = [1, 2, 10, 300];
const TAKES: Duration = Duration::from_millis(2);
/// Longer than a leader is believed in and an election together.
const WATCHED: Duration = Duration::from_secs(2);
const HOURS: i64 = 5;

/// Seconds of the wall clock, and the month, so many hours from now.
fn date(hours: i64) -> (i64, String) {
    let mut command = Command::new("date");
    command.args(["--utc", "--date", &format!("{hours} hours"), "+%s %m"]);
    let said = command.output().expect("run date").stdout;
    let said = String::from_utf8(said).expect("date writes text");
    let (seconds, month) = said.trim().split_once(' ').expect("two words");
    (seconds.parse().expect("a number"), month.to_owned())
}

/// The wall clock of a node, as its answers tell it.
fn clock(cluster: &Cluster, at: usize) -> Result<i64, String> {
    let answer = request("nobody-has-this-key").send(cluster.nodes()[at].http());
    let told = answer.header("date").ok_or("no date")?;
    let read = Command::new("date").args(["--date", told, "+%s"]).output();
    let said = String::from_utf8_lossy(&read.expect("run date").stdout).into_owned();
    said.trim().parse().map_err(|_| format!("{told}: {said}"))
}

/// Sets a node's clock and waits until the node tells that time.
fn step(cluster: &Cluster, at: usize, hours: i64) {
    cluster.clocks().set(at, &format!("{hours:+}h"));
    wait_until(DEADLINE, "the node's clock", || {
        let wrong = clock(cluster, at)? - date(hours).0;
        if wrong.abs() < 60 {
            Ok(())
        } else {
            Err(format!("{wrong} s away"))
        }
    });
}

fn spend(cluster: &Cluster, key: &Key, requests: u64) {
    let mut nodes: Vec<Connection> = addresses(cluster)
        .into_iter()
        .map(|node| Connection::open(node).expect("connect"))
        .collect();
    for turn in 0..requests {
        let node = usize::try_from(turn).expect("a few") % nodes.len();
        let answer = nodes[node]
            .request(&request(&key.value))
            .expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

fn term(cluster: &Cluster, at: usize) -> String {
    let scraped = cluster.nodes()[at].ops("/metrics").text();
    let mut lines = scraped.lines();
    let line = lines.find(|line| line.starts_with("tollgate_cluster_term"));
    line.expect("the term").to_owned()
}

#[test]
fn a_clock_that_is_hours_wrong_changes_no_quota_and_no_leader() {
    // What a clock says of the next month would begin the quotas of that.
    let ahead = if date(HOURS + 1).1 == date(0).1 {
        HOURS
    } else {
        -2 * HOURS
    };
    let oracle = Oracle::start(TAKES);
    let usual = vec![(1, ahead), (0, -HOURS), (0, ahead)];
    let long = vec![
        (1, ahead),
        (1, -HOURS),
        (1, 0),
        (0, ahead),
        (0, -HOURS),
        (0, 0),
    ];
    let steps = prove(usual, long);
    let keys = keys::of_rounds(steps.len(), &LIMITS);
    let cluster = Cluster::clocked(3, &api(&oracle.url(), &keys));
    let nodes = addresses(&cluster);
    for ((from_leader, hours), keys) in steps.into_iter().zip(keys.chunks(LIMITS.len())) {
        for key in keys {
            spend(&cluster, key, key.limit / 2);
        }
        let leader = cluster.leader(2, None);
        let before = term(&cluster, leader);
        let at = (leader + from_leader) % 3;
        step(&cluster, at, hours);
        let stepped = Instant::now();
        for key in keys {
            drain(&nodes, key);
            assert_eq!(
                oracle.served(&key.value),
                key.limit,
                "{at} at {hours:+} h: {}",
                key.value
            );
        }
        wait_until(DEADLINE, "an election that must not be", || {
            assert_eq!(term(&cluster, leader), before, "{at} at {hours:+} h");
            let now = stepped.elapsed();
            (now >= WATCHED)
                .then_some(())
                .ok_or_else(|| format!("{now:?}"))
        });
    }
    bar(
        1,
        &format!(
            "cluster: clocks of a follower and of the leader {HOURS} hours ahead and behind: {} quotas \
             exact, no election",
            keys.len()
        ),
    );
}
