//! Snapshots by hand, so that the request path is tested apart from the compiler.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_config::cells::TokenBucket;
use tollgate_config::snapshot::{
    AccessLog, ApiPlan, CachePlan, ContextVar, DomainPlan, FixedPlan, FunctionPlan, FunctionTarget,
    HttpPlan, IntegrationPlan, JsonPath, LogDestination, MappingAction, MappingPlan, MappingStep,
    MappingTarget, PathPiece, PathStep, Piece, RoutePlan, Router, Snapshot, StagePlan, Template,
    Variable,
};
use tollgate_model::{
    Api, AuthorizationType, CacheControlStrategy, Cors, LoggingLevel, PayloadFormat, ProtocolType,
    Throttle,
};
use tollgate_protocol::Rate;

/// The generated host of the API `shop`.
pub(crate) const HOST: &str = "shop.execute-api.eu-central-1.localhost";

/// A route to be.
pub(crate) struct RouteSpec {
    pub(crate) plan: RoutePlan,
}

pub(crate) fn route(key: &str, integration: IntegrationPlan) -> RouteSpec {
    let resource = key.split_once(' ').map_or(key, |(_, path)| path);
    RouteSpec {
        plan: RoutePlan {
            route_key: key.into(),
            resource: resource.into(),
            route_id: "r1r1r1r".into(),
            authorization: AuthorizationType::None,
            api_key_required: false,
            throttle: None,
            cache: None,
            integration,
            socket: None,
            logging: LoggingLevel::Off,
            data_trace: false,
            detailed_metrics: false,
            series: std::sync::OnceLock::new(),
        },
    }
}

impl RouteSpec {
    pub(crate) fn keyed(mut self) -> Self {
        self.plan.api_key_required = true;
        self
    }

    pub(crate) fn judged(mut self, kind: AuthorizationType) -> Self {
        self.plan.authorization = kind;
        self
    }

    pub(crate) fn throttled(mut self, bucket: Arc<TokenBucket>) -> Self {
        self.plan.throttle = Some(bucket);
        self
    }

    pub(crate) fn cached(mut self, plan: CachePlan) -> Self {
        self.plan.cache = Some(Box::new(plan));
        self
    }

    pub(crate) fn logged(mut self, level: LoggingLevel, data: bool) -> Self {
        self.plan.logging = level;
        self.plan.data_trace = data;
        self
    }
}

/// A stage to be.
pub(crate) struct StageSpec {
    pub(crate) name: &'static str,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
}

pub(crate) fn stage(name: &'static str, routes: Vec<RouteSpec>) -> StageSpec {
    StageSpec {
        name,
        routes,
        variables: BTreeMap::new(),
        access_log: None,
    }
}

impl StageSpec {
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    pub(crate) fn log(mut self, template: &str) -> Self {
        self.access_log = Some(Arc::new(AccessLog {
            destination: LogDestination::Stdout,
            template: log_template(template),
            json: template.trim_start().starts_with('{'),
        }));
        self
    }

    fn build(self, api_id: &str) -> StagePlan {
        let keys = self.routes.iter().map(|it| &*it.plan.route_key);
        StagePlan {
            api_id: api_id.into(),
            api_name: "Shop".into(),
            name: self.name.into(),
            deployment_id: "dep123".into(),
            variables: Arc::new(self.variables),
            router: Router::new(keys).unwrap(),
            sockets: None,
            routes: self
                .routes
                .into_iter()
                .map(|it| Arc::new(it.plan))
                .collect(),
            access_log: self.access_log,
            series: std::sync::OnceLock::new(),
        }
    }
}

/// An API of these stages.
pub(crate) fn api(id: &str, cors: Option<Cors>, stages: Vec<StageSpec>) -> Arc<ApiPlan> {
    Arc::new(ApiPlan {
        source: Arc::new(Api::default()),
        protocol: ProtocolType::Http,
        api_id: id.into(),
        name: "Shop".into(),
        cors,
        endpoint_open: true,
        upstreams: Vec::new(),
        stages: stages
            .into_iter()
            .map(|it| (it.name.into(), Arc::new(it.build(id))))
            .collect(),
    })
}

