//! The gateway that the scenarios run against: a configuration, compiled as a node compiles it, and
//! a world that answers at once and costs as little as it can.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_config::cells::{
    BucketId, CellSource, QuotaSlot, Refused, SlotSource, TokenBucket, Unleased,
};
use tollgate_config::compile::{NodeFacts, compile};
use tollgate_config::snapshot::{SigningKey, Snapshot, StagePlan};
use tollgate_message::{HeaderList, Request, Response};
use tollgate_model::{
    AccessLogSettings, Api, ApiKey, ApiStage, Definition, Deployment, Function, Integration,
    IntegrationType, Model, PayloadFormat, Quota, Route, RouteSettings, Runtime, Stage, Throttle,
    UsagePlan,
};
use tollgate_pipeline::{
    Finished, FunctionReply, HttpReply, IntegrationError, InvokeMeta, Ports, ResponseCache,
    access_log,
};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId, Revision};

use crate::scenarios::allowance::{PLENTY, lease, wide};

/// The API of the scenarios.
pub(crate) const API: &str = "a1b2c3d4e5";
/// The same with an access log.
const LOGGED_API: &str = "b1b2c3d4e5";
/// Their stage.
pub(crate) const STAGE: &str = "$default";
/// The host of [`API`].
pub(crate) const HOST: &str = "a1b2c3d4e5.execute-api.us-east-1.localhost";
/// The host of the API with an access log.
pub(crate) const LOGGED_HOST: &str = "b1b2c3d4e5.execute-api.us-east-1.localhost";
/// Routes that no scenario asks for.
const OTHER_ROUTES: usize = 100;
const NOW: Millis = Millis(1_800_000_000_000);

/// A configuration with so many API keys.
pub(crate) fn snapshot(keys: usize) -> Arc<Snapshot> {
    let logged = Stage {
        access_log_settings: Some(AccessLogSettings {
            destination_arn: "file:access".into(),
            format: "JSON".into(),
        }),
        ..stage()
    };
    let plan = UsagePlan {
        id: "gold".into(),
        api_stages: [API, LOGGED_API]
            .map(|api| ApiStage {
                api_id: api.into(),
                stage: STAGE.into(),
                throttle: BTreeMap::new(),
            })
            .into(),
        throttle: Some(wide()),
        quota: Some(Quota {
            limit: PLENTY,
            ..Quota::default()
        }),
        ..UsagePlan::default()
    };
    let function = Function {
        name: "hello".into(),
        runtime: Runtime::Python,
        directory: "/srv/hello".into(),
        handler: "app.handler".into(),
        ..Function::default()
    };
    let model = Model {
        apis: [api(API, stage()), api(LOGGED_API, logged)]
            .into_iter()
            .collect(),
        functions: [("hello".into(), Arc::new(function))].into(),
        usage_plans: [(plan.id.clone(), Arc::new(plan))].into(),
        api_keys: (0..keys).map(key).collect(),
        ..Model::default()
    };
    let facts = NodeFacts {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        cache_ttl_seconds_max: 3_600,
    };
    let snapshot = compile(&Arc::new(model), Revision(1), &facts, None, &mut Cells);
    Arc::new(snapshot.expect("the model is valid"))
}

/// The secret of a key.
pub(crate) fn key_value(number: usize) -> String {
    format!("{number:08}abcdefghijklmnopqrstuvwxyz012345")
}

fn key(number: usize) -> (KeyId, Arc<ApiKey>) {
    let id = KeyId::from(format!("key{number:07}"));
    let key = ApiKey {
        id: id.clone(),
        value: key_value(number),
        usage_plans: vec!["gold".into()],
        ..ApiKey::default()
    };
    (id, Arc::new(key))
}

