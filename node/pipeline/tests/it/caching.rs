//! Reference 15: what is stored, for whom, and one fetch for many who wait.

use std::task::Poll;

use tollgate_config::snapshot::{CacheKeyPart, CachePlan, Snapshot};
use tollgate_message::{Request, Response};
use tollgate_model::CacheControlStrategy;
use tollgate_pipeline::{CacheStatus, FaultKind, serve};

use crate::plans::{HOST, cache_plan, proxy, route, shop, throttle};
use crate::support::{RequestExt, World, client, poll, request, send, stream, text};

fn cached(plan: CachePlan) -> Snapshot {
    shop(vec![route("ANY /pets/{id}", proxy()).cached(plan)])
}

/// A back end that counts its answers.
fn counting(reply: impl Fn(Response) -> Response + 'static) -> World {
    let world = World::new();
    let count = std::cell::Cell::new(0);
    world.on_http(move |_| {
        count.set(count.get() + 1);
        Ok(reply(
            Response::new(200).with_body(format!("answer {}", count.get())),
        ))
    });
    world
}

fn get(target: &str) -> Request {
    request("GET", HOST, target)
}

fn ask(world: &World, snapshot: &Snapshot, wanted: Request) -> (String, CacheStatus) {
    let response = send(world, snapshot, wanted);
    (text(response.body), world.last().cache)
}

#[test]
fn a_stored_response_is_given_until_its_time_is_over() {
    let (world, snapshot) = (
        counting(|it| it.with_header("x-a", "1")),
        cached(cache_plan()),
    );
    assert_eq!(
        ask(&world, &snapshot, get("/pets/1")),
        ("answer 1".into(), CacheStatus::Miss)
    );
    world.0.now_ms.set(world.0.now_ms.get() + 59_999);
    let response = send(&world, &snapshot, get("/pets/1"));
    assert_eq!(response.headers.get_str("age"), Some("59"));
    assert_eq!(response.headers.get_str("x-a"), Some("1"));
    assert_eq!(
        (text(response.body), world.last().cache),
        ("answer 1".into(), CacheStatus::Hit)
    );
    assert_eq!(world.last().integration_status, None);
    world.0.now_ms.set(world.0.now_ms.get() + 1);
    assert_eq!(
        ask(&world, &snapshot, get("/pets/1")),
        ("answer 2".into(), CacheStatus::Miss)
    );
}

#[test]
fn declared_values_split_entries_and_others_do_not() {
    let mut plan = cache_plan();
    plan.parts = vec![
        CacheKeyPart::Path("id".into()),
        CacheKeyPart::Query("q".into()),
        CacheKeyPart::Header("accept".into()),
    ];
    let (world, snapshot) = (counting(|it| it), cached(plan));
    let requests = || {
        [
            get("/pets/1"),
            get("/pets/2"),
            get("/pets/1?q=a"),
            get("/pets/1?q="),
            get("/pets/1?q=a&q=b"),
            get("/pets/1?q=ab"),
            get("/pets/1").header("accept", "a"),
            get("/pets/1").header("accept", ""),
            request("HEAD", HOST, "/pets/1"),
        ]
    };
    for wanted in requests() {
        ask(&world, &snapshot, wanted);
        assert_eq!(world.last().cache, CacheStatus::Miss);
    }
    for wanted in requests() {
        ask(&world, &snapshot, wanted);
        assert_eq!(world.last().cache, CacheStatus::Hit);
    }
    // Undeclared, or the same value written in another way.
    for target in ["/pets/1?other=1", "/pets/1?%71=a", "/pets/1?q=%61"] {
        ask(&world, &snapshot, get(target).header("x-undeclared", "1"));
        assert_eq!(world.last().cache, CacheStatus::Hit, "{target}");
    }
}

#[test]
fn the_default_route_tells_paths_apart() {
    let world = counting(|it| it);
    let snapshot = shop(vec![route("$default", proxy()).cached(cache_plan())]);
    for (target, status) in [
        ("/a", CacheStatus::Miss),
        ("/b", CacheStatus::Miss),
        ("/a?undeclared=1", CacheStatus::Hit),
    ] {
        ask(&world, &snapshot, get(target));
        assert_eq!(world.last().cache, status, "{target}");
    }
}

