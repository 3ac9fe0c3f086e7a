//! Parsed expressions: `$request.header.x`, `${context.stage}`, access log templates.
//!
//! The compiler parses them once; the request path evaluates them without looking at text again.

/// Text with variables in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template(pub Vec<Piece>);

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Taken as it stands.
    Text(Box<str>),
    /// Replaced by the variable's value, or by nothing (`-` in logs) when it has none.
    Variable(Variable),
}

/// Where a value comes from (reference 5.3). Stage variables are constants by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// `$request.header.NAME`: values joined by commas. The name is in lower case.
    RequestHeader(Box<str>),
    /// `$request.querystring.NAME`: decoded values joined by commas.
    RequestQuery(Box<str>),
    /// `$request.path`: the path without the stage.
    RequestPath,
    /// `$request.path.NAME`: a path variable.
    RequestPathParam(Box<str>),
    /// `$request.body`, or a value in it.
    RequestBody(Option<JsonPath>),
    /// `$response.header.NAME`. The name is in lower case.
    ResponseHeader(Box<str>),
    /// `$response.body`, or a value in it.
    ResponseBody(Option<JsonPath>),
    /// A value in the request's body as JSON: strings keep their quotes.
    RequestJson(JsonPath),
    /// A value in the response's body as JSON.
    ResponseJson(JsonPath),
    /// `$integration.response.statuscode`.
    ResponseStatus,
    /// `$context.NAME`.
    Context(ContextVar),
}

/// JSONPath without recursive descent and filters: `a.b[0].c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(pub Vec<PathStep>);

/// A step into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// The member of an object.
    Member(Box<str>),
    /// The element of an array.
    Index(usize),
    /// Every member or element.
    All,
}

macro_rules! context_vars {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A `$context` variable (reference 17). Unset ones print `-` in access logs.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum ContextVar {
            $($(#[$doc])* $name,)*
            /// `authorizer.KEY`, `authorizer.claims.KEY`.
            Authorizer(Box<str>),
            /// A name that this kind of API does not have; always unset.
            Unknown(Box<str>),
        }

        impl ContextVar {
            /// The variable of this name, without `$context.`.
            #[must_use]
            pub fn parse(name: &str) -> Self {
                match name {
                    $($text => Self::$name,)*
                    _ => match name.strip_prefix("authorizer.") {
                        Some(key) => Self::Authorizer(key.into()),
                        None => Self::Unknown(name.into()),
                    },
                }
            }

            /// Every name there is, `authorizer.*` apart.
            pub const NAMES: &'static [&'static str] = &[$($text),*];
        }
    };
}

context_vars! {
    AccountId = "accountId";
    ApiId = "apiId";
    AuthorizerError = "authorizer.error";
    AwsEndpointRequestId = "awsEndpointRequestId";
    AwsEndpointRequestId2 = "awsEndpointRequestId2";
    BasePathMatched = "customDomain.basePathMatched";
    CacheStatus = "cacheStatus";
    ConnectedAt = "connectedAt";
    ConnectionId = "connectionId";
    DataProcessed = "dataProcessed";
    DeploymentId = "deploymentId";
    DisconnectReason = "disconnectReason";
    DisconnectStatusCode = "disconnectStatusCode";
    DomainName = "domainName";
    DomainPrefix = "domainPrefix";
    ErrorMessage = "error.message";
    ErrorMessageString = "error.messageString";
    ErrorResponseType = "error.responseType";
    EventType = "eventType";
    ExtendedRequestId = "extendedRequestId";
    HttpMethod = "httpMethod";
    IdentityAccountId = "identity.accountId";
    IdentityApiKey = "identity.apiKey";
    IdentityApiKeyId = "identity.apiKeyId";
    IdentityCaller = "identity.caller";
    IdentitySourceIp = "identity.sourceIp";
    IdentityUser = "identity.user";
    IdentityUserAgent = "identity.userAgent";
    IdentityUserArn = "identity.userArn";
    IntegrationError = "integration.error";
    IntegrationErrorMessage = "integrationErrorMessage";
    IntegrationIntegrationStatus = "integration.integrationStatus";
    IntegrationLatency = "integrationLatency";
    IntegrationLatency2 = "integration.latency";
    IntegrationRequestId = "integration.requestId";
    IntegrationStatus = "integrationStatus";
    IntegrationStatus2 = "integration.status";
    MessageDirection = "messageDirection";
    MessageId = "messageId";
    Path = "path";
    Protocol = "protocol";
    RequestId = "requestId";
    RequestTime = "requestTime";
    RequestTimeEpoch = "requestTimeEpoch";
    ResourceId = "resourceId";
    ResourcePath = "resourcePath";
    ResponseLatency = "responseLatency";
    ResponseLength = "responseLength";
    RouteId = "routeId";
    RouteKey = "routeKey";
    Stage = "stage";
    Status = "status";
    TraceId = "xrayTraceId";
    TraceParent = "traceparent";
    UpstreamServer = "upstream.server";
    UsagePlanId = "usagePlanId";
}
