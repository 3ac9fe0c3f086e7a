//! Rates over nodes on real disks: what three of them let in together, while leaders change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tollgate_config::cells::{BucketId, TokenBucket, WHOLE};
use tollgate_model::Throttle;
use tollgate_protocol::{Clock, Rate};

use super::hub::{Script, TestNode, cluster, until};

const BURST: u32 = 100;
const RATE: u64 = 400;

fn id() -> BucketId {
    BucketId::Key("gold".into(), "k".into())
}

fn limit() -> Throttle {
    Throttle {
        burst_limit: BURST,
        rate_limit: Rate::from_micros(RATE * 1_000_000),
    }
}

/// Lets the nodes' clock go with the time, from where it stood.
struct Passing(Arc<AtomicBool>);

impl Passing {
    fn of(clock: &Arc<Script>) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (clock, end) = (Arc::clone(clock), Arc::clone(&ended));
        std::thread::spawn(move || {
            let (began, from) = (Instant::now(), clock.0.load(Ordering::SeqCst));
            while !end.load(Ordering::SeqCst) {
                let passed = u64::try_from(began.elapsed().as_millis()).unwrap();
                clock.0.store(from + passed, Ordering::SeqCst);
                std::thread::park_timeout(Duration::from_millis(1));
            }
        });
        Self(ended)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Asks the buckets in turn, as often as it is told, for so long; what they let in.
async fn flood(
    clock: &Script,
    buckets: &[Arc<TokenBucket>],
    turn: &[usize],
    time: Duration,
) -> (u64, Duration) {
    let began = Instant::now();
    let admitted = AtomicU64::new(0);
    while began.elapsed() < time {
        for at in turn {
            for _ in 0..3 {
                let taken = buckets[*at].try_take(clock.monotonic_us());
                admitted.fetch_add(u64::from(taken.is_ok()), Ordering::Relaxed);
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (admitted.into_inner(), began.elapsed())
}

fn bound(time: Duration) -> u64 {
    // The clock of the test steps by a millisecond, that of the nodes by its own.
    let time = time + Duration::from_millis(5);
    u64::from(BURST) + (RATE as f64 * time.as_secs_f64() * 1.001).ceil() as u64
}

fn share(node: &TestNode, clock: &Script, bucket: &TokenBucket) -> u16 {
    assert!(node.door.rates().is_leased() || bucket.share_at(clock.monotonic_us()) < WHOLE / 10);
    bucket.share_at(clock.monotonic_us())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_let_in_one_rate_and_a_part_has_the_rest_when_one_is_gone() {
    let (hub, nodes, clock) = cluster(3).await;
    let _passing = Passing::of(&clock);
    let bucket = |node: &TestNode| node.door.rates().bucket(&id(), limit());
    let buckets: Vec<_> = nodes.iter().map(bucket).collect();
    let shares = || -> Vec<u16> {
        let all = nodes.iter().zip(&buckets);
        all.map(|(node, bucket)| share(node, &clock, bucket))
            .collect()
    };
    let thirds = |shares: &Vec<u16>| shares.iter().all(|it| *it == WHOLE / 3);
    until("equal shares", shares, thirds).await;

    let time = Duration::from_secs(3);
    let (even, took) = flood(&clock, &buckets, &[0, 1, 2], time).await;
    assert!(even <= bound(took), "{even} in {took:?}");
    let moves = Duration::from_millis(1_500);
    let (moving, took) = flood(&clock, &buckets, &[1], moves).await;
    assert!(moving <= bound(took), "{moving} in {took:?}");
    let (skewed, took) = flood(&clock, &buckets, &[1], time).await;
    assert!(skewed <= bound(took), "{skewed} in {took:?}");
    println!(
        "of {} a second: even {}, skewed {}",
        RATE,
        even / 3,
        skewed / 3
    );
    assert!(even >= RATE * 3 * 9 / 10, "{even}");
    assert!(skewed >= RATE * 3 * 9 / 10, "{skewed}");

    // One that is cut off falls back, then the others have its part; nobody ever has too much.
    hub.part(&[3], &[1, 2]);
    let begun = Instant::now();
    let mut both = 0;
    while begun.elapsed() < Duration::from_secs(5) {
        let (some, _) = flood(&clock, &buckets, &[2, 0, 1], Duration::from_millis(100)).await;
        both += some;
        let sum: u32 = shares().iter().map(|it| u32::from(*it)).sum();
        assert!(sum <= WHOLE.into());
    }
    assert!(both <= bound(begun.elapsed()), "{both}");
    assert!(share(&nodes[2], &clock, &buckets[2]) < WHOLE / 10);
    hub.heal();
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_leader_waits_for_the_leases_of_the_one_before() {
    let (hub, nodes, clock) = cluster(3).await;
    let _passing = Passing::of(&clock);
    let bucket = |node: &TestNode| node.door.rates().bucket(&id(), limit());
    let buckets: Vec<_> = nodes.iter().map(bucket).collect();
    let leased = || -> Vec<bool> { nodes.iter().map(|it| it.door.rates().is_leased()).collect() };
    until("leases", leased, |it| it.iter().all(|it| *it)).await;
    let leader = nodes[0].door.members().leader.unwrap();
    let others: Vec<u64> = (1..=3).filter(|it| *it != leader).collect();
    let begun = Instant::now();
    hub.part(&[leader], &others);
    let mut admitted = 0;
    let at = usize::try_from(leader).unwrap() - 1;
    let mut lapsed = false;
    // Until the two have elected one of them and have what the third does not hold any more.
    let regained = |buckets: &[Arc<TokenBucket>]| {
        let now = clock.monotonic_us();
        let of = |id: &u64| buckets[usize::try_from(*id).unwrap() - 1].share_at(now);
        others.iter().map(of).map(u32::from).sum::<u32>() > u32::from(WHOLE) * 9 / 10
    };
    while !regained(&buckets) {
        assert!(begun.elapsed() < Duration::from_secs(60));
        let turn: Vec<usize> = (0..3).collect();
        let (some, _) = flood(&clock, &buckets, &turn, Duration::from_millis(50)).await;
        admitted += some;
        lapsed |= !nodes[at].door.rates().is_leased();
    }
    println!("a new leader's leases after {:?}", begun.elapsed());
    assert!(lapsed);
    assert!(admitted <= bound(begun.elapsed()), "{admitted}");
    hub.heal();
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_too_small_to_be_divided_is_asked_for() {
    let (_hub, nodes, clock) = cluster(3).await;
    let _passing = Passing::of(&clock);
    let small = Throttle {
        burst_limit: 2,
        rate_limit: Rate::from_micros(20 * 1_000_000),
    };
    let bucket = |node: &TestNode| node.door.rates().bucket(&id(), small);
    let buckets: Vec<_> = nodes.iter().map(bucket).collect();
    let whole = || buckets.iter().filter(|it| it.share() == WHOLE).count();
    until("one has all of it", whole, |count| *count == 1).await;
    let begun = Instant::now();
    let all = ask_in_turn(&clock, &nodes, &buckets, Duration::from_secs(2)).await;
    let leader = usize::try_from(nodes[0].door.members().leader.unwrap()).unwrap() - 1;
    let without = |at: usize| at != leader;
    let others: Vec<_> = (0..3).filter(|at| without(*at)).collect();
    let (some, few): (Vec<_>, Vec<_>) = others
        .iter()
        .map(|at| (&nodes[*at], Arc::clone(&buckets[*at])))
        .unzip();
    let others = ask_in_turn(&clock, some, &few, Duration::from_secs(2)).await;
    let time = begun.elapsed();
    println!("{all} and {others} of 20 a second in {time:?}");
    let most = 2 + (20.0 * time.as_secs_f64() * 1.001).ceil() as u64;
    assert!(all + others <= most, "{all} {others}");
    assert!(all >= 36 && others >= 36, "{all} {others}");
    for node in nodes {
        node.stop().await;
    }
}

/// Asks each node in turn, as the pipeline does, for so long; what was let in.
async fn ask_in_turn<'a>(
    clock: &Script,
    nodes: impl IntoIterator<Item = &'a TestNode>,
    buckets: &[Arc<TokenBucket>],
    time: Duration,
) -> u64 {
    let begun = Instant::now();
    let nodes: Vec<&TestNode> = nodes.into_iter().collect();
    let mut admitted = 0;
    while begun.elapsed() < time {
        for (node, bucket) in nodes.iter().zip(buckets) {
            let now = clock.monotonic_us();
            let Err(refused) = bucket.try_take(now) else {
                admitted += 1;
                continue;
            };
            if refused.elsewhere {
                match node.door.take_elsewhere(bucket.key()).await {
                    Ok(()) => admitted += 1,
                    Err(there) => bucket.deny(now, there.retry_after_us),
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    admitted
}