#[test]
fn what_is_not_for_others_is_not_stored() {
    for (name, value, stored) in [
        ("x-plain", "1", true),
        ("cache-control", "public, max-age=60", true),
        ("cache-control", "max-age=0", true),
        ("cache-control", "private", false),
        ("cache-control", "max-age=60, No-Store", false),
        ("cache-control", "no-cache", false),
        ("cache-control", "private=\"x\"", false),
        ("set-cookie", "a=1", false),
        ("vary", "accept-encoding", false),
        ("vary", "*", false),
        ("vary", "Accept", true),
        ("content-type", "text/event-stream; charset=utf-8", false),
    ] {
        let mut plan = cache_plan();
        plan.parts = vec![CacheKeyPart::Header("accept".into())];
        let world = counting(move |it| it.with_header(name, value));
        let snapshot = cached(plan);
        ask(&world, &snapshot, get("/pets/1"));
        ask(&world, &snapshot, get("/pets/1"));
        let hit = world.last().cache == CacheStatus::Hit;
        assert_eq!(hit, stored, "{name}: {value}");
        assert_eq!(world.sent_count(), if stored { 1 } else { 2 });
    }
}

#[test]
fn only_2xx_but_no_parts_are_stored() {
    for (status, stored) in [
        (200, true),
        (201, true),
        (204, true),
        (206, false),
        (301, false),
        (404, false),
        (500, false),
    ] {
        let world = counting(move |it| Response { status, ..it });
        let snapshot = cached(cache_plan());
        ask(&world, &snapshot, get("/pets/1"));
        ask(&world, &snapshot, get("/pets/1"));
        assert_eq!(world.last().cache == CacheStatus::Hit, stored, "{status}");
    }
}

#[test]
fn one_persons_answer_is_not_given_to_another() {
    let authorised = || get("/pets/1").header("authorization", "Bearer a");
    for (in_key, answer, stored) in [
        (false, "max-age=60", false),
        (false, "public", true),
        (true, "max-age=60", true),
    ] {
        let mut plan = cache_plan();
        if in_key {
            plan.parts = vec![CacheKeyPart::Header("authorization".into())];
        }
        let world = counting(move |it| it.with_header("cache-control", answer));
        let snapshot = cached(plan);
        ask(&world, &snapshot, authorised());
        ask(&world, &snapshot, authorised());
        assert_eq!(
            world.last().cache == CacheStatus::Hit,
            stored,
            "{in_key} {answer}"
        );
    }
}

#[test]
fn methods_and_sizes() {
    let (world, snapshot) = (counting(|it| it), cached(cache_plan()));
    for _ in 0..2 {
        ask(&world, &snapshot, request("POST", HOST, "/pets/1"));
        assert_eq!(world.last().cache, CacheStatus::None);
    }
    for (bytes, stored) in [(1_048_576, true), (1_048_577, false)] {
        for announced in [true, false] {
            let world = World::new();
            let body: &'static [u8] = Box::leak(vec![b'x'; bytes].into_boxed_slice());
            world.on_http(move |_| {
                let half = bytes / 2;
                let chunks = vec![Ok(&body[..half]), Ok(&body[half..])];
                let length = announced.then_some(bytes as u64);
                Ok(Response::new(200).with_body(stream(chunks, length)))
            });
            let snapshot = cached(cache_plan());
            assert_eq!(ask(&world, &snapshot, get("/pets/1")).0.len(), bytes);
            assert_eq!(ask(&world, &snapshot, get("/pets/1")).0.len(), bytes);
            assert_eq!(
                world.last().cache == CacheStatus::Hit,
                stored,
                "{bytes} {announced}"
            );
        }
    }
}

#[test]
fn clients_that_want_it_fresh() {
    use CacheControlStrategy as Strategy;
    for wish in ["max-age=0", "no-cache", "foo, Max-Age=0"] {
        let (world, snapshot) = (counting(|it| it), cached(cache_plan()));
        ask(&world, &snapshot, get("/pets/1"));
        let fresh = get("/pets/1").header("cache-control", wish);
        assert_eq!(
            ask(&world, &snapshot, fresh),
            ("answer 2".into(), CacheStatus::Bypass)
        );
        assert_eq!(
            ask(&world, &snapshot, get("/pets/1")).0,
            "answer 2",
            "the entry is replaced"
        );
    }
    for (strategy, status, warned) in [
        (Strategy::FailWith403, 403, false),
        (Strategy::SucceedWithResponseHeader, 200, true),
        (Strategy::SucceedWithoutResponseHeader, 200, false),
    ] {
        let plan = CachePlan {
            refresh_needs_permission: true,
            strategy,
            ..cache_plan()
        };
        let (world, snapshot) = (counting(|it| it), cached(plan));
        ask(&world, &snapshot, get("/pets/1"));
        let response = send(
            &world,
            &snapshot,
            get("/pets/1").header("cache-control", "max-age=0"),
        );
        assert_eq!(
            (response.status, response.headers.contains("warning")),
            (status, warned)
        );
        if status == 403 {
            assert_eq!(world.last().fault, Some(FaultKind::CacheRefreshDenied));
        } else {
            assert_eq!(text(response.body), "answer 1");
        }
        assert_eq!(world.sent_count(), 1);
    }
}

