//! What one bucket admits: by its rate, by its share, and never more.

use super::*;

fn throttle(burst: u32, rate: f64) -> Throttle {
    Throttle {
        burst_limit: burst,
        rate_limit: Rate::from_f64(rate).unwrap(),
    }
}

fn admitted(bucket: &TokenBucket, tries: u32, now_us: u64) -> u32 {
    (0..tries)
        .map(|_| u32::from(bucket.try_take(now_us).is_ok()))
        .sum()
}

#[test]
fn exactly_burst_at_once_then_rate_per_second() {
    for (burst, rate) in [
        (1, 1.0),
        (5, 2.0),
        (100, 10.0),
        (3, 0.5),
        (10, 1000.0),
        (7, 3.0),
    ] {
        let bucket = TokenBucket::new(throttle(burst, rate));
        let start = 50_000_000;
        assert_eq!(
            admitted(&bucket, burst * 2 + 10, start),
            burst,
            "{burst} at {rate}"
        );
        // Over ten seconds after the burst, asking every millisecond.
        let later: u32 = (1..=10_000)
            .map(|ms| admitted(&bucket, 2, start + ms * 1000))
            .sum();
        let wanted = rate * 10.0;
        assert!(f64::from(later) <= wanted, "{later} of {wanted}");
        assert!(f64::from(later) >= wanted - 1.0, "{later} of {wanted}");
    }
}

#[test]
fn a_refusal_says_when_and_takes_nothing() {
    let bucket = TokenBucket::new(throttle(1, 2.0));
    assert!(bucket.try_take(0).is_ok());
    let refused = bucket.try_take(0).unwrap_err();
    assert!(
        (500_000..=500_002).contains(&refused.retry_after_us),
        "{refused:?}"
    );
    for _ in 0..100 {
        assert!(bucket.try_take(0).is_err());
    }
    assert!(bucket.try_take(refused.retry_after_us).is_ok());
}

#[test]
fn zero_lets_nothing_in() {
    assert_eq!(admitted(&TokenBucket::new(throttle(0, 5.0)), 10, 1), 0);
    assert_eq!(admitted(&TokenBucket::new(throttle(5, 0.0)), 10, 1), 0);
}

#[test]
fn what_is_put_back_can_be_taken_again_and_never_overflows() {
    let bucket = TokenBucket::new(throttle(3, 1.0));
    assert_eq!(admitted(&bucket, 5, 9_000_000), 3);
    bucket.put_back();
    assert_eq!(bucket.remaining(9_000_000), 1);
    assert_eq!(admitted(&bucket, 5, 9_000_000), 1);
    for _ in 0..50 {
        bucket.put_back();
    }
    assert_eq!(admitted(&bucket, 50, 9_000_000), 3);
}

#[test]
fn threads_together_get_burst() {
    let bucket = TokenBucket::new(throttle(1000, 1.0));
    let total: u32 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| admitted(&bucket, 1000, 77)))
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).sum()
    });
    assert_eq!(total, 1000);
}

fn shared(burst: u32, rate: f64, share: u16) -> (TokenBucket, Arc<Tenure>) {
    let tenure = Arc::new(Tenure::new(|_| true));
    tenure.set_floor(WHOLE / 10, 3);
    tenure.set_until_us(1_000_000_000);
    let limit = throttle(burst, rate);
    let bucket = TokenBucket::shared(limit, BucketKey(1), Arc::clone(&tenure), share, None);
    (bucket, tenure)
}

#[test]
fn a_share_is_a_bucket_of_that_part() {
    let (bucket, _tenure) = shared(60, 30.0, WHOLE / 3);
    assert_eq!(admitted(&bucket, 100, 5_000_000), 20);
    let later: u32 = (1..=10_000)
        .map(|ms| admitted(&bucket, 2, 5_000_000 + ms * 1000))
        .sum();
    assert_eq!(later, 100);
    assert_eq!(bucket.limit(), throttle(60, 30.0));
}

