//! Amazon Resource Names: the general form, and the forms that API Gateway reads and writes.
//!
//! Source: API Gateway Developer Guide, "API Gateway ARN reference"; IAM User Guide, "IAM
//! identifiers". Region and account are not checked against AWS's lists: a self-hosted gateway has
//! its own.

mod execute_api;
mod integration;
mod stage_variables;
mod tag;

pub use execute_api::ExecuteApiArn;
pub use integration::{FunctionArn, IntegrationUri, ServiceCall, is_caller_credentials};
pub use stage_variables::{StageVariableError, resolve_stage_variables};
pub use tag::{TagResource, tag_arn};

use core::fmt;

/// The longest ARN that is read, in bytes.
pub const ARN_BYTES_MAX: usize = 2048;

/// Why a text is not an ARN of the form that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Longer than [`ARN_BYTES_MAX`].
    #[error("longer than {ARN_BYTES_MAX} bytes")]
    TooLong,
    /// Not `arn:partition:service:region:account:resource`.
    #[error("not of the form arn:partition:service:region:account:resource")]
    Form,
    /// An ARN of another service than is needed here.
    #[error("an ARN of another service")]
    Service,
    /// The resource part is not of the form that the service has.
    #[error("the resource part is malformed")]
    Resource,
}

/// An ARN, taken apart. `Display` puts it together again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, ...
    pub partition: &'a str,
    /// `lambda`, `apigateway`, `execute-api`, `iam`, ...
    pub service: &'a str,
    /// Empty for global services.
    pub region: &'a str,
    /// The account; `lambda` or `subdomain.service` in integration URIs; may be empty.
    pub account: &'a str,
    /// All the rest, colons included.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart.
    ///
    /// # Errors
    /// When it is too long, has fewer than six parts, or lacks partition, service or resource, or
    /// contains a control character.
    pub fn parse(text: &'a str) -> Result<Self, ArnError> {
        if text.len() > ARN_BYTES_MAX {
            return Err(ArnError::TooLong);
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(ArnError::Form);
        let (arn, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        let is_whole = arn == "arn"
            && !partition.is_empty()
            && !service.is_empty()
            && !resource.is_empty()
            && !text.bytes().any(|byte| byte.is_ascii_control());
        if is_whole {
            Ok(Self {
                partition,
                service,
                region,
                account,
                resource,
            })
        } else {
            Err(ArnError::Form)
        }
    }

    /// The type and path of an IAM principal: (`user`, `division/bob`) of
    /// `arn:aws:iam::123456789012:user/division/bob`; `None` for other ARNs. STS's assumed roles
    /// count as principals.
    #[must_use]
    pub fn principal(&self) -> Option<(&'a str, &'a str)> {
        if !matches!(self.service, "iam" | "sts") {
            return None;
        }
        let (kind, path) = self.resource.split_once('/')?;
        (!path.is_empty()).then_some((kind, path))
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn principals() {
        let user = Arn::parse("arn:aws:iam::123456789012:user/division/bob").unwrap();
        assert_eq!(user.principal(), Some(("user", "division/bob")));
        assert_eq!(user.account, "123456789012");
        let role = Arn::parse("arn:aws:sts::1:assumed-role/r/s").unwrap();
        assert_eq!(role.principal(), Some(("assumed-role", "r/s")));
        assert_eq!(Arn::parse("arn:aws:iam::1:root").unwrap().principal(), None);
        assert_eq!(Arn::parse("arn:aws:s3:::user/x").unwrap().principal(), None);
    }

    #[test]
    fn refuses_what_is_no_arn() {
        for text in [
            "",
            "arn",
            "arn:aws:s3:::",
            "arn::s3:::b",
            "arn:aws::::b",
            "ARN:aws:s3:::b",
            "arn:aws:s3::b",
            "arn:aws:s3:::a\nb",
        ] {
            assert_eq!(Arn::parse(text), Err(ArnError::Form), "{text:?}");
        }
        let long = format!("arn:aws:s3:::{}", "b".repeat(ARN_BYTES_MAX));
        assert_eq!(Arn::parse(&long), Err(ArnError::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in "(arn:aws:|lambda|apigateway|:|/|\\PC){0,12}") {
            if let Ok(arn) = Arn::parse(&text) {
                prop_assert_eq!(&arn.to_string(), &text);
            }
            // None of the readers may panic, whatever the text.
            let function = FunctionArn::parse(&text);
            if let Ok(function) = function {
                prop_assert_eq!(&function.to_string(), &text);
            }
            prop_assert!(IntegrationUri::parse(&text).is_ok() || !text.starts_with("https://a/"));
            if let Ok(arn) = ExecuteApiArn::parse(&text) {
                prop_assert_eq!(&arn.to_string(), &text);
            }
            if let Ok(resource) = TagResource::parse(&text) {
                prop_assert!(text.ends_with(&resource.path()));
            }
        }
    }
}
