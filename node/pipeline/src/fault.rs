//! Every error that the gateway itself answers, and the one place that says how it looks.
//!
//! The texts are those of HTTP APIs (reference 5.5). A client never sees more than them; the cause
//! goes to the logs.

use std::borrow::Cow;

use tollgate_message::Response;

use crate::finished::Record;
use crate::ports::{IntegrationError, IntegrationErrorKind};

/// Why the gateway answers with an error of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No API, stage or route of this address.
    NotFound,
    /// A custom domain without a mapping for the path.
    NoMapping,
    /// The path or a mapped value cannot be passed on safely.
    BadRequest,
    /// No API key, an unknown or disabled one, or one of a plan without this stage.
    InvalidApiKey,
    /// A rate is exceeded.
    Throttled,
    /// A quota is used up.
    QuotaExceeded,
    /// A refresh of the cache without the permission.
    CacheRefreshDenied,
    /// The request's body is larger than the integration takes.
    RequestTooLarge,
    /// The route has no integration, or one that cannot be called.
    Configuration,
    /// The route lets in whom nothing here can judge, so nobody.
    AuthorizerConfiguration,
    /// A stage of a WebSocket API was asked for something else than a connection.
    UpgradeRequired,
    /// The node holds as many WebSocket connections as it may.
    SocketsFull,
    /// The function failed or gave something that is no reply.
    BadFunctionOutput,
    /// No answer in time.
    IntegrationTimeout,
    /// No answer at all.
    IntegrationFailure,
}

/// Whose doing a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client's.
    Client,
    /// The gateway's.
    Gateway,
    /// The back end's.
    Upstream,
}

/// A fault on its way to the client.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What it is.
    pub(crate) kind: FaultKind,
    /// The cause, for logs.
    pub(crate) detail: Cow<'static, str>,
    /// The limit that refused the request.
    pub(crate) limit: Option<Refusal>,
}

/// What a refusal tells the client about the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The limit's name in `RateLimit` headers.
    pub(crate) name: &'static str,
    /// What the limit is: requests at once, or requests in the period.
    pub(crate) limit: u64,
    /// Milliseconds until asking again makes sense.
    pub(crate) retry_after_ms: u64,
}

impl FaultKind {
    /// Every kind, in the order of the declaration.
    pub const ALL: [Self; 15] = [
        Self::NotFound,
        Self::NoMapping,
        Self::BadRequest,
        Self::InvalidApiKey,
        Self::Throttled,
        Self::QuotaExceeded,
        Self::CacheRefreshDenied,
        Self::RequestTooLarge,
        Self::Configuration,
        Self::AuthorizerConfiguration,
        Self::UpgradeRequired,
        Self::SocketsFull,
        Self::BadFunctionOutput,
        Self::IntegrationTimeout,
        Self::IntegrationFailure,
    ];

