//! State snapshots: small records, everything in them, and no damage goes unseen.

use tollgate_protocol::limits::SNAPSHOT_RECORD_BYTES_MAX;

use super::*;

fn many_keys(count: u32) -> Vec<Change> {
    let key = |n: u32| {
        let key = ApiKey {
            id: alloc::format!("key{n:07}").as_str().into(),
            value: alloc::format!("{n:040}"),
            usage_plans: vec!["gold".into()],
            ..ApiKey::default()
        };
        Change::PutApiKey(Arc::new(key))
    };
    (0..count).map(key).collect()
}

/// A state with something in every table.
fn full() -> Talk {
    let mut talk = Talk::new(1000);
    talk.configure(&many_keys(8_000));
    nodes::join(&mut talk, 7);
    for n in 0..3_000u32 {
        let item = LeaseItem {
            key: alloc::format!("key{n:07}").as_str().into(),
            ..want(1, 0, 0, 10)
        };
        talk.lease(1, 1, u64::from(n) + 1, item);
    }
    iam::fill(&mut talk);
    talk.say(5, nodes::up(2, 1));
    talk.say(6, Command::RevokeToken { id: "none".into() });
    talk
}

fn restore(records: &[Vec<u8>]) -> Result<State, RestoreError> {
    let mut restore = Restore::default();
    for record in records {
        restore.take(record)?;
    }
    restore.finish()
}

#[test]
fn records_are_small_and_hold_everything() {
    let talk = full();
    let records: Vec<Vec<u8>> = talk.state.records().map(Result::unwrap).collect();
    assert!(records.len() > 10, "{}", records.len());
    assert!(
        records
            .iter()
            .all(|it| it.len() <= SNAPSHOT_RECORD_BYTES_MAX)
    );
    assert_eq!(restore(&records).as_ref(), Ok(&talk.state));
    let whole = talk.state.snapshot().unwrap();
    assert_eq!(State::restore(&whole).as_ref(), Ok(&talk.state));
    assert_eq!(State::restore(&[]), Err(RestoreError::OutOfOrder));
}

#[test]
fn a_copy_is_not_changed_by_what_follows() {
    let mut talk = full();
    let (before, records) = (talk.state.clone(), talk.state.records());
    talk.configure(&[plan(3), Change::DeleteApiKey("key0000007".into())]);
    talk.boot(1, 9);
    let records: Vec<Vec<u8>> = records.map(Result::unwrap).collect();
    assert_eq!(restore(&records), Ok(before));
}

#[test]
fn a_lost_repeated_moved_or_damaged_record_is_refused() {
    let talk = full();
    let records: Vec<Vec<u8>> = talk.state.records().map(Result::unwrap).collect();
    for at in 0..records.len() {
        let mut lost = records.clone();
        lost.remove(at);
        assert!(restore(&lost).is_err(), "lost {at}");
        let mut repeated = records.clone();
        repeated.insert(at, records[at].clone());
        assert!(restore(&repeated).is_err(), "repeated {at}");
        let mut moved = records.clone();
        moved.swap(at, (at + 1) % records.len());
        assert!(restore(&moved).is_err(), "moved {at}");
        let mut damaged = records.clone();
        let middle = damaged[at].len() / 2;
        damaged[at][middle] ^= 1;
        assert!(restore(&damaged).is_err(), "damaged {at}");
    }
    let mut longer = records.clone();
    longer.extend(records.last().cloned());
    assert!(restore(&longer).is_err());
}