fn stage() -> Stage {
    let limited = |burst_limit: u32, rate_limit| RouteSettings {
        throttling_burst_limit: Some(burst_limit),
        throttling_rate_limit: Some(rate_limit),
        ..RouteSettings::default()
    };
    let cached = RouteSettings {
        caching_enabled: Some(true),
        ..RouteSettings::default()
    };
    let wide = wide();
    Stage {
        stage_name: STAGE.into(),
        deployment_id: Some("dep001".into()),
        route_settings: [
            (
                "GET /keyed/{proxy+}".into(),
                limited(wide.burst_limit, wide.rate_limit),
            ),
            ("GET /closed".into(), limited(0, wide.rate_limit)),
            ("GET /cached/{proxy+}".into(), cached),
        ]
        .into(),
        ..Stage::default()
    }
}

fn api(id: &str, stage: Stage) -> (tollgate_protocol::ids::ApiId, Arc<Api>) {
    let http = Integration {
        integration_uri: Some("http://127.0.0.1:9000/v1/{proxy}".into()),
        ..Integration::default()
    };
    let function = |format| Integration {
        integration_type: IntegrationType::AwsProxy,
        integration_uri: Some("function:hello".into()),
        payload_format_version: format,
        ..Integration::default()
    };
    let bare = Integration {
        integration_uri: Some("http://127.0.0.1:9000".into()),
        ..Integration::default()
    };
    let mut definition = Definition::default();
    let mut add = |key: &str, api_key_required, integration: &Integration| {
        let name = format!("n{:05}", definition.routes.len());
        let route = Route {
            route_id: name.as_str().into(),
            route_key: key.into(),
            target: Some(format!("integrations/{name}")),
            api_key_required,
            ..Route::default()
        };
        definition.routes.insert(route.route_id.clone(), route);
        definition
            .integrations
            .insert(name.as_str().into(), integration.clone());
    };
    add("GET /plain/{proxy+}", false, &http);
    add("GET /keyed/{proxy+}", true, &http);
    add("GET /closed", false, &bare);
    add("GET /cached/{proxy+}", false, &http);
    add("POST /v1/items/{id}", false, &function(PayloadFormat::V1));
    add("POST /v2/items/{id}", false, &function(PayloadFormat::V2));
    for other in 0..OTHER_ROUTES {
        add(&format!("GET /other{other}/{{id}}"), false, &bare);
    }
    let definition = Arc::new(definition);
    let deployment = Deployment {
        deployment_id: "dep001".into(),
        definition: Arc::clone(&definition),
        ..Deployment::default()
    };
    let api = Api {
        api_id: id.into(),
        name: "benches".into(),
        definition,
        deployments: [("dep001".into(), Arc::new(deployment))].into(),
        stages: [(STAGE.into(), Arc::new(stage))].into(),
        ..Api::default()
    };
    (id.into(), Arc::new(api))
}

/// Makes a cell for every id: no id comes twice in one configuration.
#[derive(Debug)]
struct Cells;

impl CellSource for Cells {
    fn find(&mut self, _: &BucketId) -> Option<Arc<TokenBucket>> {
        None
    }

    fn bucket(&mut self, _id: BucketId, throttle: Throttle) -> Arc<TokenBucket> {
        Arc::new(TokenBucket::new(throttle))
    }

    fn quota(&mut self, plan: &PlanId, quota: Quota) -> Arc<dyn SlotSource> {
        let plan = plan.clone();
        Arc::new(Leased(Unleased { plan, quota }))
    }
}

/// Slots that hold tokens when they are made.
#[derive(Debug)]
struct Leased(Unleased);

impl SlotSource for Leased {
    fn slot(&self, key: &KeyId) -> Arc<QuotaSlot> {
        let slot = self.0.slot(key);
        lease(&slot, NOW);
        slot
    }
}

/// A world whose clock goes on by a microsecond when it is read.
#[derive(Clone)]
pub(crate) struct World(Rc<State>);

