//! Reference 13 and 14: keys, rates, quotas.

use std::sync::Arc;

use aws_lc_rs::digest;
use tollgate_config::cells::{BucketKey, QuotaSlot, SlotSource, Tenure, TokenBucket, WHOLE};
use tollgate_config::snapshot::{
    KeyEntry, KeyPlan, KeyTable, PlanRoute, PlanStage, PlanTerms, Snapshot,
};
use tollgate_message::Response;
use tollgate_model::{OnPartition, Period, Quota, Throttle};
use tollgate_pipeline::FaultKind;
use tollgate_protocol::ids::KeyId;
use tollgate_protocol::{Millis, Rate};

use crate::plans::{HOST, fixed, route, shop, throttle};
use crate::support::{RequestExt, World, request, send, text};

struct Key {
    value: &'static str,
    enabled: bool,
    stage: &'static str,
    bucket: Option<Arc<TokenBucket>>,
    route_bucket: Option<Arc<TokenBucket>>,
    quota: Option<Arc<QuotaSlot>>,
    on_partition: OnPartition,
}

fn key(value: &'static str) -> Key {
    Key {
        value,
        enabled: true,
        stage: "$default",
        bucket: None,
        route_bucket: None,
        quota: None,
        on_partition: OnPartition::Lease,
    }
}

/// Gives a key the slot that was made for it.
#[derive(Debug)]
struct Made(Arc<QuotaSlot>);

impl SlotSource for Made {
    fn slot(&self, _: &KeyId) -> Arc<QuotaSlot> {
        Arc::clone(&self.0)
    }
}

fn table(keys: Vec<Key>) -> KeyTable {
    let entry = |key: Key| {
        let digest = digest::digest(&digest::SHA256, key.value.as_bytes());
        let stages = vec![PlanStage {
            api_id: "shop".into(),
            stage: key.stage.into(),
        }];
        let route = |bucket: &Arc<TokenBucket>| PlanRoute {
            stage: 0,
            route_key: "GET /keyed".into(),
            throttle: bucket.limit(),
        };
        let terms = PlanTerms {
            plan_id: "plan12".into(),
            stages,
            routes: key.route_bucket.iter().map(route).collect(),
            throttle: key.bucket.as_ref().map(|it| it.limit()),
            quota: key
                .quota
                .map(|it| Arc::new(Made(it)) as Arc<dyn SlotSource>),
            on_partition: key.on_partition,
        };
        let mut plan = KeyPlan::new(Arc::new(terms));
        plan.throttle = key.bucket;
        plan.route_throttles = key.route_bucket.into_iter().collect();
        Arc::new(KeyEntry {
            digest: digest.as_ref().try_into().unwrap(),
            key_id: format!("id-{}", key.value).as_str().into(),
            enabled: key.enabled,
            plans: [plan].into(),
        })
    };
    KeyTable::new(keys.into_iter().map(entry).collect())
}

fn snapshot(keys: Vec<Key>, route_bucket: Option<Arc<TokenBucket>>) -> Snapshot {
    let mut keyed = route("GET /keyed", fixed(200, "in")).keyed();
    if let Some(bucket) = route_bucket {
        keyed = keyed.throttled(bucket);
    }
    let mut snapshot = shop(vec![keyed, route("GET /open", fixed(200, "open"))]);
    snapshot.keys = table(keys);
    snapshot
}

fn ask(world: &World, snapshot: &Snapshot, value: &str) -> Response {
    send(
        world,
        snapshot,
        request("GET", HOST, "/keyed").header("X-API-Key", value),
    )
}

fn quota(limit: u64, granted: u64, exhausted: bool) -> Arc<QuotaSlot> {
    let quota = Quota {
        limit,
        offset: 0,
        period: Period::Day,
    };
    let slot = QuotaSlot::new("plan12".into(), "k".into(), quota);
    // The day of the test's clock, 4 March 2020.
    let start = Millis(1_583_280_000_000);
    slot.cell().open(start, Millis(start.0 + Millis::DAY));
    slot.cell().grant(granted, 1, 0, exhausted);
    Arc::new(slot)
}

