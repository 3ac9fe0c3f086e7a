//! Route keys: `GET /pets/{id}`, `ANY /{proxy+}`, `$default` (reference 5.1).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::text::{is_token, is_word};

/// Bytes of a route key. AWS says nothing; a path above the URL limit can never match.
const ROUTE_KEY_BYTES_MAX: usize = 10_240;

/// A route key in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKey<'k> {
    /// `$default`: everything that no other route takes.
    Default,
    /// A method and a path.
    Path {
        /// `ANY` or a method.
        method: &'k str,
        /// The path, `/` first.
        path: &'k str,
        /// The path variables in order, a greedy one without its `+`.
        variables: Vec<&'k str>,
    },
}

impl<'k> RouteKey<'k> {
    /// Reads a route key.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &'k str) -> Result<Self, String> {
        if text == "$default" {
            return Ok(Self::Default);
        }
        if text.len() > ROUTE_KEY_BYTES_MAX {
            return Err(format!(
                "a route key has at most {ROUTE_KEY_BYTES_MAX} bytes"
            ));
        }
        let Some((method, path)) = text.split_once(' ') else {
            return Err(
                "a route key is `$default` or a method and a path, such as `GET /pets`".into(),
            );
        };
        if !is_token(method) {
            return Err(format!("`{method}` is no method"));
        }
        if method.bytes().any(|b| b.is_ascii_lowercase()) {
            return Err(format!(
                "methods are written in capitals: `{}`",
                method.to_ascii_uppercase()
            ));
        }
        if !path.starts_with('/') {
            return Err(format!("the path `{path}` must begin with `/`"));
        }
        if let Some(bad) = path
            .chars()
            .find(|c| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#'))
        {
            return Err(format!("a path cannot hold {bad:?}"));
        }
        let variables = variables(path)?;
        Ok(Self::Path {
            method,
            path,
            variables,
        })
    }

    /// Whether the path of this route has a variable of this name.
    #[must_use]
    pub fn has_variable(&self, name: &str) -> bool {
        match self {
            Self::Default => false,
            Self::Path { variables, .. } => variables.contains(&name),
        }
    }

    /// What the router tells routes apart by: variables without their names.
    #[must_use]
    pub fn shape(&self) -> String {
        match self {
            Self::Default => "$default".into(),
            Self::Path { method, path, .. } => {
                let segments: Vec<&str> = path
                    .split('/')
                    .map(|it| match (it.starts_with('{'), it.ends_with("+}")) {
                        (true, true) => "{+}",
                        (true, false) => "{}",
                        _ => it,
                    })
                    .collect();
                format!("{method} {}", segments.join("/"))
            }
        }
    }
}

fn variables(path: &str) -> Result<Vec<&str>, String> {
    let mut out: Vec<&str> = Vec::new();
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let inside = segment
            .strip_prefix('{')
            .and_then(|it| it.strip_suffix('}'));
        let Some(inside) = inside else {
            if segment.contains(['{', '}']) {
                return Err(format!(
                    "a variable takes a whole segment, unlike `{segment}`"
                ));
            }
            continue;
        };
        let name = inside.strip_suffix('+').unwrap_or(inside);
        if name.len() < inside.len() && segments.peek().is_some() {
            return Err(format!(
                "the greedy variable `{segment}` must be the last segment"
            ));
        }
        if !is_word(name, b".:", 128) {
            return Err(format!(
                "`{segment}` is no variable; names are made of `A-Za-z0-9._:-`"
            ));
        }
        if out.contains(&name) {
            return Err(format!("the variable `{name}` appears twice"));
        }
        out.push(name);
    }
    Ok(out)
}

/// A route key as usage plans may name it: ours, or AWS's `/pets/GET`.
pub(super) fn check_throttle_key(text: &str) -> Result<(), String> {
    if let Some((path, method)) = text.rsplit_once('/')
        && text.starts_with('/')
        && !text.contains(' ')
    {
        let path = if path.is_empty() { "/" } else { path };
        let key = format!("{method} {path}");
        return RouteKey::parse(&key).map(drop);
    }
    RouteKey::parse(text).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_keys_parse_and_bad_ones_say_why() {
        for good in [
            "$default",
            "GET /",
            "ANY /{proxy+}",
            "M-SEARCH /a/{b}/c",
            "GET /pets/",
        ] {
            assert!(RouteKey::parse(good).is_ok(), "{good}");
        }
        for (bad, part) in [
            ("GET", "a method and a path"),
            ("get /pets", "`GET`"),
            ("GET pets", "begin with `/`"),
            ("GET /a b", "' '"),
            ("GET /a?b", "'?'"),
            ("GET /{a", "whole segment"),
            ("GET /x{a}", "whole segment"),
            ("GET /{}", "no variable"),
            ("GET /{a+}/b", "last segment"),
            ("GET /{a}/{a}", "twice"),
            ("G@T /", "no method"),
        ] {
            let message = RouteKey::parse(bad).unwrap_err();
            assert!(message.contains(part), "{bad}: {message}");
        }
    }

    #[test]
    fn shapes_forget_names() {
        let a = RouteKey::parse("GET /pets/{id}").unwrap();
        let b = RouteKey::parse("GET /pets/{name}").unwrap();
        let c = RouteKey::parse("GET /pets/{name+}").unwrap();
        assert_eq!(a.shape(), b.shape());
        assert_ne!(a.shape(), c.shape());
        assert!(a.has_variable("id") && !a.has_variable("name"));
    }

    #[test]
    fn plans_may_name_routes_the_way_of_aws() {
        assert_eq!(check_throttle_key("/pets/{id}/GET"), Ok(()));
        assert_eq!(check_throttle_key("/GET"), Ok(()));
        assert_eq!(check_throttle_key("GET /pets"), Ok(()));
        assert!(check_throttle_key("/pets/get").is_err());
        assert!(check_throttle_key("pets").unwrap_err().contains("method"));
    }
}
