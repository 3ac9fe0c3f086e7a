//! Where the node is and who asks: flags, then the environment, then the node's own files.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollgate_aws::Secret;
use tollgate_aws::sigv4::SigningCredentials;

use super::Context;
use super::arguments::ConnectionArguments;
use super::failure::{Failure, USAGE};
use super::profile;

/// Variables with the node's prefix that only commands read.
pub(super) const OWN_VARIABLES: [&str; 2] = [ACCESS_KEY, SECRET_KEY];
const ACCESS_KEY: &str = "TOLLGATE_ACCESS_KEY";
const SECRET_KEY: &str = "TOLLGATE_SECRET_KEY";

const DATA_DIR: &str = "tollgate-data";
const ADDRESSES: &str = "addresses.json";
const ROOT_KEY: &str = "root-key.json";
/// Where `tollgate start` listens for administrators unless told otherwise.
const ADMIN_DEFAULT: &str = "127.0.0.1:8081";
/// Where `tollgate start` answers health checks unless told otherwise.
const OPS_DEFAULT: &str = "127.0.0.1:8082";
const REGION_DEFAULT: &str = "us-east-1";

/// A node's admin listener, and how requests to it are signed.
pub(super) struct AdminListener {
    /// `host:port`
    pub(super) authority: String,
    /// Who asks; `None` sends requests unsigned, as a development node takes them.
    pub(super) credentials: Option<SigningCredentials>,
    /// The region in signatures.
    pub(super) region: String,
}

/// The admin listener.
///
/// # Errors
/// An address that is none, or a credentials file that is none.
pub(super) fn admin(
    arguments: &ConnectionArguments,
    context: &Context,
) -> Result<AdminListener, Failure> {
    let data_dir = data_dir(arguments.data_dir.as_deref(), context);
    let profile = arguments.profile.as_deref();
    let profile = profile.map(|name| profile::named(name, context));
    let (profile, implied) = (profile.transpose()?, profile::implied(context));
    let profile = profile.unwrap_or_default();
    let given = arguments.admin_url.as_deref();
    let given = given.or(profile.endpoint.as_deref());
    let given = given.or_else(|| context.variable("TOLLGATE_ADMIN"));
    let default = implied.endpoint.as_deref().unwrap_or(ADMIN_DEFAULT);
    let authority = authority(given, &data_dir, "admin", default)?;
    let region = ["TOLLGATE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .find_map(|name| context.variable(name));
    let region = region.or(profile.region.as_deref());
    let region = region.or(implied.region.as_deref());
    let region = region.unwrap_or(REGION_DEFAULT).to_owned();
    let credentials = match (&arguments.credentials, profile.credentials) {
        (None, Some(of_profile)) => Some(of_profile),
        _ => credentials(arguments, context, &data_dir)?.or(implied.credentials),
    };
    Ok(AdminListener {
        authority,
        credentials,
        region,
    })
}

/// `host:port` of the ops listener.
///
/// # Errors
/// An address that is none.
pub(super) fn ops(
    given: Option<&str>,
    data_dir_given: Option<&Path>,
    context: &Context,
) -> Result<String, Failure> {
    let given = given.or_else(|| context.variable("TOLLGATE_OPS"));
    let data_dir = data_dir(data_dir_given, context);
    authority(given, &data_dir, "ops", OPS_DEFAULT)
}

impl Context {
    /// An environment variable that is set to something.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let value = self.environment.get(name)?;
        (!value.is_empty()).then_some(value)
    }
}

fn data_dir(given: Option<&Path>, context: &Context) -> PathBuf {
    let variable = || context.variable("TOLLGATE_DATA_DIR").map(PathBuf::from);
    given
        .map(Path::to_path_buf)
        .or_else(variable)
        .unwrap_or_else(|| DATA_DIR.into())
}

fn authority(
    given: Option<&str>,
    data_dir: &Path,
    listener: &str,
    default: &str,
) -> Result<String, Failure> {
    match given {
        Some(text) => parse(text).map_err(|why| {
            Failure::new(format!("the {listener} address {text}: {why}")).exit(USAGE)
        }),
        None => match written(data_dir, listener) {
            Some(authority) => Ok(authority),
            None => parse(default).map_err(|why| {
                Failure::new(format!("the {listener} address {default}: {why}")).exit(USAGE)
            }),
        },
    }
}

/// The address that a running node wrote down.
fn written(data_dir: &Path, listener: &str) -> Option<String> {
    let text = std::fs::read(data_dir.join(ADDRESSES)).ok()?;
    let all: Value = serde_json::from_slice(&text).ok()?;
    parse(all.get(listener)?.as_str()?).ok()
}

/// `host:port` of a URL, an address, or `:port`. A listener on all addresses is on this one too.
fn parse(text: &str) -> Result<String, &'static str> {
    if text == "off" {
        return Err("the listener is off");
    }
    if text.starts_with("https://") {
        return Err("the listener speaks plain HTTP; use http:// or a tunnel");
    }
    let rest = text.strip_prefix("http://").unwrap_or(text);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('/') {
        return Err("expected http://HOST:PORT, without a path");
    }
    if let Ok(address) = rest.parse::<SocketAddr>() {
        let ip = match address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        };
        return Ok(SocketAddr::new(ip, address.port()).to_string());
    }
    let (host, port) = rest.rsplit_once(':').ok_or("expected HOST:PORT")?;
    port.parse::<u16>()
        .map_err(|_| "expected a port behind the colon")?;
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let named = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !named {
        return Err("expected a host name or an address");
    }
    Ok(format!("{host}:{port}"))
}

/// The node's own key stands before `AWS_*`: those are usually meant for AWS.
fn credentials(
    arguments: &ConnectionArguments,
    context: &Context,
    data_dir: &Path,
) -> Result<Option<SigningCredentials>, Failure> {
    if let Some(file) = &arguments.credentials {
        let read = read_key(file).map_err(|why| {
            Failure::new(format!("the credentials file {}: {why}", file.display())).exit(USAGE)
        })?;
        return Ok(Some(read));
    }
    let pair =
        |id: &str, secret: &str| Some(signing(context.variable(id)?, context.variable(secret)?));
    let own = pair(ACCESS_KEY, SECRET_KEY)
        .or_else(|| pair("TOLLGATE_ROOT_ACCESS_KEY", "TOLLGATE_ROOT_SECRET_KEY"));
    Ok(own
        .or_else(|| read_key(&data_dir.join(ROOT_KEY)).ok())
        .or_else(|| pair("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")))
}

fn read_key(file: &Path) -> Result<SigningCredentials, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let all: Value = serde_json::from_slice(&text).map_err(|_| "not JSON".to_owned())?;
    let member = |name: &str| all.get(name).and_then(Value::as_str);
    match (member("accessKeyId"), member("secretAccessKey")) {
        (Some(id), Some(secret)) => Ok(signing(id, secret)),
        _ => Err("expected accessKeyId and secretAccessKey".to_owned()),
    }
}

/// What signs with an access key.
pub(super) fn signing(id: &str, secret: &str) -> SigningCredentials {
    SigningCredentials {
        access_key: id.to_owned(),
        secret: Secret::new(secret),
        session_token: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_in_many_forms() {
        for (text, authority) in [
            ("http://127.0.0.1:8081", "127.0.0.1:8081"),
            ("http://node.example:8081/", "node.example:8081"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            (":8081", "127.0.0.1:8081"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(authority), "{text}");
        }
        for text in [
            "off",
            "https://x:1",
            "http://x",
            "x:99999",
            "x:1/path",
            "a b:1",
            "x\r\n:1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
