//! API files that several suites start nodes with, and how they read what comes.

use tollgate_harness::Connection;

/// The id of the API in every file here.
pub const API: &str = "main";

/// The host name by which a client reaches [`API`].
pub const HOST: &str = "main.execute-api.us-east-1.localhost";

/// An API key that plans here hold.
pub const KEY: &str = "customer-key-00000000000000000001";

/// The id of [`KEY`], which is not secret.
pub const KEY_ID: &str = "customer";

/// [`API`] with these routes: lines of YAML, indented as they stand.
pub fn api(routes: &str) -> String {
    format!("apis:\n  - name: {API}\n    routes:\n{routes}")
}

/// One API that passes everything below `/` to one back end, path and query included.
pub fn proxy(url: &str) -> String {
    api(&format!(
        "      - routeKey: ANY /{{proxy+}}\n        integration: {url}/{{proxy}}\n"
    ))
}

/// [`proxy`] for callers with [`KEY`], who may make `limit` requests a day.
pub fn with_quota(url: &str, limit: u64) -> String {
    with_plan(
        url,
        &format!("    quota: {{limit: {limit}, period: DAY}}\n"),
    )
}

/// [`proxy`] for callers with [`KEY`], under a plan with these limits: lines of YAML.
pub fn with_plan(url: &str, limits: &str) -> String {
    format!(
        "apis:
  - name: {API}
    routes:
      - routeKey: ANY /{{proxy+}}
        apiKeyRequired: true
        integration: {url}/{{proxy}}
usagePlans:
  plan:
    apiStages: [{{api: {API}}}]
{limits}apiKeys:
  - id: {KEY_ID}
    name: {KEY_ID}
    value: {KEY}
    usagePlans: [plan]
"
    )
}

/// Reads into `seen` until it holds `end`.
///
/// # Panics
///
/// If the gateway closes or is silent before.
pub fn read_until(client: &mut Connection, seen: &mut Vec<u8>, end: &str) {
    let mut buffer = [0; 4096];
    while !seen
        .windows(end.len())
        .any(|window| window == end.as_bytes())
    {
        let read = client.read(&mut buffer).unwrap_or_else(|error| {
            panic!(
                "no {end:?}, {error}, after: {}",
                String::from_utf8_lossy(seen)
            )
        });
        assert_ne!(
            read,
            0,
            "closed before {end:?}: {}",
            String::from_utf8_lossy(seen)
        );
        seen.extend_from_slice(&buffer[..read]);
    }
}
