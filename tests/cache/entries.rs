//! What is kept, for whom, for how long and how much of it.

use std::time::Duration;

use tollgate_harness::{Answer, Backend, DEADLINE, Node, NodeOptions, Request, wait_until};
use tollgate_tests::files;

use crate::{FULL_KEY, counting, file, get};

#[test]
fn a_hit_asks_nobody_and_tells_its_age() {
    let backend = counting();
    let node = Node::start(NodeOptions::api(file(&backend.url(), FULL_KEY, "")));
    let first = get(&node, "/things/1");
    assert_eq!(
        (first.text().as_str(), first.header("age")),
        ("1", None),
        "{first:?}"
    );
    let second = get(&node, "/things/1");
    assert_eq!(second.text(), "1");
    assert!(second.header("age").is_some(), "{second:?}");
    assert_eq!(backend.requests(), 1);
    wait_until(DEADLINE, "an age of a second", || {
        let response = get(&node, "/things/1");
        let age: u64 = response
            .header("age")
            .and_then(|age| age.parse().ok())
            .unwrap_or_else(|| panic!("{response:?}"));
        if age >= 1 { Ok(()) } else { Err(age) }
    });
    let count = |name: &str| node.metrics().sum(name, &[]).unwrap_or_default();
    assert!((0.5..1.5).contains(&count("tollgate_cache_misses_total")));
    assert!(count("tollgate_cache_hits_total") >= 2.0);
    assert!(count("tollgate_cache_size_bytes") > 0.0);
}

#[test]
fn only_the_named_parameters_split_entries() {
    let backend = counting();
    let node = Node::start(NodeOptions::api(file(&backend.url(), FULL_KEY, "")));
    let ask = |target: &str, key: Option<&str>| {
        let request = Request::get(target).host(files::HOST);
        let request = match key {
            Some(key) => request.header("X-Key", key),
            None => request,
        };
        node.send(&request).text()
    };
    assert_eq!(ask("/things/1", None), "1");
    assert_eq!(ask("/things/2", None), "2");
    assert_eq!(ask("/things/1?a=x", None), "3");
    assert_eq!(ask("/things/1?a=y", None), "4");
    assert_eq!(ask("/things/1?a=x", Some("k")), "5");
    // The same ones again, and what is not named changes nothing.
    assert_eq!(ask("/things/1", None), "1");
    assert_eq!(ask("/things/2?b=z", None), "2");
    assert_eq!(ask("/things/1?b=q&a=x", None), "3");
    assert_eq!(ask("/things/1?a=x", Some("k")), "5");
    assert_eq!(backend.requests(), 5);
}

#[test]
fn an_entry_lives_its_time_and_no_longer() {
    let backend = counting();
    let text = file(&backend.url(), FULL_KEY, ", cacheTtlInSeconds: 1");
    let node = Node::start(NodeOptions::api(text));
    assert_eq!(get(&node, "/things/1").text(), "1");
    let seen = wait_until(Duration::from_secs(10), "a fresh answer", || {
        let text = get(&node, "/things/1").text();
        if text == "1" { Err(text) } else { Ok(text) }
    });
    assert_eq!(seen, "2");
    assert_eq!(backend.requests(), 2);
}

#[test]
fn what_may_not_be_shared_is_not_kept() {
    let backend = Backend::start(|request| {
        let (name, value) = match request.target.as_str() {
            "/things/cookie" => ("Set-Cookie", "a=b"),
            "/things/private" => ("Cache-Control", "private"),
            "/things/no-store" => ("Cache-Control", "max-age=60, no-store"),
            "/things/vary" => ("Vary", "Accept-Language"),
            _ => ("X-Nothing", "1"),
        };
        let status = if request.target == "/things/broken" {
            500
        } else {
            200
        };
        Answer::Respond {
            status,
            headers: vec![(name.to_owned(), value.to_owned())],
            body: request.target.clone().into_bytes(),
        }
    });
    let node = Node::start(NodeOptions::api(file(&backend.url(), FULL_KEY, "")));
    for path in ["cookie", "private", "no-store", "vary", "broken"] {
        let before = backend.requests();
        for _ in 0..3 {
            get(&node, &format!("/things/{path}"));
        }
        assert_eq!(backend.requests() - before, 3, "{path} was kept");
    }
    let before = backend.requests();
    let personal = Request::get("/things/mine")
        .host(files::HOST)
        .header("Authorization", "Bearer x");
    for _ in 0..2 {
        assert_eq!(node.send(&personal).status, 200);
    }
    assert_eq!(
        backend.requests() - before,
        2,
        "one person's answer was kept"
    );
}

#[test]
fn a_flush_forgets_at_once() {
    let backend = counting();
    let node = Node::start(NodeOptions::api(file(&backend.url(), FULL_KEY, "")));
    assert_eq!(get(&node, "/things/1").text(), "1");
    assert_eq!(get(&node, "/things/1").text(), "1");
    let other = node.cli(&["cache", "flush", "--api", "other"]);
    assert!(other.code <= 1, "{other:?}");
    assert_eq!(get(&node, "/things/1").text(), "1");
    let flushed = node.cli(&["cache", "flush", "--api", files::API]);
    assert_eq!(flushed.code, 0, "{flushed:?}");
    assert_eq!(get(&node, "/things/1").text(), "2");
    assert_eq!(node.cli(&["cache", "flush"]).code, 0);
    assert_eq!(get(&node, "/things/1").text(), "3");
}

#[test]
fn a_new_deployment_starts_with_nothing() {
    let backend = counting();
    let text = file(&backend.url(), FULL_KEY, "");
    let node = Node::start(NodeOptions::api(&*text));
    assert_eq!(get(&node, "/things/1").text(), "1");
    let changed = text + "      - {routeKey: GET /new, integration: {fixedResponse: {}}}\n";
    std::fs::write(node.home().join("next.yaml"), changed).unwrap();
    let applied = node.cli(&["apply", "-f", "next.yaml"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(get(&node, "/things/1").text(), "2");
}

#[test]
fn the_cache_is_bounded_in_bytes() {
    const BOUND: u64 = 1 << 20;
    const ENTRIES: usize = 60;
    let backend = Backend::start(|_| Answer::status(200, vec![b'x'; 64 << 10]));
    let options = NodeOptions::api(file(&backend.url(), FULL_KEY, ""));
    let node = Node::start(options.env("TOLLGATE_CACHE_BYTES_MAX", BOUND.to_string()));
    for entry in 0..ENTRIES {
        assert_eq!(get(&node, &format!("/things/{entry}")).body.len(), 64 << 10);
    }
    wait_until(DEADLINE, "the cache to be within its bound", || {
        let bytes = node
            .metrics()
            .sum("tollgate_cache_size_bytes", &[])
            .unwrap_or_default();
        if bytes > 0.0 && bytes <= BOUND as f64 {
            Ok(())
        } else {
            Err(format!("{bytes} bytes"))
        }
    });
    // It still caches: of what was asked last, or often, something is there.
    let before = backend.requests();
    for entry in 0..ENTRIES {
        get(&node, &format!("/things/{entry}"));
    }
    let asked = backend.requests() - before;
    assert!((1..ENTRIES).contains(&asked), "{asked} of {ENTRIES} asked");
}
