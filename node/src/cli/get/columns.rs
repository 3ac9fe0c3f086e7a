//! The columns of each kind of `tollgate get`.

use crate::cli::arguments::Kind;

/// A head, and where the cell is in an item (RFC 6901).
pub(super) type Column = (&'static str, &'static str);

/// The columns of a kind.
pub(super) fn of(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Apis => APIS,
        Kind::Routes => ROUTES,
        Kind::Integrations => INTEGRATIONS,
        Kind::Authorizers => AUTHORIZERS,
        Kind::Models => MODELS,
        Kind::Stages => STAGES,
        Kind::Deployments => DEPLOYMENTS,
        Kind::Keys => KEYS,
        Kind::UsagePlans => USAGE_PLANS,
        Kind::Domains => DOMAINS,
        Kind::Functions => FUNCTIONS,
        Kind::Upstreams => UPSTREAMS,
    }
}

const APIS: &[Column] = &[
    ("ID", "/apiId"),
    ("NAME", "/name"),
    ("PROTOCOL", "/protocolType"),
    ("ENDPOINT", "/apiEndpoint"),
    ("CREATED", "/createdDate"),
];

const ROUTES: &[Column] = &[
    ("API", "/apiId"),
    ("ID", "/routeId"),
    ("ROUTE KEY", "/routeKey"),
    ("API KEY", "/apiKeyRequired"),
    ("TARGET", "/target"),
];

const INTEGRATIONS: &[Column] = &[
    ("API", "/apiId"),
    ("ID", "/integrationId"),
    ("TYPE", "/integrationType"),
    ("METHOD", "/integrationMethod"),
    ("URI", "/integrationUri"),
];

const AUTHORIZERS: &[Column] = &[
    ("API", "/apiId"),
    ("ID", "/authorizerId"),
    ("NAME", "/name"),
    ("TYPE", "/authorizerType"),
    ("URI", "/authorizerUri"),
    ("ISSUER", "/jwtConfiguration/issuer"),
];

const MODELS: &[Column] = &[
    ("API", "/apiId"),
    ("ID", "/modelId"),
    ("NAME", "/name"),
    ("CONTENT TYPE", "/contentType"),
    ("DESCRIPTION", "/description"),
];

const STAGES: &[Column] = &[
    ("API", "/apiId"),
    ("NAME", "/stageName"),
    ("DEPLOYMENT", "/deploymentId"),
    ("AUTO DEPLOY", "/autoDeploy"),
    ("UPDATED", "/lastUpdatedDate"),
];

const DEPLOYMENTS: &[Column] = &[
    ("API", "/apiId"),
    ("ID", "/deploymentId"),
    ("STATUS", "/deploymentStatus"),
    ("AUTO", "/autoDeployed"),
    ("CREATED", "/createdDate"),
    ("DESCRIPTION", "/description"),
];

const KEYS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("ENABLED", "/enabled"),
    ("CREATED", "/createdDate"),
];

const USAGE_PLANS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("RATE", "/throttle/rateLimit"),
    ("BURST", "/throttle/burstLimit"),
    ("QUOTA", "/quota/limit"),
    ("PERIOD", "/quota/period"),
    ("STAGES", "/apiStages"),
];

const DOMAINS: &[Column] = &[
    ("NAME", "/domainName"),
    ("CERTIFICATE", "/domainNameConfigurations/0/certificateName"),
    ("STATUS", "/domainNameConfigurations/0/domainNameStatus"),
];

const FUNCTIONS: &[Column] = &[
    ("NAME", "/name"),
    ("IDLE", "/idle"),
    ("BUSY", "/busy"),
    ("STARTING", "/starting"),
    ("QUEUED", "/queued"),
    ("INVOCATIONS", "/invocations"),
    ("ERRORS", "/errors"),
    ("INIT ERROR", "/initError"),
];

const UPSTREAMS: &[Column] = &[
    ("GROUP", "/name"),
    ("SERVER", "/server"),
    ("CONDITION", "/condition"),
    ("WEIGHT", "/weight"),
    ("OUTSTANDING", "/outstanding"),
    ("REQUESTS", "/requests"),
    ("FAILURES", "/failures"),
];
