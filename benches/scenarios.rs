//! The operations whose cost is kept.

pub(crate) mod allowance;
mod keys;
mod pipeline;
mod routes;

use crate::measure::Operation;

/// A named operation.
pub(crate) struct Scenario {
    /// `group.case`, the key of the baseline.
    pub(crate) name: &'static str,
    /// What one run does.
    pub(crate) what: &'static str,
    /// Makes it ready.
    pub(crate) build: fn() -> Box<dyn Operation>,
}

const fn scenario(
    name: &'static str,
    what: &'static str,
    build: fn() -> Box<dyn Operation>,
) -> Scenario {
    Scenario { name, what, build }
}

/// What the baseline holds.
pub(crate) const ALL: &[Scenario] = &[
    scenario("route.10", "a route of 10 found", || routes::ours(10)),
    scenario("route.1000", "a route of 1,000 found", || {
        routes::ours(1_000)
    }),
    scenario("route.5000", "a route of 5,000 found", || {
        routes::ours(5_000)
    }),
    scenario("allowance.bucket", "a token of a bucket", allowance::bucket),
    scenario("allowance.quota", "a token of a lease", allowance::quota),
    scenario(
        "allowance.all",
        "the key's bucket, the route's bucket and the quota",
        allowance::all,
    ),
    // Apart, for its count depends on the processor that valgrind imitates.
    scenario("key.sha256", "the digest of a key", keys::sha256),
    scenario(
        "key.find",
        "a digest among 10,000 keys, its plan for the stage",
        keys::find,
    ),
    scenario("key.lookup", "both", keys::lookup),
    scenario("pipeline.proxy", "a request to an HTTP back end", || {
        pipeline::build("GET", "/plain/items/7", pipeline::Extra::None)
    }),
    scenario(
        "pipeline.keyed",
        "the same with API key, throttle and quota",
        || pipeline::build("GET", "/keyed/items/7", pipeline::Extra::Key),
    ),
    scenario(
        "pipeline.keyed-logged",
        "the same with an access log line",
        || pipeline::build("GET", "/keyed/items/7", pipeline::Extra::KeyAndLog),
    ),
    scenario("pipeline.throttled", "a request over its limit", || {
        pipeline::build("GET", "/closed", pipeline::Extra::Refused(429))
    }),
    scenario("pipeline.no-key", "a request without its API key", || {
        pipeline::build("GET", "/keyed/items/7", pipeline::Extra::Refused(403))
    }),
    scenario("pipeline.cached", "a hit of the response cache", || {
        pipeline::build("GET", "/cached/items/7", pipeline::Extra::None)
    }),
    scenario(
        "pipeline.function-v1",
        "an event of format 1.0 and its reply",
        || pipeline::build("POST", "/v1/items/7", pipeline::Extra::Body),
    ),
    scenario(
        "pipeline.function-v2",
        "an event of format 2.0 and its reply",
        || pipeline::build("POST", "/v2/items/7", pipeline::Extra::Body),
    ),
];

/// What others need for the same.
pub(crate) const PEERS: &[Scenario] = &[
    scenario("matchit.10", "route.10, without methods", || {
        routes::matchit(10)
    }),
    scenario("matchit.1000", "route.1000, without methods", || {
        routes::matchit(1_000)
    }),
    scenario("matchit.5000", "route.5000, without methods", || {
        routes::matchit(5_000)
    }),
];

/// The scenario of this name.
pub(crate) fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().chain(PEERS).find(|it| it.name == name)
}
