//! What a node's buckets have after answers that come in time, late, and around the end of a lease.

use tollgate_protocol::Rate;

use super::super::limits;
use super::*;

const MS: u64 = 1_000;

#[test]
fn a_lease_that_comes_too_late_is_not_said_to_be_taken() {
    let mut holder = Holder::new(1, Arc::new(Tenure::new(|_| false)));
    holder.be_among(0, limits::floor(3), 3);
    let answer = |number, stamp, valid_us| Answer {
        number,
        stamp,
        lease: Some(Lease {
            valid_us,
            divided_from: 3,
            floor: limits::floor(3),
            common: 10,
            ..Lease::default()
        }),
    };
    let first = holder.beat(1, 1, 1);
    holder.take_in(2, (1, 1), answer(first.number, 5, 2_000 * MS));
    let second = holder.beat(10, 1, 1);
    assert_eq!(second.echo, 5);
    holder.take_in(1_000 * MS, (1, 1), answer(second.number, 6, MS));
    assert_eq!(
        holder.beat(1_001 * MS, 1, 1).echo,
        5,
        "the first is still in force"
    );
}

#[test]
fn an_answer_touches_the_buckets_that_it_moves_and_no_others() {
    let mut holder = Holder::new(1, Arc::new(Tenure::new(|_| true)));
    holder.begin();
    let limit = Throttle {
        burst_limit: 1_000,
        rate_limit: Rate::from_micros(1_000_000),
    };
    let buckets: Vec<_> = (0..6)
        .map(|name| holder.bucket(0, BucketKey(name), limit))
        .collect();
    holder.be_among(0, limits::floor(3), 3);
    let floor = limits::floor(3);
    let mut answer = |at: u64, common: u16, own: &[(u128, u16)]| {
        let beat = holder.beat(at, 1, 1);
        let lease = Lease {
            valid_us: 2_000 * MS,
            divided_from: 3,
            central: false,
            floor,
            common,
            own: own.to_vec(),
        };
        let answer = Answer {
            number: beat.number,
            stamp: at,
            lease: Some(lease),
        };
        assert!(holder.take_in(at, (1, 1), answer));
    };
    answer(1, 1_000, &[(1, 2_000), (2, 3_000)]);
    let shares = || buckets.iter().map(|it| it.share() - floor);
    let all = [1_000, 2_000, 3_000, 1_000, 1_000, 1_000];
    assert!(shares().eq(all));
    // Marks that show who is touched.
    buckets.iter().for_each(|it| it.set_share(floor + 7, 1));
    answer(2, 1_000, &[(2, 3_000), (3, 5_000), (4, 1_000)]);
    // 1 has what all have again, 3 its own part; what 2 and 4 have is what they had.
    assert!(shares().eq([7, 1_000, 7, 5_000, 7, 7]));
    // Another common part is for all.
    answer(3, 900, &[(2, 3_000), (3, 5_000)]);
    assert!(shares().eq([900, 900, 3_000, 5_000, 900, 900]));
}

/// A bucket that is divided among three nodes, and one that is not and that this node holds.
fn led() -> (Holder, Arc<Tenure>, [Arc<TokenBucket>; 2]) {
    let tenure = Arc::new(Tenure::new(|_| true));
    let mut holder = Holder::new(1, Arc::clone(&tenure));
    holder.begin();
    let limit = |burst_limit| Throttle {
        burst_limit,
        rate_limit: Rate::from_micros(1_000_000_000),
    };
    let buckets =
        [(1, 1_000), (2, 2)].map(|(name, burst)| holder.bucket(0, BucketKey(name), limit(burst)));
    (holder, tenure, buckets)
}

/// Sends a beat at one time and takes in the answer, the same lease each time, at another.
fn renew(holder: &mut Holder, sent: u64, taken: u64) {
    let beat = holder.beat(sent, 1, 1);
    let lease = Lease {
        valid_us: 2_000 * MS,
        divided_from: 3,
        central: true,
        floor: limits::floor(3),
        common: 1_000,
        own: Vec::new(),
    };
    let answer = Answer {
        number: beat.number,
        stamp: sent,
        lease: Some(lease),
    };
    assert!(holder.take_in(taken, (1, 1), answer));
}

#[test]
fn what_requests_lowered_at_an_end_that_the_node_did_not_see_has_its_share_again() {
    let (mut holder, tenure, buckets) = led();
    let shares = || [buckets[0].share(), buckets[1].share()];
    let leased = [limits::floor(3) + 1_000, WHOLE];
    renew(&mut holder, 1, 2);
    assert_eq!(shares(), leased);
    let end = tenure.until_us();
    let request = |at| {
        for bucket in &buckets {
            bucket.try_take(at).ok();
        }
    };
    // The node looked at the time just before the end, the requests at it.
    request(end);
    assert_eq!(shares(), [limits::floor(3), 0]);
    renew(&mut holder, end - 100 * MS, end - 1);
    assert_eq!(shares(), leased);
    // A request that read the end before and goes on after the next was set: the next answer.
    let next = tenure.until_us();
    tenure.set_until_us(end);
    request(end);
    tenure.set_until_us(next);
    assert_eq!(shares(), [limits::floor(3), 0]);
    renew(&mut holder, end, end + 1);
    assert_eq!(shares(), leased);
    // Nothing was lowered since: an answer like the last one touches no bucket.
    buckets[0].set_share(7, end + 2);
    renew(&mut holder, end + 2, end + 3);
    assert_eq!(shares(), [7, WHOLE]);
}

#[test]
fn what_a_late_request_lowered_of_a_node_that_is_alone_is_whole_again() {
    let (mut holder, tenure, buckets) = led();
    renew(&mut holder, 1, 2);
    let end = tenure.until_us();
    holder.be_alone(3);
    // As a request that read the floor and the end of before.
    tenure.set_floor(limits::floor(3), 3);
    tenure.set_until_us(end);
    for bucket in &buckets {
        bucket.try_take(end).ok();
    }
    tenure.set_floor(WHOLE, 1);
    tenure.set_until_us(u64::MAX);
    assert_eq!(buckets[1].share(), 0);
    holder.be_alone(end + 1);
    assert!(buckets.iter().all(|it| it.share() == WHOLE));
}