/// A snapshot of these APIs.
pub(crate) fn snapshot(apis: Vec<Arc<ApiPlan>>) -> Snapshot {
    let mut snapshot = Snapshot {
        region: "eu-central-1".into(),
        account_id: "123456789012".into(),
        ..Snapshot::default()
    };
    for api in apis {
        snapshot.apis.insert((&*api.api_id).into(), api);
    }
    snapshot
}

/// A snapshot of the API `shop` with one `$default` stage.
pub(crate) fn shop(routes: Vec<RouteSpec>) -> Snapshot {
    snapshot(vec![api("shop", None, vec![stage("$default", routes)])])
}

/// Mappings of a domain from key to (API, stage); the longest key first.
pub(crate) fn domain(name: &str, mappings: &[(&str, &Arc<ApiPlan>, &str)]) -> Arc<DomainPlan> {
    let mut mappings: Vec<_> = mappings
        .iter()
        .map(|(key, api, stage)| MappingPlan {
            key: (*key).into(),
            api: Arc::clone(api),
            stage: Arc::clone(&api.stages[*stage]),
        })
        .collect();
    mappings.sort_by_key(|it| std::cmp::Reverse(it.key.len()));
    Arc::new(DomainPlan {
        mutual_tls: false,
        name: name.into(),
        rules: Vec::new(),
        mappings,
    })
}

/// A back end that is asked for `pieces`.
pub(crate) fn http(pieces: Vec<PathPiece>) -> HttpPlan {
    HttpPlan {
        group: "backend".into(),
        authority: "backend.internal:8080".into(),
        path: pieces,
        query: None,
        method: None,
        timeout_ms: 30_000,
        request_mapping: Vec::new(),
        response_mapping: BTreeMap::new(),
        reads_request_body: false,
        reads_response_body: false,
    }
}

/// A back end that gets the request path as it is.
pub(crate) fn proxy() -> IntegrationPlan {
    IntegrationPlan::Http(http(vec![PathPiece::RequestPath]))
}

pub(crate) fn function(format: PayloadFormat) -> IntegrationPlan {
    IntegrationPlan::Function(FunctionPlan {
        target: FunctionTarget::Local("hello".into()),
        format,
        timeout_ms: 30_000,
        response_mapping: BTreeMap::new(),
    })
}

pub(crate) fn fixed(status: u16, body: &str) -> IntegrationPlan {
    IntegrationPlan::Fixed(FixedPlan {
        status,
        headers: vec![("content-type".into(), constant("text/plain"))],
        body: constant(body),
    })
}

pub(crate) fn piece(text: &str) -> PathPiece {
    PathPiece::Text(text.into())
}

pub(crate) fn param(name: &str) -> PathPiece {
    PathPiece::Param(name.into())
}

pub(crate) fn constant(text: &str) -> Template {
    Template(vec![Piece::Text(text.into())])
}

pub(crate) fn value(variable: Variable) -> Template {
    Template(vec![Piece::Variable(variable)])
}

pub(crate) fn json_path(members: &[&str]) -> JsonPath {
    JsonPath(
        members
            .iter()
            .map(|it| PathStep::Member((*it).into()))
            .collect(),
    )
}

pub(crate) fn step(action: MappingAction, target: MappingTarget, value: Template) -> MappingStep {
    MappingStep {
        action,
        target,
        value,
    }
}

pub(crate) fn throttle(burst: u32, rate: f64) -> Arc<TokenBucket> {
    Arc::new(TokenBucket::new(Throttle {
        burst_limit: burst,
        rate_limit: Rate::from_f64(rate).unwrap(),
    }))
}

pub(crate) fn cache_plan() -> CachePlan {
    CachePlan {
        namespace: "shop\0$default\0dep123\0r1r1r1r".into(),
        parts: Vec::new(),
        ttl_ms: 60_000,
        methods: vec!["GET".into(), "HEAD".into()],
        refresh_needs_permission: false,
        strategy: CacheControlStrategy::SucceedWithResponseHeader,
    }
}

/// `$context.x` in text, as the compiler parses it.
fn log_template(text: &str) -> Template {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("$context.") {
        if at > 0 {
            pieces.push(Piece::Text(rest[..at].into()));
        }
        rest = &rest[at + "$context.".len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '.')
            .unwrap_or(rest.len());
        pieces.push(Piece::Variable(Variable::Context(ContextVar::parse(
            &rest[..end],
        ))));
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.into()));
    }
    Template(pieces)
}
