//! The errors of the management API, as AWS words and shapes them.
//!
//! Sources: the service models (names, statuses, members) and the API Gateway API Reference,
//! "Common errors". SDKs choose the exception by the `x-amzn-ErrorType` header.

mod violations;

pub use violations::{Constraint, Violation, Violations};

use crate::Service;

/// Every error type that the three services answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// 400: a value that the operation does not take.
    BadRequest,
    /// 400: enum, pattern, length or range violations, found before the operation ran.
    Validation,
    /// 400: a JSON value of the wrong type, or no JSON.
    Serialization,
    /// 401: credentials without the permission, v1.
    Unauthorized,
    /// 403: credentials without the permission.
    AccessDenied,
    /// 403: credentials without the permission, `@connections`.
    Forbidden,
    /// 403: no signature.
    MissingAuthenticationToken,
    /// 403: an unreadable signature.
    IncompleteSignature,
    /// 403: a signature that is not right.
    InvalidSignature,
    /// 403: an unknown access key.
    UnrecognizedClient,
    /// 403: temporary credentials past their time.
    ExpiredToken,
    /// 404
    NotFound,
    /// 404: no operation has this method and path.
    UnknownOperation,
    /// 409: a name that is taken, or a concurrent modification.
    Conflict,
    /// 410: a WebSocket connection that is not open.
    Gone,
    /// 413: a message larger than the limit.
    PayloadTooLarge,
    /// 429: a quota of resources.
    LimitExceeded,
    /// 429: a rate.
    TooManyRequests,
    /// 500: our fault.
    Internal,
    /// 503: come back later.
    ServiceUnavailable,
    /// 504: nobody can say whether it was done.
    GatewayTimeout,
}

impl ErrorKind {
    /// All kinds, for tables and tests.
    pub const ALL: [Self; 21] = [
        Self::BadRequest,
        Self::Validation,
        Self::Serialization,
        Self::Unauthorized,
        Self::AccessDenied,
        Self::Forbidden,
        Self::MissingAuthenticationToken,
        Self::IncompleteSignature,
        Self::InvalidSignature,
        Self::UnrecognizedClient,
        Self::ExpiredToken,
        Self::NotFound,
        Self::UnknownOperation,
        Self::Conflict,
        Self::Gone,
        Self::PayloadTooLarge,
        Self::LimitExceeded,
        Self::TooManyRequests,
        Self::Internal,
        Self::ServiceUnavailable,
        Self::GatewayTimeout,
    ];

    /// The value of `x-amzn-ErrorType`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequestException",
            Self::Validation => "ValidationException",
            Self::Serialization => "SerializationException",
            Self::Unauthorized => "UnauthorizedException",
            Self::AccessDenied => "AccessDeniedException",
            Self::Forbidden => "ForbiddenException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::NotFound => "NotFoundException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::Conflict => "ConflictException",
            Self::Gone => "GoneException",
            Self::PayloadTooLarge => "PayloadTooLargeException",
            Self::LimitExceeded => "LimitExceededException",
            Self::TooManyRequests => "TooManyRequestsException",
            Self::Internal => "InternalServerErrorException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::GatewayTimeout => "GatewayTimeoutException",
        }
    }

    /// The status code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::Validation | Self::Serialization => 400,
            Self::Unauthorized => 401,
            Self::AccessDenied
            | Self::Forbidden
            | Self::MissingAuthenticationToken
            | Self::IncompleteSignature
            | Self::InvalidSignature
            | Self::UnrecognizedClient
            | Self::ExpiredToken => 403,
            Self::NotFound | Self::UnknownOperation => 404,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::PayloadTooLarge => 413,
            Self::LimitExceeded | Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::ServiceUnavailable => 503,
            Self::GatewayTimeout => 504,
        }
    }

    /// The kind under which the service's own model knows this, so that SDKs raise a modelled
    /// exception: v2 has no `LimitExceededException`, `@connections` calls a missing connection
    /// gone, and so on. Kinds that all services share stay as they are.
    #[must_use]
    pub const fn in_service(self, service: Service) -> Self {
        match (service, self) {
            (Service::ApiGatewayV2, Self::LimitExceeded) => Self::TooManyRequests,
            (Service::ApiGatewayV2, Self::Unauthorized | Self::Forbidden) => Self::AccessDenied,
            (Service::ApiGateway, Self::Forbidden) => Self::AccessDenied,
            (Service::Management, Self::TooManyRequests) => Self::LimitExceeded,
            (Service::Management, Self::Unauthorized | Self::AccessDenied) => Self::Forbidden,
            (Service::Management, Self::NotFound) => Self::Gone,
            _ => self,
        }
    }
}

/// Why policies do not let a caller do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// A statement denies it.
    Explicit,
    /// No statement allows it.
    NoAllow,
}

/// An error of the management API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub struct AwsError {
    /// Its type.
    pub kind: ErrorKind,
    /// What the user reads.
    pub message: String,
    /// v2 `NotFoundException`: what kind of thing was not found.
    pub resource_type: Option<String>,
    /// v2 `TooManyRequestsException`: which limit.
    pub limit_type: Option<String>,
    /// Seconds until a retry makes sense, for 429 and 503.
    pub retry_after_s: Option<u32>,
}

/// An error as it goes on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedError {
    /// The status code.
    pub status: u16,
    /// `x-amzn-ErrorType` and, where they apply, `content-type` and `Retry-After`. The request id
    /// is the caller's to add.
    pub headers: Vec<(&'static str, String)>,
    /// JSON; empty for `GoneException`, which has no body.
    pub body: String,
}

