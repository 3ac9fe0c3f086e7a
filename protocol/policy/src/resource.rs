//! The resources of a statement: ARNs with wildcards, or `*`.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Resource"; API Gateway Developer Guide,
//! "Access policy language overview for Amazon API Gateway" for the short form.

use alloc::borrow::Cow;
use alloc::format;

use crate::document::Kind;
use crate::limits::AUTHORIZER_RESOURCE_CHARS_MAX;
use crate::template::{Syntax, Template, Wildcards};
use crate::{Error, Problem};

const EXPECTED: &str = "resource; write an ARN such as arn:aws:execute-api:us-east-1:123456789012:api/stage/GET/path, \
     or *";
const SERVICE: &str = "resource: the service, its third part, must be named without wildcards";
const TOO_LONG: &str = "resource of at most 512 characters; use wildcards";

/// Compiles a resource.
pub(crate) fn parse(text: &str, kind: Kind<'_>, variables: bool) -> Result<Template, Error> {
    let refuse = |expected| Err(Error::new("", Problem::value(text, expected)));
    if kind == Kind::Authorizer && text.chars().count() > AUTHORIZER_RESOURCE_CHARS_MAX {
        return refuse(TOO_LONG);
    }
    let whole = expand(text, kind);
    if whole != "*" {
        let mut segments = whole.splitn(6, ':');
        if segments.next() != Some("arn") {
            return refuse(EXPECTED);
        }
        let partition = segments.next().unwrap_or_default();
        let service = segments.next().unwrap_or_default();
        if service.contains(['*', '?']) || (partition.ends_with('*') && service.is_empty()) {
            return refuse(SERVICE);
        }
        let is_whole = segments.count() == 3;
        if partition.is_empty() || service.is_empty() || !(is_whole || whole.ends_with('*')) {
            return refuse(EXPECTED);
        }
    }
    let syntax = Syntax {
        variables,
        wildcards: Wildcards::Segments,
    };
    Template::parse(&whole, syntax).map_err(|problem| Error::new("", problem))
}

/// `execute-api:/stage/GET/path` of a resource policy stands for the API that has the policy.
fn expand<'t>(text: &'t str, kind: Kind<'_>) -> Cow<'t, str> {
    match (kind, text.strip_prefix("execute-api:/")) {
        (Kind::Resource { api: Some(api) }, Some(rest)) => Cow::Owned(format!("{api}/{rest}")),
        _ => Cow::Borrowed(text),
    }
}
