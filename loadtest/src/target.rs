//! Where the load goes: an `http` or `https` URL that must mean this machine.
//!
//! Names are not looked up. `localhost` and names below it mean 127.0.0.1 (RFC 6761, section 6.3),
//! everything else must be an IP address, so the check of the address cannot be fooled by DNS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// Why a URL cannot be a target.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Neither `http://` nor `https://`.
    #[error("the URL {0:?} must begin with http:// or https://")]
    Scheme(String),
    /// No host, a bad port, or characters that no URL has.
    #[error("the URL {0:?} is not of the form http://HOST:PORT/PATH")]
    Form(String),
    /// A host that is a name or an address beyond this machine.
    #[error(
        "refusing to load {0}: only loopback targets are allowed (127.0.0.0/8, [::1], localhost)"
    )]
    NotLoopback(String),
}

/// A parsed target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether to speak TLS.
    pub tls: bool,
    /// The loopback address to connect to.
    pub address: SocketAddr,
    /// The host without port, for the TLS server name.
    pub host: String,
    /// Host and port as written, for the `Host` header.
    pub authority: String,
    /// Path and query, beginning with a slash.
    pub path: String,
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        let (tls, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(Error::Scheme(url.to_owned())),
        };
        let form = || Error::Form(url.to_owned());
        let rest = rest.split('#').next().unwrap_or_default();
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(form());
        }
        let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        if authority.is_empty() || authority.contains('@') {
            return Err(form());
        }
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let (host, port) = split_port(authority).ok_or_else(form)?;
        let port = match port {
            Some(port) => port.parse().map_err(|_| form())?,
            None if tls => 443,
            None => 80,
        };
        let ip = loopback(host).ok_or_else(|| Error::NotLoopback(host.to_owned()))?;
        Ok(Self {
            tls,
            address: SocketAddr::new(ip, port),
            host: host.to_owned(),
            authority: authority.to_owned(),
            path,
        })
    }
}

/// Splits `HOST`, `HOST:PORT` or `[IPV6]:PORT`; the host comes back without brackets.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after {
            "" => Some((host, None)),
            _ => Some((host, Some(after.strip_prefix(':')?))),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

fn loopback(host: &str) -> Option<IpAddr> {
    let name = host.to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    host.parse().ok().filter(IpAddr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_url_gives_address_authority_and_path() {
        let target: Target = "http://127.0.0.1:8080/a/b?c=d#e".parse().unwrap();
        assert!(!target.tls);
        assert_eq!(target.address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(target.authority, "127.0.0.1:8080");
        assert_eq!(target.path, "/a/b?c=d");
    }

    #[test]
    fn ports_and_paths_have_their_usual_defaults() {
        let plain: Target = "http://localhost".parse().unwrap();
        assert_eq!((plain.address.port(), plain.path.as_str()), (80, "/"));
        let tls: Target = "https://[::1]?q".parse().unwrap();
        assert_eq!((tls.address.port(), tls.path.as_str()), (443, "/?q"));
        assert_eq!(tls.address.ip().to_string(), "::1");
        let name: Target = "http://shop.localhost:81/".parse().unwrap();
        assert_eq!(name.address, "127.0.0.1:81".parse().unwrap());
        assert_eq!(name.host, "shop.localhost");
    }

    #[test]
    fn other_machines_are_refused_whatever_they_look_like() {
        let refused = [
            "http://example.com/",
            "http://10.0.0.1/",
            "http://0.0.0.0:80/",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://[::ffff:10.0.0.1]/",
            "https://192.168.1.1",
            "http://2130706433/",
        ];
        for url in refused {
            assert!(
                matches!(url.parse::<Target>(), Err(Error::NotLoopback(_))),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        assert!(matches!(
            "127.0.0.1".parse::<Target>(),
            Err(Error::Scheme(_))
        ));
        for url in [
            "http://",
            "http:///x",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1:/",
            "http://::1/",
            "http://[::1/",
            "http://[::1]x/",
            "http://127.0.0.1/a b",
            "http://127.0.0.1/\r\nX: y",
            "http://example.com@127.0.0.1/",
        ] {
            assert!(
                matches!(url.parse::<Target>(), Err(Error::Form(_))),
                "{url:?}"
            );
        }
    }
}
