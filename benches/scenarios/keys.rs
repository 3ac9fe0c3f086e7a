//! From an API key's value to what it may do.

use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::digest;
use tollgate_config::snapshot::{KeyDigest, Snapshot};

use crate::measure::Operation;
use crate::world::{self, API, STAGE};

/// Keys in the table.
const KEYS: usize = 10_000;
/// Keys that are looked for in turn.
const ASKED: usize = 100;

struct Keys {
    snapshot: Arc<Snapshot>,
    values: Vec<String>,
    digests: Vec<KeyDigest>,
    next: usize,
    look: fn(&Self, usize),
}

impl Operation for Keys {
    fn run(&mut self) {
        (self.look)(self, self.next % ASKED);
        self.next += 1;
    }
}

fn digest_of(value: &str) -> KeyDigest {
    let mut out = KeyDigest::default();
    out.copy_from_slice(digest::digest(&digest::SHA256, value.as_bytes()).as_ref());
    out
}

fn plan_of(snapshot: &Snapshot, digest: &KeyDigest) {
    let key = snapshot.keys.get(black_box(digest)).expect("a key");
    let plan = key.plan_for(black_box(API), black_box(STAGE));
    assert!(key.enabled && black_box(plan).is_some());
}

fn build(look: fn(&Keys, usize)) -> Box<dyn Operation> {
    let step = KEYS / ASKED;
    let values: Vec<String> = (0..ASKED).map(|it| world::key_value(it * step)).collect();
    Box::new(Keys {
        snapshot: world::snapshot(KEYS),
        digests: values.iter().map(|it| digest_of(it)).collect(),
        values,
        next: 0,
        look,
    })
}

pub(super) fn sha256() -> Box<dyn Operation> {
    build(|keys, at| {
        black_box(digest_of(black_box(&keys.values[at])));
    })
}

pub(super) fn find() -> Box<dyn Operation> {
    build(|keys, at| plan_of(&keys.snapshot, &keys.digests[at]))
}

pub(super) fn lookup() -> Box<dyn Operation> {
    build(|keys, at| {
        plan_of(&keys.snapshot, &digest_of(black_box(&keys.values[at])));
    })
}