impl AwsError {
    /// An error of this kind and text.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            resource_type: None,
            limit_type: None,
            retry_after_s: None,
        }
    }

    /// `BadRequestException`
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest, message)
    }

    /// `NotFoundException`
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// `ConflictException`
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// `AccessDeniedException`: this principal may not do this to that (IAM User Guide,
    /// "Troubleshoot access denied error messages").
    #[must_use]
    pub fn access_denied(
        principal_arn: &str,
        action: &str,
        resource_arn: &str,
        denial: Denial,
    ) -> Self {
        let why = match denial {
            Denial::Explicit => "with an explicit deny in an identity-based policy".to_owned(),
            Denial::NoAllow => {
                format!("because no identity-based policy allows the {action} action")
            }
        };
        let text = format!(
            "User: {principal_arn} is not authorized to perform: {action} on resource: \
             {resource_arn} {why}"
        );
        Self::new(ErrorKind::AccessDenied, text)
    }

    /// The same error naming the kind of thing that was not found (v2).
    #[must_use]
    pub fn with_resource_type(mut self, resource_type: impl Into<String>) -> Self {
        self.resource_type = Some(resource_type.into());
        self
    }

    /// The same error naming the limit (v2).
    #[must_use]
    pub fn with_limit_type(mut self, limit_type: impl Into<String>) -> Self {
        self.limit_type = Some(limit_type.into());
        self
    }

    /// The same error with `Retry-After`, in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// The error as this service writes it.
    #[must_use]
    pub fn render(&self, service: Service) -> RenderedError {
        let kind = self.kind.in_service(service);
        let mut headers = vec![("x-amzn-ErrorType", kind.name().to_owned())];
        if let Some(seconds) = self
            .retry_after_s
            .filter(|_| matches!(kind.status(), 429 | 503))
        {
            headers.push(("Retry-After", seconds.to_string()));
        }
        let body = if kind == ErrorKind::Gone {
            String::new()
        } else {
            headers.push(("content-type", "application/json".to_owned()));
            self.body(kind, service)
        };
        RenderedError {
            status: kind.status(),
            headers,
            body,
        }
    }

    fn body(&self, kind: ErrorKind, service: Service) -> String {
        let mut members = serde_json::Map::new();
        // v1 refuses callers in the layer before the service, whose member begins with a capital.
        let is_capital = service == Service::ApiGateway && kind == ErrorKind::AccessDenied;
        let name = if is_capital { "Message" } else { "message" };
        members.insert(name.to_owned(), self.message.clone().into());
        if service == Service::ApiGatewayV2 {
            if let Some(name) = self
                .resource_type
                .as_ref()
                .filter(|_| kind == ErrorKind::NotFound)
            {
                members.insert("resourceType".to_owned(), name.clone().into());
            }
            if let Some(name) = self
                .limit_type
                .as_ref()
                .filter(|_| kind == ErrorKind::TooManyRequests)
            {
                members.insert("limitType".to_owned(), name.clone().into());
            }
        }
        serde_json::Value::Object(members).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_statuses_are_errors() {
        for (index, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert!((400..=504).contains(&kind.status()), "{kind:?}");
            assert!(kind.name().ends_with("Exception"), "{kind:?}");
            assert!(
                ErrorKind::ALL[..index]
                    .iter()
                    .all(|k| k.name() != kind.name()),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn bodies_follow_the_service() {
        let error = AwsError::not_found("Invalid \"API\"").with_resource_type("API");
        let v1 = error.render(Service::ApiGateway);
        assert_eq!(
            (v1.status, &*v1.body),
            (404, r#"{"message":"Invalid \"API\""}"#)
        );
        let v2 = error.render(Service::ApiGatewayV2);
        assert_eq!(
            v2.body,
            r#"{"message":"Invalid \"API\"","resourceType":"API"}"#
        );
        let management = error.render(Service::Management);
        assert_eq!((management.status, &*management.body), (410, ""));
        assert_eq!(
            management.headers,
            [("x-amzn-ErrorType", "GoneException".to_owned())]
        );
    }

    #[test]
    fn limits_tell_when_to_come_back() {
        let error = AwsError::new(ErrorKind::LimitExceeded, "too many")
            .with_limit_type("apis")
            .with_retry_after(3);
        let v2 = error.render(Service::ApiGatewayV2);
        assert_eq!(v2.status, 429);
        assert!(
            v2.headers
                .contains(&("x-amzn-ErrorType", "TooManyRequestsException".to_owned()))
        );
        assert!(v2.headers.contains(&("Retry-After", "3".to_owned())));
        assert_eq!(v2.body, r#"{"message":"too many","limitType":"apis"}"#);
        let v1 = error.render(Service::ApiGateway);
        assert_eq!(v1.body, r#"{"message":"too many"}"#);
        assert_eq!(
            AwsError::conflict("x")
                .with_retry_after(3)
                .render(Service::ApiGateway)
                .headers
                .len(),
            2
        );
    }

    #[test]
    fn denials_differ_between_services() {
        let (who, action) = ("arn:aws:iam::1:user/bob", "apigateway:GET");
        let denied = AwsError::access_denied(who, action, "*", Denial::Explicit);
        let text = "User: arn:aws:iam::1:user/bob is not authorized to perform: apigateway:GET on \
                    resource: * with an explicit deny in an identity-based policy";
        assert_eq!(denied.message, text);
        let v1 = denied.render(Service::ApiGateway);
        assert_eq!(v1.body, format!(r#"{{"Message":"{text}"}}"#));
        let v2 = denied.render(Service::ApiGatewayV2);
        assert_eq!(v2.body, format!(r#"{{"message":"{text}"}}"#));
        let management = denied.render(Service::Management);
        assert_eq!(management.headers[0].1, "ForbiddenException");
    }
}
