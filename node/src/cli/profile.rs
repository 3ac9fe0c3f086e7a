//! Profiles of AWS's tools: where a node is, and who asks, as `~/.aws/config` and
//! `~/.aws/credentials` name them. (AWS SDKs and Tools Reference Guide, "Shared config and
//! credentials files", "Service-specific endpoints".)
//!
//! A reading of the few keys that lead to a node, and of no others: roles, sign-on and programs that
//! print credentials belong to AWS, and a node knows none of their session tokens.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use tollgate_aws::sigv4::SigningCredentials;

use super::Context;
use super::failure::{Failure, USAGE};
use super::resolve::signing;

/// Bytes of a file that are read: such files have some lines for each of a person's accounts.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The service of v2, as the files name it.
const SERVICE: &str = "apigatewayv2";
const ENDPOINT: &str = "endpoint_url";

/// What of a profile leads to a node.
#[derive(Default)]
pub(super) struct Profile {
    /// The address of the admin listener.
    pub(super) endpoint: Option<String>,
    /// The region in signatures.
    pub(super) region: Option<String>,
    /// Who asks.
    pub(super) credentials: Option<SigningCredentials>,
}

/// The profile that a flag names.
///
/// # Errors
/// When there is none, or when it leads nowhere.
pub(super) fn named(name: &str, context: &Context) -> Result<Profile, Failure> {
    let found = read(name, context);
    if found.endpoint.is_none() && found.credentials.is_none() {
        let text = format!(
            "the profile {name} has neither {ENDPOINT} nor aws_access_key_id and \
             aws_secret_access_key"
        );
        return Err(Failure::new(text).exit(USAGE));
    }
    Ok(found)
}

/// What the variables of AWS's tools say: addresses, and the profile of `AWS_PROFILE` where it has an
/// address. One that has none is for AWS itself, and so are its keys.
pub(super) fn implied(context: &Context) -> Profile {
    let mut found = match context.variable("AWS_PROFILE") {
        Some(name) => read(name, context),
        None => Profile::default(),
    };
    if found.endpoint.is_none() {
        found = Profile::default();
    }
    let named = ["AWS_ENDPOINT_URL_APIGATEWAYV2", "AWS_ENDPOINT_URL"];
    if let Some(endpoint) = named.iter().find_map(|name| context.variable(name)) {
        found.endpoint = Some(endpoint.to_owned());
    }
    found
}

fn read(name: &str, context: &Context) -> Profile {
    let config = text(context, "AWS_CONFIG_FILE", "config");
    let section = match name {
        "default" => name.to_owned(),
        _ => format!("profile {name}"),
    };
    let own = members(&config, &section);
    let services = value(&own, "services").map(|it| members(&config, &format!("services {it}")));
    let of_service = format!("{SERVICE}.{ENDPOINT}");
    let endpoint = services.as_ref().and_then(|it| value(it, &of_service));
    let keys = text(context, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    let keys = members(&keys, name);
    // The file for credentials stands before the other.
    let pair = |from| {
        let id = value(from, "aws_access_key_id")?;
        Some(signing(id, value(from, "aws_secret_access_key")?))
    };
    Profile {
        endpoint: endpoint
            .or_else(|| value(&own, ENDPOINT))
            .map(str::to_owned),
        region: value(&own, "region").map(str::to_owned),
        credentials: pair(&keys).or_else(|| pair(&own)),
    }
}

/// The text of a file that a variable names, else of the one in `~/.aws`; empty when there is none,
/// as for AWS's tools.
fn text(context: &Context, variable: &str, name: &str) -> String {
    let home = || Some(Path::new(context.variable("HOME")?).join(".aws").join(name));
    let path = context.variable(variable).map(PathBuf::from).or_else(home);
    let mut text = String::new();
    if let Some(file) = path.and_then(|path| File::open(path).ok())
        && file.take(FILE_BYTES_MAX).read_to_string(&mut text).is_err()
    {
        text.clear();
    }
    text
}

/// The members of a section. Those that are indented below another have its name before theirs.
fn members(text: &str, section: &str) -> Vec<(String, String)> {
    let (mut found, mut is_wanted) = (Vec::new(), false);
    let mut above = String::new();
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = bare.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default();
            let words: Vec<&str> = header.split_whitespace().collect();
            is_wanted = words.join(" ").replace(['"', '\''], "") == section;
            continue;
        }
        let Some((name, value)) = bare.split_once('=').filter(|_| is_wanted) else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        let is_nested = line.starts_with([' ', '\t']) && !above.is_empty();
        let name = match is_nested {
            true => format!("{above}.{name}"),
            false => name.to_owned(),
        };
        if !is_nested {
            above = if value.is_empty() {
                name.clone()
            } else {
                String::new()
            };
        }
        found.push((name, value.to_owned()));
    }
    found
}

fn value<'m>(members: &'m [(String, String)], name: &str) -> Option<&'m str> {
    let found = members.iter().find(|(own, _)| own == name);
    found
        .map(|(_, value)| value.as_str())
        .filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]
region = eu-west-1
# a comment
[profile tollgate]
region=eu-central-1
endpoint_url = http://127.0.0.1:8081
s3 =
  endpoint_url = http://127.0.0.1:9000
output = json
[profile \"by service\"]
services = local
endpoint_url = http://127.0.0.1:1
[services local]
s3 =
    endpoint_url = http://127.0.0.1:9000
apigatewayv2 =
    endpoint_url = http://127.0.0.1:2
";

    #[test]
    fn sections_have_members_and_those_below_them() {
        let own = members(CONFIG, "profile tollgate");
        assert_eq!(value(&own, "region"), Some("eu-central-1"));
        assert_eq!(value(&own, ENDPOINT), Some("http://127.0.0.1:8081"));
        assert_eq!(
            value(&own, "s3.endpoint_url"),
            Some("http://127.0.0.1:9000")
        );
        assert_eq!(value(&own, "output"), Some("json"));
        assert_eq!(value(&own, "s3"), None);
        assert!(members(CONFIG, "profile other").is_empty());
        let own = members(CONFIG, "profile by service");
        assert_eq!(value(&own, "services"), Some("local"));
        let services = members(CONFIG, "services local");
        let endpoint = value(&services, "apigatewayv2.endpoint_url");
        assert_eq!(endpoint, Some("http://127.0.0.1:2"));
        for odd in [
            "[",
            "[]",
            "=",
            "[default]\n=\n = x\nregion",
            "\u{feff}[default]",
        ] {
            assert_eq!(value(&members(odd, "default"), "region"), None, "{odd}");
        }
    }
}