struct State {
    monotonic_us: Cell<u64>,
    random: Cell<u64>,
    cache: ResponseCache,
    /// What the back end is going to answer.
    responses: RefCell<Vec<Response>>,
    request_ids: RefCell<Vec<String>>,
    log_line: RefCell<Vec<u8>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self(Rc::new(State {
            monotonic_us: Cell::new(5_000_000),
            random: Cell::new(1),
            cache: ResponseCache::new(64 * 1024 * 1024),
            responses: RefCell::default(),
            request_ids: RefCell::default(),
            log_line: RefCell::new(Vec::with_capacity(4_096)),
        }))
    }

    /// Makes ready what the next requests take.
    pub(crate) fn prepare(&self, times: usize) {
        *self.0.responses.borrow_mut() = (0..times).map(|_| response()).collect();
        *self.0.request_ids.borrow_mut() =
            (0..times).map(|_| "JKJaXmPLvHcESHA=".to_owned()).collect();
    }
}

/// A response as a back end sends it, its head in one block as the client for back ends makes it.
fn response() -> Response {
    let fields = [
        ("server", "nginx/1.22.1"),
        ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ("content-type", "application/json"),
        ("content-length", "57"),
        ("connection", "keep-alive"),
        ("etag", "\"0123456789abcdef\""),
    ];
    let bytes = fields.iter().map(|(name, value)| name.len() + value.len());
    let mut headers = HeaderList::with_capacity(fields.len() + 1, bytes.sum());
    for (name, value) in fields {
        headers.append(name, value);
    }
    Response {
        status: 200,
        headers,
        body: Bytes::from_static(&[b'x'; 57]).into(),
    }
}

impl Ports for World {
    fn now_ms(&self) -> u64 {
        NOW.0
    }

    fn monotonic_us(&self) -> u64 {
        let now = self.0.monotonic_us.get() + 1;
        self.0.monotonic_us.set(now);
        now
    }

    fn request_id(&self) -> String {
        let id = self.0.request_ids.borrow_mut().pop();
        id.expect("prepared for so many")
    }

    fn random_u64(&self) -> u64 {
        let next = self.0.random.get().wrapping_mul(6_364_136_223_846_793_005) + 1;
        self.0.random.set(next);
        next
    }

    async fn connection(&self, _: tollgate_pipeline::ConnectionCall<'_>) -> Response {
        unreachable!("no stage here is of a WebSocket API")
    }

    async fn send_http(
        &self,
        _group: &str,
        request: Request,
        _timeout_ms: u64,
    ) -> Result<HttpReply, IntegrationError> {
        drop(request);
        let response = self.0.responses.borrow_mut().pop();
        Ok(HttpReply {
            response: response.expect("prepared for so many"),
            server: None,
        })
    }

    async fn invoke(
        &self,
        _function: &str,
        payload: Bytes,
        _meta: InvokeMeta<'_>,
    ) -> Result<FunctionReply, IntegrationError> {
        drop(payload);
        Ok(FunctionReply::Buffered(Bytes::from_static(
            br#"{"statusCode":200,"headers":{"content-type":"application/json","x-served-by":"hello"},"body":"{\"message\":\"hello, nut\"}"}"#,
        )))
    }

    fn sign(&self, _key: &SigningKey, _request: &mut Request, _payload: &[u8]) {}

    fn cache(&self) -> &ResponseCache {
        &self.0.cache
    }

    fn quota_low(&self, _slot: &Arc<QuotaSlot>) {}

    async fn take_elsewhere(&self, _bucket: &TokenBucket) -> Result<(), Refused> {
        Err(Refused {
            retry_after_us: 0,
            elsewhere: true,
        })
    }

    async fn quota_wait(&self, _slot: &Arc<QuotaSlot>) -> bool {
        false
    }

    fn finish(&self, finished: &Finished) {
        let stage = finished.record.stage.as_ref();
        if let Some(log) = stage.and_then(|stage| stage.access_log.as_ref()) {
            let mut line = self.0.log_line.borrow_mut();
            line.clear();
            access_log::render(log, finished, &mut line);
        }
    }

    fn exec_log(&self, _stage: &StagePlan, _request_id: &str, _line: &str) {}
}
