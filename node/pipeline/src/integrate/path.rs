//! The path that an HTTP back end is asked for.

use tollgate_config::snapshot::PathPiece;

use crate::fault::{Fault, FaultKind};
use crate::text::{has_dot_segment, push_path};

/// Puts the pieces together. Path variables go in as they came, so a decoded slash, question mark
/// or number sign cannot come into being; one that would climb out of its place by a dot segment,
/// however encoded, is refused.
pub(crate) fn build(
    pieces: &[PathPiece],
    params: &[(&str, &str)],
    request_path: &str,
) -> Result<String, Fault> {
    let mut out = String::with_capacity(64 + request_path.len());
    for piece in pieces {
        match piece {
            PathPiece::Text(text) => out.push_str(text),
            PathPiece::Param(name) => {
                let found = params.iter().find(|(it, _)| *it == &**name);
                let value = found.map(|(_, value)| *value).unwrap_or_default();
                refuse_dots(value)?;
                push_path(&mut out, value.as_bytes());
            }
            PathPiece::RequestPath => {
                // Below a prefix of the integration, climbing would leave the prefix. Without one
                // it would still lead around the routes that were looked through for the path as
                // it came: `/x/../admin` is `/admin` to most servers.
                refuse_dots(request_path)?;
                if out.ends_with('/') && request_path.starts_with('/') {
                    out.pop();
                }
                push_path(&mut out, request_path.as_bytes());
            }
        }
    }
    if !out.starts_with('/') {
        out.insert(0, '/');
    }
    Ok(out)
}

fn refuse_dots(value: &str) -> Result<(), Fault> {
    if has_dot_segment(value) {
        return Err(Fault::new(
            FaultKind::BadRequest,
            "a path variable has a dot segment",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> PathPiece {
        PathPiece::Text(text.into())
    }

    #[test]
    fn variables_stay_in_their_segment() {
        let pieces = [text("/v1/"), PathPiece::Param("id".into()), text("/x")];
        for (value, path) in [
            ("7", "/v1/7/x"),
            ("a%2Fb", "/v1/a%2Fb/x"),
            ("a%3Fb%23c", "/v1/a%3Fb%23c/x"),
            ("a?b#c d", "/v1/a%3Fb%23c%20d/x"),
            ("é", "/v1/%C3%A9/x"),
            ("100%", "/v1/100%25/x"),
        ] {
            let built = build(&pieces, &[("id", value)], "/").unwrap();
            assert_eq!(built, path, "{value}");
        }
        for bad in [
            "..",
            ".",
            "%2e%2e",
            "..%2f..%2fadmin",
            "..%5cadmin",
            "a/../../b",
        ] {
            let refused = build(&pieces, &[("id", bad)], "/").unwrap_err();
            assert_eq!(refused.kind, FaultKind::BadRequest, "{bad}");
        }
    }

    #[test]
    fn the_request_path_is_appended_once() {
        let base = |text_: &str| [text(text_), PathPiece::RequestPath];
        assert_eq!(build(&base("/"), &[], "/a/b").unwrap(), "/a/b");
        assert_eq!(build(&base(""), &[], "/a//b/").unwrap(), "/a//b/");
        assert_eq!(build(&base("/api/"), &[], "/a").unwrap(), "/api/a");
        assert_eq!(build(&base("/api"), &[], "/a").unwrap(), "/api/a");
        assert!(build(&base(""), &[], "/a/../b").is_err());
        assert!(build(&base("/api"), &[], "/../b").is_err());
        assert_eq!(build(&[], &[], "/a").unwrap(), "/");
    }
}
