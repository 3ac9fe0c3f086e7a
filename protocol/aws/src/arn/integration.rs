//! Integration URIs: Lambda functions, other services, plain URLs.
//!
//! Sources: Developer Guide, "Set up an API integration request using the console" and
//! "PutIntegration": `arn:aws:apigateway:{region}:{subdomain.service|service}:path|action/{api}`.
//! Stage variables may stand for a function name, version or alias; resolve them first, or read the
//! parts as they are.

use core::fmt;

use super::{Arn, ArnError};

const INVOKE_PREFIX: &str = "2015-03-31/functions/";
const INVOKE_SUFFIX: &str = "/invocations";
const RESPONSE_STREAM_PREFIX: &str = "2021-11-15/functions/";
const RESPONSE_STREAM_SUFFIX: &str = "/response-streaming-invocations";

/// The ARN of a Lambda function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FunctionArn {
    /// `aws`
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The function's name.
    pub name: String,
    /// A version or alias.
    pub qualifier: Option<String>,
}

impl FunctionArn {
    /// Reads `arn:aws:lambda:{region}:{account}:function:{name}[:{qualifier}]`. Each part may be or
    /// contain a `${stageVariables.x}`.
    ///
    /// # Errors
    /// When it is no ARN, of another service, or its name or qualifier has other characters than
    /// Lambda allows.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let arn = Arn::parse(text)?;
        if arn.service != "lambda" {
            return Err(ArnError::Service);
        }
        let rest = arn
            .resource
            .strip_prefix("function:")
            .ok_or(ArnError::Resource)?;
        let (name, qualifier) = match rest.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (rest, None),
        };
        if !is_name(name) || !qualifier.is_none_or(|q| q == "$LATEST" || is_name(q)) {
            return Err(ArnError::Resource);
        }
        Ok(Self {
            partition: arn.partition.to_owned(),
            region: arn.region.to_owned(),
            account: arn.account.to_owned(),
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        })
    }

    /// The URI by which a REST API invokes this function.
    #[must_use]
    pub fn invocation_uri(&self) -> String {
        let Self {
            partition, region, ..
        } = self;
        format!(
            "arn:{partition}:apigateway:{region}:lambda:path/{INVOKE_PREFIX}{self}{INVOKE_SUFFIX}"
        )
    }
}

impl fmt::Display for FunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            region,
            account,
            name,
            qualifier,
        } = self;
        write!(
            f,
            "arn:{partition}:lambda:{region}:{account}:function:{name}"
        )?;
        qualifier
            .as_ref()
            .map_or(Ok(()), |qualifier| write!(f, ":{qualifier}"))
    }
}

/// Letters, digits, `-`, `_` and whole `${stageVariables.x}` placeholders.
fn is_name(text: &str) -> bool {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${stageVariables.") {
        let Some((name, after)) = after.split_once('}') else {
            return false;
        };
        if !is_word(before) || name.is_empty() || !is_word(name) {
            return false;
        }
        rest = after;
    }
    !text.is_empty() && is_word(rest)
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// What an integration's `uri` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntegrationUri {
    /// A Lambda function, by its ARN or by the invocation URI around it.
    Lambda {
        /// The function.
        function: FunctionArn,
        /// Whether its reply is streamed (`response-streaming-invocations`).
        streaming: bool,
    },
    /// Lambda named by one stage variable that holds a whole ARN: resolve it, then read it again.
    Unresolved(String),
    /// Another AWS service.
    Service {
        /// The region.
        region: String,
        /// The service, `s3` in `bucket.s3`.
        service: String,
        /// What stands before the service, `bucket` in `bucket.s3`.
        subdomain: Option<String>,
        /// How the call is named.
        call: ServiceCall,
    },
    /// An HTTP URL; stage variables may be in it.
    Http(String),
}

/// How an integration with a service names the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceCall {
    /// `path/...`: the path of a REST call, without the leading slash.
    Path(String),
    /// `action/...`: the action of a query call.
    Action(String),
}

impl IntegrationUri {
    /// Reads the `uri` of an integration.
    ///
    /// # Errors
    /// When it is neither an ARN of a known form nor an `http` or `https` URL with a host.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        for scheme in ["http://", "https://"] {
            if let Some(rest) = text.strip_prefix(scheme) {
                let is_sound = !rest.is_empty()
                    && !rest.starts_with(['/', '?', '#'])
                    && !text
                        .bytes()
                        .any(|byte| byte.is_ascii_control() || byte == b' ');
                return is_sound
                    .then(|| Self::Http(text.to_owned()))
                    .ok_or(ArnError::Form);
            }
        }
        if is_one_placeholder(text) {
            return Ok(Self::Unresolved(text.to_owned()));
        }
        let arn = Arn::parse(text)?;
        match arn.service {
            "lambda" => Ok(Self::Lambda {
                function: FunctionArn::parse(text)?,
                streaming: false,
            }),
            "apigateway" => Self::from_apigateway(&arn),
            _ => Err(ArnError::Service),
        }
    }

    fn from_apigateway(arn: &Arn<'_>) -> Result<Self, ArnError> {
        let (kind, call) = arn.resource.split_once('/').ok_or(ArnError::Resource)?;
        if arn.account == "lambda" && kind == "path" {
            let between = |prefix, suffix| {
                call.strip_prefix(prefix)
                    .and_then(|rest: &str| rest.strip_suffix(suffix))
            };
            let plain = between(INVOKE_PREFIX, INVOKE_SUFFIX);
            let streamed = between(RESPONSE_STREAM_PREFIX, RESPONSE_STREAM_SUFFIX);
            let function = plain.or(streamed).ok_or(ArnError::Resource)?;
            if is_one_placeholder(function) {
                return Ok(Self::Unresolved(function.to_owned()));
            }
            let streaming = streamed.is_some();
            return Ok(Self::Lambda {
                function: FunctionArn::parse(function)?,
                streaming,
            });
        }
        let (subdomain, service) = match arn.account.rsplit_once('.') {
            Some((subdomain, service)) => (Some(subdomain), service),
            None => (None, arn.account),
        };
        if service.is_empty() || subdomain.is_some_and(str::is_empty) {
            return Err(ArnError::Service);
        }
        let call = match kind {
            "path" => ServiceCall::Path(call.to_owned()),
            "action" => ServiceCall::Action(call.to_owned()),
            _ => return Err(ArnError::Resource),
        };
        Ok(Self::Service {
            region: arn.region.to_owned(),
            service: service.to_owned(),
            subdomain: subdomain.map(str::to_owned),
            call,
        })
    }
}