fn header(response: &Response, name: &str) -> Vec<String> {
    response
        .headers
        .get_all(name)
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect()
}

#[test]
fn keys_that_open_and_keys_that_do_not() {
    let keys = || {
        vec![
            key("right"),
            Key {
                enabled: false,
                ..key("disabled")
            },
            Key {
                stage: "prod",
                ..key("elsewhere")
            },
        ]
    };
    for (value, status, detail) in [
        (Some("right"), 200, None),
        (Some("disabled"), 403, Some("the API key is disabled")),
        (
            Some("elsewhere"),
            403,
            Some("no usage plan of the API key holds the stage"),
        ),
        (Some("unknown"), 403, Some("unknown API key")),
        (Some(""), 403, Some("unknown API key")),
        (None, 403, Some("no API key")),
    ] {
        let (world, snapshot) = (World::new(), snapshot(keys(), None));
        let mut wanted = request("GET", HOST, "/keyed");
        if let Some(value) = value {
            wanted = wanted.header("x-api-key", value);
        }
        let response = send(&world, &snapshot, wanted);
        assert_eq!(response.status, status, "{value:?}");
        assert_eq!(world.last().error_message.as_deref(), detail, "{value:?}");
        if status == 403 {
            assert_eq!(text(response.body), r#"{"message":"Forbidden"}"#);
            assert_eq!(world.last().fault, Some(FaultKind::InvalidApiKey));
        } else {
            assert_eq!(world.last().key_id.as_deref(), Some("id-right"));
        }
    }
}

#[test]
fn a_route_without_the_need_for_a_key_passes_limits_of_keys_by() {
    let bucket = throttle(1, 1.0);
    let snapshot = snapshot(
        vec![Key {
            bucket: Some(bucket.clone()),
            ..key("k")
        }],
        None,
    );
    let world = World::new();
    for _ in 0..5 {
        let open = request("GET", HOST, "/open").header("x-api-key", "k");
        assert_eq!(send(&world, &snapshot, open).status, 200);
    }
    assert_eq!(bucket.remaining(world.0.monotonic_us.get()), 1);
}

#[test]
fn burst_then_rate_with_headers_that_say_so() {
    let snapshot = snapshot(
        vec![Key {
            bucket: Some(throttle(3, 1.0)),
            ..key("k")
        }],
        None,
    );
    let world = World::new();
    for left in ["2", "1", "0"] {
        let response = ask(&world, &snapshot, "k");
        assert_eq!(response.status, 200);
        assert_eq!(header(&response, "x-ratelimit-limit"), ["3"]);
        assert_eq!(header(&response, "x-ratelimit-remaining"), [left]);
        assert_eq!(header(&response, "ratelimit-policy"), ["\"key\";q=3"]);
    }
    let response = ask(&world, &snapshot, "k");
    assert_eq!(response.status, 429);
    for (name, value) in [
        ("retry-after", "1"),
        ("x-ratelimit-name", "key"),
        ("x-ratelimit-limit", "3"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1"),
        ("ratelimit", "\"key\";r=0;t=1"),
        ("ratelimit-policy", "\"key\";q=3"),
    ] {
        assert_eq!(header(&response, name), [value], "{name}");
    }
    assert_eq!(text(response.body), r#"{"message":"Too Many Requests"}"#);
    world
        .0
        .monotonic_us
        .set(world.0.monotonic_us.get() + 1_000_001);
    assert_eq!(ask(&world, &snapshot, "k").status, 200);
}

#[test]
fn a_refusal_names_its_level_and_costs_no_other_level() {
    let (own_route, own, stage) = (throttle(10, 1.0), throttle(10, 1.0), throttle(10, 1.0));
    let allowance = quota(100, 50, false);
    let snapshot = snapshot(
        vec![Key {
            bucket: Some(own.clone()),
            route_bucket: Some(own_route.clone()),
            quota: Some(allowance.clone()),
            ..key("k")
        }],
        Some(stage.clone()),
    );
    let world = World::new();
    let now = world.0.monotonic_us.get();
    let left = |slot: &QuotaSlot| slot.cell().left();
    for (level, name) in [(&own_route, "key-route"), (&own, "key"), (&stage, "route")] {
        let taken: Vec<_> = std::iter::from_fn(|| level.try_take(now).ok()).collect();
        let before = [&own_route, &own, &stage].map(|it| it.remaining(now));
        let response = ask(&world, &snapshot, "k");
        assert_eq!(response.status, 429);
        assert_eq!(header(&response, "x-ratelimit-name"), [name]);
        assert_eq!(
            [&own_route, &own, &stage].map(|it| it.remaining(now)),
            before,
            "{name}"
        );
        assert_eq!(left(&allowance), 50);
        taken.iter().for_each(|()| level.put_back());
    }
    // Two keys' worth of rate, but no quota: the rates are given back.
    allowance.cell().withdraw(0);
    allowance.cell().grant(0, 0, 0, true);
    let response = ask(&world, &snapshot, "k");
    assert_eq!(header(&response, "x-ratelimit-name"), ["quota"]);
    assert_eq!(
        [&own_route, &own, &stage].map(|it| it.remaining(now)),
        [10, 10, 10]
    );
    assert_eq!(world.last().fault, Some(FaultKind::QuotaExceeded));
}

#[test]
fn the_stages_own_limit_needs_no_key() {
    let open = route("GET /open", fixed(200, "x")).throttled(throttle(2, 5.0));
    let (world, snapshot) = (World::new(), shop(vec![open]));
    let statuses: Vec<u16> = (0..4)
        .map(|_| send(&world, &snapshot, request("GET", HOST, "/open")).status)
        .collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
}

#[test]
fn a_bucket_that_another_node_has_all_of_is_asked_for_there_until_it_is_refused() {
    let open = route("GET /open", fixed(200, "x")).throttled(shared(2, 0, u64::MAX));
    let (world, snapshot) = (World::new(), shop(vec![open]));
    let status = || send(&world, &snapshot, request("GET", HOST, "/open")).status;
    assert_eq!((status(), status()), (200, 200));
    world.0.elsewhere.set(Err(700_000));
    assert_eq!((status(), status(), status()), (429, 429, 429));
    // The first of the three asked; the others knew.
    assert_eq!(world.0.asked_elsewhere.get(), 3);
}

/// A share of three nodes; `burst` 2 is too small for one.
fn shared(burst_limit: u32, share: u16, until_us: u64) -> Arc<TokenBucket> {
    let tenure = Arc::new(Tenure::new(|_| true));
    tenure.set_floor(0, 3);
    tenure.set_until_us(until_us);
    let limit = Throttle {
        burst_limit,
        rate_limit: Rate::ONE,
    };
    let bucket = TokenBucket::shared(limit, BucketKey(1), tenure, share, None);
    Arc::new(bucket)
}

#[test]
fn what_lapses_while_another_node_is_asked_lets_nobody_in() {
    for (took_us, status) in [(100_000, 200), (400_000, 429)] {
        let world = World::new();
        let lapses_us = world.0.monotonic_us.get() + 300_000;
        let keys = vec![Key {
            bucket: Some(shared(2, 0, u64::MAX)),
            ..key("k")
        }];
        let snapshot = snapshot(keys, Some(shared(100, WHOLE / 3, lapses_us)));
        world.0.elsewhere_us.set(took_us);
        assert_eq!(ask(&world, &snapshot, "k").status, status, "{took_us}");
    }
}

#[test]
fn a_refusal_from_elsewhere_counts_from_when_it_came() {
    let open = route("GET /open", fixed(200, "x")).throttled(shared(2, 0, u64::MAX));
    let (world, snapshot) = (World::new(), shop(vec![open]));
    world.0.elsewhere.set(Err(500_000));
    world.0.elsewhere_us.set(400_000);
    let status = || send(&world, &snapshot, request("GET", HOST, "/open")).status;
    assert_eq!(status(), 429);
    let came_us = world.0.monotonic_us.get();
    world.0.monotonic_us.set(came_us + 450_000);
    assert_eq!((status(), world.0.asked_elsewhere.get()), (429, 1));
    world.0.monotonic_us.set(came_us + 501_000);
    assert_eq!((status(), world.0.asked_elsewhere.get()), (429, 2));
}

#[test]
fn a_quota_admits_what_was_granted_and_says_when_it_renews() {
    let allowance = quota(3, 3, true);
    let snapshot = snapshot(
        vec![Key {
            quota: Some(allowance),
            ..key("k")
        }],
        None,
    );
    let world = World::new();
    for left in ["2", "1", "0"] {
        let response = ask(&world, &snapshot, "k");
        assert_eq!(response.status, 200);
        let item = format!("\"quota\";r={left};t=17762");
        assert_eq!(header(&response, "ratelimit"), [item]);
    }
    let response = ask(&world, &snapshot, "k");
    assert_eq!(response.status, 429);
    // From 19:03:58.39 to midnight.
    assert_eq!(header(&response, "retry-after"), ["17762"]);
    assert_eq!(text(response.body), r#"{"message":"Limit Exceeded"}"#);
}

#[test]
fn without_tokens_at_hand_the_node_is_asked_until_it_has_no_answer() {
    let allowance = quota(100, 0, false);
    let snapshot = snapshot(
        vec![Key {
            quota: Some(allowance),
            ..key("k")
        }],
        None,
    );
    let world = World::new();
    let response = ask(&world, &snapshot, "k");
    assert_eq!((response.status, world.0.quota_waits.get()), (429, 1));
    assert_eq!(header(&response, "retry-after"), ["1"]);
    // Now the cluster grants two: the second take says that it is time to ask for more.
    *world.0.on_quota_wait.borrow_mut() = Box::new(|slot| {
        slot.cell().grant(2, 1, 90, false);
        true
    });
    assert_eq!(ask(&world, &snapshot, "k").status, 200);
    assert_eq!((world.0.quota_waits.get(), world.0.quota_low.get()), (2, 1));
    assert_eq!(ask(&world, &snapshot, "k").status, 200);
    assert_eq!(world.0.quota_waits.get(), 2);
    // Answers that grant nothing are asked again, but not for ever.
    *world.0.on_quota_wait.borrow_mut() = Box::new(|_| true);
    world.0.quota_waits.set(0);
    assert_eq!(ask(&world, &snapshot, "k").status, 429);
    assert_eq!(world.0.quota_waits.get(), 512);
}

#[test]
fn a_plan_says_what_a_node_does_that_is_cut_off() {
    for (on_partition, connected, cut_off) in [
        (OnPartition::Lease, [200, 429], [200, 429]),
        (OnPartition::Deny, [200, 429], [429, 429]),
        (OnPartition::Allow, [200, 429], [200, 200]),
    ] {
        for (apart, statuses) in [(false, connected), (true, cut_off)] {
            let holder = Key {
                quota: Some(quota(100, 1, false)),
                on_partition,
                ..key("k")
            };
            let (world, snapshot) = (World::new(), snapshot(vec![holder], None));
            world.0.cut_off.set(apart);
            let got = [(); 2].map(|()| ask(&world, &snapshot, "k").status);
            assert_eq!(got, statuses, "{on_partition:?}, cut off: {apart}");
            let beyond = u32::from(on_partition == OnPartition::Allow && apart);
            assert_eq!(world.0.quota_exceeded.get(), beyond);
        }
    }
    // What is used up for certain is refused, also by a plan that would allow.
    let holder = Key {
        quota: Some(quota(100, 0, true)),
        on_partition: OnPartition::Allow,
        ..key("k")
    };
    let (world, snapshot) = (World::new(), snapshot(vec![holder], None));
    world.0.cut_off.set(true);
    assert_eq!(ask(&world, &snapshot, "k").status, 429);
}