    /// The status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NoMapping | Self::InvalidApiKey | Self::CacheRefreshDenied => 403,
            Self::NotFound => 404,
            Self::RequestTooLarge => 413,
            Self::Throttled | Self::QuotaExceeded => 429,
            Self::Configuration | Self::AuthorizerConfiguration | Self::BadFunctionOutput => 500,
            Self::UpgradeRequired => 426,
            Self::SocketsFull | Self::IntegrationTimeout | Self::IntegrationFailure => 503,
        }
    }

    /// The message that the client sees.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad Request",
            Self::NoMapping | Self::InvalidApiKey | Self::CacheRefreshDenied => "Forbidden",
            Self::NotFound => "Not Found",
            Self::RequestTooLarge => "Request Entity Too Large",
            Self::Throttled => "Too Many Requests",
            Self::QuotaExceeded => "Limit Exceeded",
            Self::Configuration | Self::AuthorizerConfiguration | Self::BadFunctionOutput => {
                "Internal Server Error"
            }
            Self::UpgradeRequired => "Upgrade Required",
            Self::SocketsFull | Self::IntegrationTimeout | Self::IntegrationFailure => {
                "Service Unavailable"
            }
        }
    }

    /// The body.
    #[must_use]
    pub fn body(self) -> &'static str {
        match self {
            Self::BadRequest => r#"{"message":"Bad Request"}"#,
            Self::NoMapping | Self::InvalidApiKey | Self::CacheRefreshDenied => {
                r#"{"message":"Forbidden"}"#
            }
            Self::NotFound => r#"{"message":"Not Found"}"#,
            Self::RequestTooLarge => r#"{"message":"Request Entity Too Large"}"#,
            Self::Throttled => r#"{"message":"Too Many Requests"}"#,
            Self::QuotaExceeded => r#"{"message":"Limit Exceeded"}"#,
            Self::Configuration | Self::AuthorizerConfiguration | Self::BadFunctionOutput => {
                r#"{"message":"Internal Server Error"}"#
            }
            Self::UpgradeRequired => r#"{"message":"Upgrade Required"}"#,
            Self::SocketsFull | Self::IntegrationTimeout | Self::IntegrationFailure => {
                r#"{"message":"Service Unavailable"}"#
            }
        }
    }

    /// AWS's gateway response type (reference 12), as in `$context.error.responseType`.
    #[must_use]
    pub fn response_type(self) -> &'static str {
        match self {
            Self::NotFound => "RESOURCE_NOT_FOUND",
            Self::NoMapping | Self::CacheRefreshDenied => "ACCESS_DENIED",
            Self::BadRequest => "BAD_REQUEST_PARAMETERS",
            Self::InvalidApiKey => "INVALID_API_KEY",
            Self::Throttled => "THROTTLED",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
            Self::Configuration => "API_CONFIGURATION_ERROR",
            Self::UpgradeRequired => "DEFAULT_4XX",
            Self::SocketsFull => "DEFAULT_5XX",
            Self::AuthorizerConfiguration => "AUTHORIZER_CONFIGURATION_ERROR",
            Self::BadFunctionOutput | Self::IntegrationFailure => "INTEGRATION_FAILURE",
            Self::IntegrationTimeout => "INTEGRATION_TIMEOUT",
        }
    }

    /// AWS's error type (reference 12), as in `x-amzn-ErrorType` of REST APIs. HTTP APIs do not
    /// send it; logs and metrics use it.
    #[must_use]
    pub fn error_type(self) -> &'static str {
        match self {
            Self::NotFound => "NotFoundException",
            Self::NoMapping | Self::InvalidApiKey => "ForbiddenException",
            Self::CacheRefreshDenied => "AccessDeniedException",
            Self::BadRequest | Self::UpgradeRequired => "BadRequestException",
            Self::Throttled => "TooManyRequestsException",
            Self::QuotaExceeded => "LimitExceededException",
            Self::RequestTooLarge => "RequestEntityTooLargeException",
            Self::Configuration
            | Self::AuthorizerConfiguration
            | Self::SocketsFull
            | Self::BadFunctionOutput
            | Self::IntegrationTimeout
            | Self::IntegrationFailure => "InternalServerErrorException",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn side(self) -> Side {
        match self {
            Self::Configuration | Self::AuthorizerConfiguration | Self::SocketsFull => {
                Side::Gateway
            }
            Self::BadFunctionOutput | Self::IntegrationTimeout | Self::IntegrationFailure => {
                Side::Upstream
            }
            _ => Side::Client,
        }
    }
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            limit: None,
        }
    }

    /// The fault for an integration that gave no answer, noted in the record.
    pub(crate) fn integration(error: IntegrationError, record: &mut Record) -> Self {
        use IntegrationErrorKind as Kind;
        let kind = match error.kind {
            Kind::Timeout => FaultKind::IntegrationTimeout,
            Kind::Unknown | Kind::InvalidRequest => FaultKind::Configuration,
            Kind::TooLarge => FaultKind::RequestTooLarge,
            Kind::Function | Kind::BadOutput => FaultKind::BadFunctionOutput,
            Kind::RequestBody => FaultKind::BadRequest,
            Kind::Connect
            | Kind::Dns
            | Kind::Tls
            | Kind::Reset
            | Kind::Protocol
            | Kind::Overloaded => FaultKind::IntegrationFailure,
        };
        record.integration.error = Some(error.kind);
        record.integration.error_message = Some(error.detail.as_str().into());
        if error.server.is_some() {
            record.integration.server = error.server;
        }
        Self::new(kind, error.detail)
    }

    /// The response, with the cause noted in the record.
    pub(crate) fn respond(self, record: &mut Record) -> Response {
        record.fault = Some(self.kind);
        record.error_message = Some(self.detail);
        let mut response = Response::json(self.kind.status(), self.kind.body());
        if let Some(limit) = self.limit {
            crate::admit::headers::refused(&limit, &mut response.headers);
        }
        response
    }
}
