//! The three AWS services that make up the management API.

/// A service of the management API. It decides the error shapes and the time format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// REST APIs: `apigateway`, no path prefix.
    ApiGateway,
    /// HTTP and WebSocket APIs: `apigatewayv2`, prefix `/v2`.
    ApiGatewayV2,
    /// Open WebSocket connections: `apigatewaymanagementapi`, `/@connections/{id}`.
    Management,
}

impl Service {
    /// The service name in a SigV4 credential scope.
    #[must_use]
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::ApiGateway | Self::ApiGatewayV2 => "apigateway",
            Self::Management => "execute-api",
        }
    }
}
