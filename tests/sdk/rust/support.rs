//! What the walk shares: clients of the node, calls to its APIs, and what must hold of every write.

use std::error::Error;
use std::fmt::Debug;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use std::{env, fmt};

use aws_sdk_apigatewaymanagement as management;
use aws_sdk_apigatewayv2 as v2;
use v2::config::retry::RetryConfig;
use v2::config::{BehaviorVersion, Credentials, Region};

/// What ends a step.
pub type Failed = Box<dyn Error>;

const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A variable that the suite sets.
pub fn given(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The administrator's keys, or with `NOBODY` those of a user to whom nothing is allowed.
pub fn keys(whose: &str) -> Credentials {
    let (key, secret) = match whose {
        "NOBODY" => ("NOBODY_KEY", "NOBODY_SECRET"),
        _ => ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    };
    Credentials::new(given(key), given(secret), None, None, "environment")
}

/// A client of apigatewayv2 whose refusals are looked at, not tried again.
pub fn client(endpoint: &str, keys: Credentials) -> v2::Client {
    let config = v2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(keys)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    v2::Client::from_conf(config.build())
}

/// A client of the connections of a stage.
pub fn connections(endpoint: &str, keys: Credentials) -> management::Client {
    let config = management::Config::builder()
        .behavior_version(management::config::BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(keys)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    management::Client::from_conf(config.build())
}

/// Fails the step.
pub fn check(fits: bool, what: impl fmt::Display) -> Result<(), Failed> {
    fits.then_some(()).ok_or_else(|| what.to_string().into())
}

/// What two replies say must be the same: that of a write, and what is read afterwards. Maps must
/// have one entry, because their order is random.
pub fn kept(written: &impl Debug, read: &impl Debug) -> Result<(), Failed> {
    let (one, other) = (members(written), members(read));
    check(one == other, format!("written: {one}\n   read: {other}"))
}

/// A reply without the name of its type and without its request id.
fn members(reply: &impl Debug) -> String {
    let text = format!("{reply:?}");
    let members = text.split_once('{').map_or("", |(_, members)| members);
    let end = members.find("_request_id").unwrap_or(members.len());
    members[..end].trim().to_owned()
}

/// The status and the text of what a host name leads to.
pub fn call_host(host: &str, path: &str) -> Result<(u16, String), Failed> {
    let gateway = given("GATEWAY_URL");
    let address = gateway.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok((status, answer))
}

/// The status and the text of an API's answer.
pub fn call(api: &str, path: &str) -> Result<(u16, String), Failed> {
    call_host(&format!("{api}.execute-api.us-east-1.localhost"), path)
}

/// An API must answer with this status.
pub fn answers(api: &str, path: &str, status: u16) -> Result<(), Failed> {
    let (found, text) = call(api, path)?;
    check(
        found == status,
        format!("{path}: {found}, not {status}: {text}"),
    )
}