#[test]
fn a_smaller_share_loses_what_it_cannot_hold_and_a_larger_one_gains_nothing() {
    let (bucket, _tenure) = shared(60, 25.0, WHOLE);
    let now = 5_000_000;
    assert_eq!(admitted(&bucket, 20, now), 20);
    bucket.set_share(WHOLE / 2, now);
    assert_eq!(bucket.remaining(now), 30);
    bucket.set_share(WHOLE, now);
    assert_eq!(bucket.remaining(now), 30);
    bucket.set_share(WHOLE / 6, now);
    bucket.set_share(WHOLE, now);
    assert_eq!(bucket.remaining(now), 10);
    bucket.set_share(0, now);
    assert_eq!(admitted(&bucket, 5, now + 60_000_000), 0);
    bucket.set_share(WHOLE, now + 60_000_000);
    assert_eq!(admitted(&bucket, 5, now + 60_000_000), 0);
    // It gains from then on: twenty-five a second.
    assert_eq!(admitted(&bucket, 99, now + 61_000_000), 25);
}

#[test]
fn the_end_of_a_tenure_needs_nobody_to_notice() {
    let (bucket, tenure) = shared(100, 100.0, WHOLE);
    let end = tenure.until_us();
    assert_eq!(admitted(&bucket, 50, end - 1), 50);
    // A second later there is the floor: a tenth of the burst, refilled at a tenth of the rate.
    assert_eq!(bucket.share_at(end + 1_000_000), WHOLE / 10);
    assert_eq!(admitted(&bucket, 500, end + 1_000_000), 10);
    assert_eq!(admitted(&bucket, 500, end + 2_000_000), 10);
    assert_eq!(bucket.share(), WHOLE / 10);
}

#[test]
fn a_bucket_that_cannot_be_divided_says_to_ask_elsewhere_and_how_long_not_to() {
    let (bucket, _tenure) = shared(2, 1.0, 0);
    let now = 5_000_000;
    assert!(bucket.try_take(now).unwrap_err().elsewhere);
    bucket.deny(now, 300_000);
    let refused = bucket.try_take(now + 100_000).unwrap_err();
    assert_eq!(refused.retry_after_us, 200_000);
    assert!(!refused.elsewhere);
    assert!(bucket.try_take(now + 300_000).unwrap_err().elsewhere);
    // Who can have a token of his own asks nobody.
    let (bucket, _tenure) = shared(3, 1.0, 0);
    assert!(!bucket.try_take(now).unwrap_err().elsewhere);
}

#[test]
fn the_first_refusal_since_a_look_is_told() {
    use std::sync::atomic::AtomicU32;
    let told = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&told);
    let tenure = Tenure::new(move |key| {
        assert_eq!(key, BucketKey(9));
        count.fetch_add(1, Ordering::Relaxed);
        true
    });
    tenure.set_until_us(u64::MAX);
    let limit = throttle(5, 1.0);
    let bucket = TokenBucket::shared(limit, BucketKey(9), Arc::new(tenure), WHOLE, None);
    assert_eq!(admitted(&bucket, 9, 1), 5);
    assert_eq!(told.load(Ordering::Relaxed), 1);
    let seen = bucket.demand();
    assert_eq!((seen.taken, seen.refused), (5, 4));
    assert_eq!(admitted(&bucket, 9, 1), 0);
    assert_eq!(told.load(Ordering::Relaxed), 2);
}

#[test]
fn shares_that_move_under_threads_never_let_in_more() {
    let (bucket, _tenure) = shared(1000, 0.001, WHOLE);
    let total: u32 = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| admitted(&bucket, 2000, 77)))
            .collect();
        for turn in 0..200 {
            let share = if turn % 2 == 0 { WHOLE } else { WHOLE - 1 };
            bucket.set_share(share, 77);
        }
        takers.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert!(total <= 1000, "{total}");
}