fn is_one_placeholder(text: &str) -> bool {
    text.starts_with("${stageVariables.") && text.find('}') == Some(text.len() - 1) && is_name(text)
}

/// Whether an integration's `credentials` mean the caller's own: `arn:aws:iam::*:user/*`.
#[must_use]
pub fn is_caller_credentials(text: &str) -> bool {
    Arn::parse(text).is_ok_and(|arn| {
        (arn.service, arn.region, arn.account, arn.resource) == ("iam", "", "*", "user/*")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:orders";

    #[test]
    fn functions() {
        for qualifier in [
            None,
            Some("live"),
            Some("3"),
            Some("$LATEST"),
            Some("${stageVariables.v}"),
        ] {
            let text = qualifier.map_or_else(|| FUNCTION.to_owned(), |q| format!("{FUNCTION}:{q}"));
            let arn = FunctionArn::parse(&text).unwrap();
            assert_eq!(
                (&*arn.name, arn.qualifier.as_deref()),
                ("orders", qualifier)
            );
            assert_eq!(arn.to_string(), text);
            let both = [text.clone(), arn.invocation_uri()];
            for uri in both {
                let expected = IntegrationUri::Lambda {
                    function: arn.clone(),
                    streaming: false,
                };
                assert_eq!(IntegrationUri::parse(&uri), Ok(expected), "{uri}");
            }
        }
        let variable = "arn:aws:lambda:r:1:function:${stageVariables.f}-x";
        assert_eq!(
            FunctionArn::parse(variable).unwrap().name,
            "${stageVariables.f}-x"
        );
        for bad in [
            "",
            ":",
            ":a:b",
            ":$latest",
            ":${stageVariables.}",
            ":${stageVariables.x",
            ":a b",
        ] {
            assert_eq!(
                FunctionArn::parse(&format!("{FUNCTION}{bad}")).is_ok(),
                bad.is_empty()
            );
        }
        assert_eq!(
            FunctionArn::parse("arn:aws:lambda:r:1:layer:x"),
            Err(ArnError::Resource)
        );
        assert_eq!(FunctionArn::parse("arn:aws:s3:::x"), Err(ArnError::Service));
    }

    #[test]
    fn whole_arns_in_a_stage_variable() {
        let variable = "${stageVariables.fn}";
        let expected = Ok(IntegrationUri::Unresolved(variable.to_owned()));
        let wrapped =
            format!("arn:aws:apigateway:r:lambda:path/2015-03-31/functions/{variable}/invocations");
        assert_eq!(IntegrationUri::parse(variable), expected);
        assert_eq!(IntegrationUri::parse(&wrapped), expected);
    }

    #[test]
    fn streaming_invocations() {
        let uri = format!(
            "arn:aws:apigateway:r:lambda:path/2021-11-15/functions/{FUNCTION}/response-streaming-invocations"
        );
        let Ok(IntegrationUri::Lambda { streaming, .. }) = IntegrationUri::parse(&uri) else {
            panic!("{uri} names a function")
        };
        assert!(streaming);
    }

    #[test]
    fn services_and_urls() {
        assert_eq!(
            IntegrationUri::parse("arn:aws:apigateway:eu-west-1:my.bucket.s3:path/a/{b}"),
            Ok(IntegrationUri::Service {
                region: "eu-west-1".to_owned(),
                service: "s3".to_owned(),
                subdomain: Some("my.bucket".to_owned()),
                call: ServiceCall::Path("a/{b}".to_owned()),
            })
        );
        let action = IntegrationUri::parse("arn:aws:apigateway:r:dynamodb:action/Query");
        assert!(matches!(
            action,
            Ok(IntegrationUri::Service { call: ServiceCall::Action(a), .. }) if a == "Query"
        ));
        let url = "https://${stageVariables.host}/x?y={z}";
        assert_eq!(
            IntegrationUri::parse(url),
            Ok(IntegrationUri::Http(url.to_owned()))
        );
        for bad in [
            "",
            "https://",
            "http:///x",
            "https://a b",
            "ftp://x",
            "arn:aws:s3:::x",
            "arn:aws:apigateway:r:s3:Query",
            "arn:aws:apigateway:r:s3:x/Query",
            "arn:aws:apigateway:r::path/x",
            "arn:aws:apigateway:r:.s3:path/x",
            "arn:aws:apigateway:r:lambda:path/functions/x",
        ] {
            assert!(IntegrationUri::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn caller_credentials() {
        assert!(is_caller_credentials("arn:aws:iam::*:user/*"));
        assert!(!is_caller_credentials("arn:aws:iam::1:user/*"));
        assert!(!is_caller_credentials("arn:aws:iam::*:role/*"));
    }
}
