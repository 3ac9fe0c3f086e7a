//! API files that several suites start nodes with.

/// The id of the API in every file here.
pub const API: &str = "main";

/// The host name by which a client reaches [`API`].
pub const HOST: &str = "main.execute-api.us-east-1.localhost";

/// An API key that plans here hold.
pub const KEY: &str = "customer-key-00000000000000000001";

/// One API that passes everything to one back end, path and query included.
pub fn proxy(url: &str) -> String {
    format!(
        "apis:
  - id: {API}
    name: {API}
    routes:
      - routeKey: ANY /{{proxy+}}
        integration:
          type: HTTP_PROXY
          uri: {url}/{{proxy}}
"
    )
}

/// [`proxy`] for callers with [`KEY`], who may make `limit` requests a day.
pub fn with_quota(url: &str, limit: u64) -> String {
    format!(
        "apis:
  - id: {API}
    name: {API}
    routes:
      - routeKey: ANY /{{proxy+}}
        apiKeyRequired: true
        integration:
          type: HTTP_PROXY
          uri: {url}/{{proxy}}
usagePlans:
  - id: daily
    name: daily
    apiStages:
      - api: {API}
        stage: $default
    quota:
      limit: {limit}
      period: DAY
apiKeys:
  - id: customer
    name: customer
    value: {KEY}
    usagePlans: [daily]
"
    )
}