#[test]
fn limits_hold_for_hits() {
    let limited = route("GET /pets/{id}", proxy())
        .cached(cache_plan())
        .throttled(throttle(2, 1.0));
    let (world, snapshot) = (counting(|it| it), shop(vec![limited]));
    let statuses: Vec<u16> = (0..3)
        .map(|_| send(&world, &snapshot, get("/pets/1")).status)
        .collect();
    assert_eq!((statuses, world.sent_count()), (vec![200, 200, 429], 1));
}

#[test]
fn many_misses_are_one_fetch() {
    let (world, snapshot, client) = (counting(|it| it), cached(cache_plan()), client());
    world.close_gate();
    let mut waiting: Vec<_> = (0..10)
        .map(|_| Box::pin(serve(&world, &snapshot, get("/pets/1"), &client)))
        .collect();
    assert!(waiting.iter_mut().all(|it| poll(it).is_pending()));
    assert_eq!(world.sent_count(), 1);
    world.let_through(1);
    for (at, future) in waiting.iter_mut().enumerate() {
        let Poll::Ready(response) = poll(future) else {
            panic!("request {at} still waits")
        };
        assert_eq!(text(response.body), "answer 1");
    }
    assert_eq!((world.sent_count(), world.count()), (1, 10));
    let hits = world
        .0
        .finished
        .borrow()
        .iter()
        .filter(|it| it.cache == CacheStatus::Hit)
        .count();
    assert_eq!(hits, 9);
}

#[test]
fn when_the_first_fails_the_others_ask_for_themselves() {
    for failure in ["error", "left", "not stored"] {
        let (world, snapshot, client) = (World::new(), cached(cache_plan()), client());
        let count = std::cell::Cell::new(0);
        world.on_http(move |_| {
            count.set(count.get() + 1);
            let first = Response::new(if failure == "not stored" { 404 } else { 502 });
            Ok(if count.get() == 1 && failure != "left" {
                first
            } else {
                Response::new(200).with_body("good")
            })
        });
        world.close_gate();
        let mut first = Box::pin(serve(&world, &snapshot, get("/pets/1"), &client));
        assert!(poll(&mut first).is_pending());
        let mut others: Vec<_> = (0..3)
            .map(|_| Box::pin(serve(&world, &snapshot, get("/pets/1"), &client)))
            .collect();
        assert!(others.iter_mut().all(|it| poll(it).is_pending()));
        assert_eq!(world.sent_count(), 1);
        if failure == "left" {
            drop(first);
        } else {
            world.let_through(1);
            let Poll::Ready(response) = poll(&mut first) else {
                panic!("the first still waits")
            };
            assert!(response.status >= 400);
        }
        world.let_through(3);
        for other in &mut others {
            let Poll::Ready(response) = poll(other) else {
                panic!("{failure}: one still waits")
            };
            assert_eq!(
                (response.status, &*text(response.body)),
                (200, "good"),
                "{failure}"
            );
        }
        assert_eq!(world.sent_count(), 4, "{failure}: each asked once");
    }
}

#[test]
fn flushing_by_prefix_leaves_the_rest() {
    use tollgate_pipeline::Ports;
    let world = counting(|it| it);
    let other = CachePlan {
        namespace: "shop/prod/dep123/other".into(),
        ..cache_plan()
    };
    let snapshot = shop(vec![
        route("GET /a", proxy()).cached(cache_plan()),
        route("GET /b", proxy()).cached(other),
    ]);
    let status = |target: &str| {
        ask(&world, &snapshot, get(target));
        world.last().cache
    };
    assert_eq!(
        [status("/a"), status("/b")],
        [CacheStatus::Miss, CacheStatus::Miss]
    );
    world.cache().flush(b"shop/prod/");
    assert_eq!(
        [status("/a"), status("/b")],
        [CacheStatus::Hit, CacheStatus::Miss]
    );
    world.cache().flush_all();
    assert_eq!(
        [status("/a"), status("/b")],
        [CacheStatus::Miss, CacheStatus::Miss]
    );
}

#[test]
fn the_cache_keeps_to_its_bytes() {
    use tollgate_pipeline::{Cached, ResponseCache};
    let cache = ResponseCache::new(100_000);
    for at in 0..1_000_u32 {
        let entry = Cached {
            status: 200,
            headers: tollgate_message::HeaderList::new(),
            body: bytes::Bytes::from(vec![b'x'; 1_000]),
            stored_ms: 0,
            expires_ms: 60_000,
        };
        cache.put(at.to_le_bytes().as_slice().into(), entry.into());
    }
    let (entries, bytes) = cache.size();
    assert!(
        (1..=100).contains(&entries) && bytes <= 100_000,
        "{entries} entries, {bytes} bytes"
    );
}
