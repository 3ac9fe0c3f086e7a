//! Cross-origin requests, answered by the gateway itself (reference 5.2, the Fetch standard).

use tollgate_message::{HeaderList, Method, Response};
use tollgate_model::Cors;

/// What an origin is granted; kept while the request's own headers move on.
#[derive(Debug)]
pub(crate) struct Grant<'a> {
    cors: &'a Cors,
    /// The origin to answer with; `None` when the origin is not allowed or there is none.
    origin: Option<Vec<u8>>,
}

impl<'a> Grant<'a> {
    /// Reads a request's `Origin`.
    #[must_use]
    pub(crate) fn of(cors: &'a Cors, headers: &HeaderList) -> Self {
        let origin = headers
            .get("origin")
            .and_then(|origin| allowed(cors, origin));
        Self { cors, origin }
    }

    /// Replaces the CORS fields of a response by ours.
    pub(crate) fn apply(&self, headers: &mut HeaderList) {
        headers.remove_if(|name, _| name.starts_with("access-control-"));
        self.grant(headers);
        if self.origin.is_some() {
            append_list(
                headers,
                "access-control-expose-headers",
                &self.cors.expose_headers,
            );
        }
    }

    /// The answer to a preflight. An origin that is not allowed gets it without CORS fields.
    #[must_use]
    pub(crate) fn preflight(&self) -> Response {
        let mut response = Response::new(204);
        let headers = &mut response.headers;
        self.grant(headers);
        if self.origin.is_some() {
            append_list(
                headers,
                "access-control-allow-methods",
                &self.cors.allow_methods,
            );
            append_list(
                headers,
                "access-control-allow-headers",
                &self.cors.allow_headers,
            );
            if let Some(seconds) = self.cors.max_age {
                headers.append("access-control-max-age", seconds.to_string());
            }
        }
        response
    }

    fn grant(&self, headers: &mut HeaderList) {
        // A cache must not give one origin's answer to another, nor the answer without fields.
        let any = self.cors.allow_origins.iter().any(|it| it == "*");
        if !any || self.cors.allow_credentials {
            add_vary(headers);
        }
        if let Some(origin) = &self.origin {
            headers.append("access-control-allow-origin", origin);
            if self.cors.allow_credentials {
                headers.append("access-control-allow-credentials", "true");
            }
        }
    }
}

/// Whether a request is a preflight (Fetch, section 3.2.2).
#[must_use]
pub(crate) fn is_preflight(method: &Method, headers: &HeaderList) -> bool {
    *method == Method::Options
        && headers.contains("origin")
        && headers.contains("access-control-request-method")
}

/// The value to answer with: `*` for everybody, else the origin itself. With credentials `*` is
/// no answer that a browser takes, so the origin is echoed.
fn allowed(cors: &Cors, origin: &[u8]) -> Option<Vec<u8>> {
    let matches = |pattern: &str| match pattern {
        "*" => true,
        "https://*" => has_prefix(origin, b"https://"),
        "http://*" => has_prefix(origin, b"http://"),
        exact => exact.as_bytes().eq_ignore_ascii_case(origin),
    };
    if !cors.allow_origins.iter().any(|it| matches(it)) {
        return None;
    }
    let any = cors.allow_origins.iter().any(|it| it == "*") && !cors.allow_credentials;
    Some(if any { b"*".to_vec() } else { origin.to_vec() })
}

fn has_prefix(text: &[u8], prefix: &[u8]) -> bool {
    text.len() > prefix.len() && text[..prefix.len()].eq_ignore_ascii_case(prefix)
}

fn add_vary(headers: &mut HeaderList) {
    let named = headers
        .get_all("vary")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"));
    if !named {
        headers.append("vary", "origin");
    }
}

fn append_list(headers: &mut HeaderList, name: &str, values: &[String]) {
    match values {
        [] => {}
        [one] => headers.append(name, one),
        many => headers.append(name, many.join(",")),
    }
}
