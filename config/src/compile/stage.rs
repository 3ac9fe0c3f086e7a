//! A stage: the deployment that it points at, compiled with its settings and variables.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use tollgate_model::{
    Api, Definition, Integration, Model, ProtocolType, Route, RouteSettings, Stage, Throttle,
    Upstream,
};

use super::{CompileError, NodeFacts, access_log, integration, socket};
use crate::cells::{BucketId, CellSource, TokenBucket};
use crate::snapshot::{
    CacheKeyPart, CachePlan, IntegrationPlan, RoutePlan, Router, SocketPlan, SocketRoute, StagePlan,
};

/// Seconds that a cached response lives unless a stage says otherwise (reference 15).
const CACHE_TTL_SECONDS: u64 = 300;

pub(super) struct StageCompiler<'a> {
    pub(super) model: &'a Model,
    pub(super) api: &'a Api,
    pub(super) stage: &'a Stage,
    pub(super) facts: &'a NodeFacts,
    pub(super) cells: &'a mut dyn CellSource,
    pub(super) upstreams: &'a mut BTreeMap<String, Upstream>,
    pub(super) errors: &'a mut Vec<CompileError>,
}

impl StageCompiler<'_> {
    /// The stage, `None` while nothing is deployed to it.
    pub(super) fn compile(&mut self) -> Option<StagePlan> {
        let definition = Arc::clone(self.api.deployed(self.stage)?);
        let (router, sockets) = match self.api.protocol_type {
            ProtocolType::Http => (self.router(&definition), None),
            ProtocolType::Websocket => (Router::default(), self.sockets(&definition)),
        };
        let routes = definition
            .routes
            .values()
            .map(|it| Arc::new(self.route(it, &definition)))
            .collect();
        Some(StagePlan {
            api_id: self.api.api_id.as_str().into(),
            api_name: self.api.name.as_str().into(),
            name: self.stage.stage_name.as_str().into(),
            deployment_id: self
                .stage
                .deployment_id
                .as_ref()
                .map_or("", |id| id.as_str())
                .into(),
            variables: Arc::new(self.stage.stage_variables.clone()),
            router,
            sockets,
            routes,
            access_log: self
                .stage
                .access_log_settings
                .as_ref()
                .map(access_log::compile),
            series: OnceLock::new(),
        })
    }

    fn router(&mut self, definition: &Definition) -> Router {
        let routes = definition.routes.values();
        let keys = routes.map(|route| route.route_key.as_str());
        Router::new(keys).unwrap_or_else(|error| {
            self.error("routes", error.to_string());
            Router::default()
        })
    }

    fn sockets(&mut self, definition: &Definition) -> Option<Box<SocketPlan>> {
        let compiled = socket::plan(self.api, definition);
        let plan = compiled.unwrap_or_else(|reason| {
            self.error("routeSelectionExpression", reason);
            SocketPlan::default()
        });
        Some(Box::new(plan))
    }

    fn route(&mut self, route: &Route, definition: &Definition) -> RoutePlan {
        let settings = match self.stage.route_settings.get(&route.route_key) {
            Some(own) => own.or(&self.stage.default_route_settings),
            None => self.stage.default_route_settings.clone(),
        };
        let found = route
            .integration_id()
            .and_then(|id| definition.integrations.get(id));
        let resource = match route.route_key.split_once(' ') {
            Some((_, path)) => path,
            None => &route.route_key,
        };
        let (integration, socket) = match self.api.protocol_type {
            ProtocolType::Http => (self.integration(route, found), None),
            ProtocolType::Websocket => self.socket_route(route, found),
        };
        RoutePlan {
            route_key: route.route_key.as_str().into(),
            resource: resource.into(),
            route_id: route.route_id.as_str().into(),
            authorization: route.authorization_type,
            api_key_required: route.api_key_required,
            throttle: self.throttle(route, &settings),
            cache: found
                .and_then(|it| self.cache(route, it, &settings))
                .map(Box::new),
            integration,
            socket,
            logging: settings.logging_level.unwrap_or_default(),
            data_trace: settings.data_trace_enabled.unwrap_or(false),
            detailed_metrics: settings.detailed_metrics_enabled.unwrap_or(false),
            series: OnceLock::new(),
        }
    }

    /// What answers a route of a WebSocket API. What this release does not serve of it is answered
    /// with an error, message by message: clients of its other routes go on.
    fn socket_route(
        &mut self,
        route: &Route,
        found: Option<&Integration>,
    ) -> (IntegrationPlan, Option<Box<SocketRoute>>) {
        let compiled = socket::route(route, found, &self.stage.stage_variables);
        let (plan, socket) = match (socket::unjudged(route), compiled) {
            (Some(what), _) => socket::unserved(what.to_owned()),
            (None, Err(reason)) => socket::unserved(reason),
            (None, Ok(socket)) => (self.integration(route, found), socket),
        };
        (plan, Some(Box::new(socket)))
    }

    fn integration(&mut self, route: &Route, found: Option<&Integration>) -> IntegrationPlan {
        let Some(it) = found else {
            return IntegrationPlan::Missing;
        };
        let mut compiler = integration::IntegrationCompiler {
            model: self.model,
            variables: &self.stage.stage_variables,
            facts: self.facts,
            upstreams: &mut *self.upstreams,
        };
        let compiled = match self.api.protocol_type {
            ProtocolType::Http => compiler.compile(it, route),
            ProtocolType::Websocket => compiler.compile_for_sockets(it, route),
        };
        match compiled {
            Ok(plan) => plan,
            Err(reason) => {
                self.error(&format!("routes.{}", route.route_key), reason);
                IntegrationPlan::Missing
            }
        }
    }

    fn throttle(&mut self, route: &Route, settings: &RouteSettings) -> Option<Arc<TokenBucket>> {
        let (burst, rate) = (
            settings.throttling_burst_limit,
            settings.throttling_rate_limit,
        );
        if burst.is_none() && rate.is_none() {
            return None;
        }
        let id = BucketId::Route(
            self.api.api_id.as_str().into(),
            self.stage.stage_name.as_str().into(),
            route.route_key.as_str().into(),
        );
        Some(self.cells.bucket(id, Throttle::of(burst, rate)))
    }

    fn cache(
        &self,
        route: &Route,
        integration: &Integration,
        settings: &RouteSettings,
    ) -> Option<CachePlan> {
        let ttl = settings.cache_ttl_in_seconds.unwrap_or(CACHE_TTL_SECONDS);
        let ttl = ttl.min(self.facts.cache_ttl_seconds_max);
        if settings.caching_enabled != Some(true) || ttl == 0 {
            return None;
        }
        let mut parts: Vec<CacheKeyPart> = integration
            .cache_key_parameters
            .iter()
            .filter_map(|it| key_part(it))
            .collect();
        parts.sort_unstable();
        parts.dedup();
        let name = integration
            .cache_namespace
            .as_deref()
            .unwrap_or(route.route_id.as_str());
        let deployment = self
            .stage
            .deployment_id
            .as_ref()
            .map_or("", |id| id.as_str());
        let (api, stage) = (&self.api.api_id, &self.stage.stage_name);
        let method = route
            .route_key
            .split_once(' ')
            .map_or("ANY", |(method, _)| method);
        Some(CachePlan {
            namespace: format!("{api}/{stage}/{deployment}/{name}").into(),
            parts,
            ttl_ms: ttl * 1000,
            methods: vec![if method == "ANY" {
                "GET".into()
            } else {
                method.into()
            }],
            refresh_needs_permission: settings
                .require_authorization_for_cache_control
                .unwrap_or(false),
            strategy: settings
                .unauthorized_cache_control_header_strategy
                .unwrap_or_default(),
        })
    }

    fn error(&mut self, place: &str, reason: String) {
        let (api, stage) = (&self.api.api_id, &self.stage.stage_name);
        self.errors.push(CompileError {
            path: format!("apis.{api}.stages.{stage}.{place}"),
            reason,
        });
    }
}

/// `request.path.id`, `method.request.querystring.q` (AWS v1's form), `request.header.accept`.
fn key_part(text: &str) -> Option<CacheKeyPart> {
    let text = text.strip_prefix("method.").unwrap_or(text);
    match text.strip_prefix("request.")?.split_once('.')? {
        ("path", name) => Some(CacheKeyPart::Path(name.into())),
        ("querystring", name) => Some(CacheKeyPart::Query(name.into())),
        ("header", name) => Some(CacheKeyPart::Header(name.to_ascii_lowercase().into())),
        _ => None,
    }
}
