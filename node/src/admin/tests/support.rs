//! A listener with everything behind it, and raw signed requests to it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_aws::Secret;
use tollgate_aws::sigv4::{Payload, RequestView, Signer, SigningCredentials};
use tollgate_cluster::{Door, Peering, autopilot};
use tollgate_config::compile::CompileError;
use tollgate_model::{Change, Model, Throttle};
use tollgate_protocol::ids::{KeyId, PlanId, Revision};
use tollgate_protocol::{Clock, Millis, Rate};
use tollgate_state::Addresses;
use tollgate_store::Identity;

use crate::admin::{
    AdminServer, AdminState, Backups, Endpoints, KeyHolders, Pace, Runtime, Turns, start,
};
use crate::clock::SystemClock;
use crate::connections::{self, Address, Connection, Connections};
use crate::credentials::RootKey;
use crate::iam::{Identities, RootSource};

pub(crate) const ACCESS_KEY: &str = "AKIATESTADMIN0000001";
pub(crate) const SECRET_KEY: &str = "a-secret-of-the-admin-tests-000000000001";

/// How long an answer is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// What the listener asked of the node around it.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// Revisions that were waited for.
    pub(crate) waited: Mutex<Vec<u64>>,
    /// The cache flushes asked for.
    pub(crate) flushed: Mutex<Vec<String>>,
    /// Levels set.
    pub(crate) levels: Mutex<Vec<String>>,
    /// Keys whose quota was asked for.
    pub(crate) asked: Mutex<Vec<String>>,
    /// Who asked that the node leaves.
    pub(crate) left: Mutex<Vec<String>>,
    /// How often usage was reported.
    pub(crate) reported: AtomicU64,
}

impl Runtime for Played {
    fn functions(&self) -> Value {
        json!([{"name": "hello", "idle": 1, "busy": 0, "initError": null}])
    }

    fn upstreams(&self) -> Value {
        json!([{"name": "pool", "servers": [{"server": "10.0.0.1:80", "condition": "healthy"}]}])
    }

    fn flush_cache(&self, api: Option<&str>, stage: Option<&str>) -> u64 {
        self.flushed
            .lock()
            .unwrap()
            .push(format!("{api:?} {stage:?}"));
        3
    }

    fn set_log_level(&self, level: &str) -> Result<(), String> {
        self.levels.lock().unwrap().push(level.to_owned());
        Ok(())
    }

    fn served_revision(&self) -> Revision {
        Revision(self.waited.lock().unwrap().last().copied().unwrap_or(0))
    }

    fn wait_served(&self, revision: Revision, _: Duration) -> BoxFuture<'_, bool> {
        self.waited.lock().unwrap().push(revision.0);
        Box::pin(async { true })
    }

    fn report_usage(&self, _: Option<(PlanId, KeyId)>) -> BoxFuture<'_, ()> {
        self.reported.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
    }

    fn ask_quota(&self, plan: &PlanId, key: &KeyId) -> BoxFuture<'_, ()> {
        self.asked.lock().unwrap().push(format!("{plan} {key}"));
        Box::pin(async {})
    }

    fn activity(&self) -> Value {
        json!({"connections": 2, "requestsInFlight": 1, "quotaHeld": 10})
    }

    fn leave(&self, who: &str) {
        self.left.lock().unwrap().push(who.to_owned());
    }

    fn key_holders<'m>(&self, model: &'m Model) -> KeyHolders<'m> {
        Box::new(|value| {
            let mut keys = model.api_keys.values();
            let found = keys.find(|key| key.value == value);
            found.map(|key| key.id.clone())
        })
    }

    fn check(&self, model: &Arc<Model>, _: &[Change]) -> Result<(), Vec<CompileError>> {
        if model.apis.values().any(|api| api.name == "unservable") {
            return Err(vec![CompileError {
                path: "apis.unservable".into(),
                reason: "it cannot be served".into(),
            }]);
        }
        Ok(())
    }
}

/// The one open connection, of `chat/prod`, and what was sent to it.
#[derive(Debug, Default)]
pub(crate) struct OneConnection {
    sent: Mutex<Vec<u8>>,
    closed: AtomicBool,
}

/// Its id, which has to be escaped in a path.
pub(crate) const CONNECTION_ID: &str = "L0SM9/OFvHcCIhw=";

impl OneConnection {
    fn found(&self, at: Address<'_>) -> Result<(), connections::Error> {
        let there = (at.api_id, at.stage) == ("chat", "prod");
        let open = !self.closed.load(Ordering::SeqCst);
        let known = there && open && at.connection_id == CONNECTION_ID;
        known.then_some(()).ok_or(connections::Error::Gone)
    }
}

impl Connections for OneConnection {
    fn get<'a>(&'a self, at: Address<'a>) -> BoxFuture<'a, Result<Connection, connections::Error>> {
        Box::pin(async move {
            self.found(at)?;
            let sent = self.sent.lock().unwrap();
            Ok(Connection {
                connected_at_ms: 1_583_348_638_390,
                last_active_at_ms: 1_583_348_639_000,
                source_ip: "10.0.0.9".into(),
                user_agent: String::from_utf8_lossy(&sent).into_owned(),
            })
        })
    }

    fn send<'a>(
        &'a self,
        at: Address<'a>,
        data: &'a [u8],
    ) -> BoxFuture<'a, Result<(), connections::Error>> {
        Box::pin(async move {
            self.found(at)?;
            if data == b"flood" {
                return Err(connections::Error::Busy);
            }
            self.sent.lock().unwrap().extend(data);
            Ok(())
        })
    }

    fn close<'a>(&'a self, at: Address<'a>) -> BoxFuture<'a, Result<(), connections::Error>> {
        Box::pin(async move {
            self.found(at)?;
            self.closed.store(true, Ordering::SeqCst);
            Ok(())
        })
    }
}

/// A running listener.
pub(crate) struct Admin {
    pub(crate) address: SocketAddr,
    pub(crate) played: Arc<Played>,
    pub(crate) door: Door,
    server: Option<AdminServer>,
    background: Option<tokio::runtime::Runtime>,
    pub(crate) dir: TempDir,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The whole head, names in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn error(&self) -> &str {
        let mut lines = self.head.lines();
        lines
            .find_map(|line| line.strip_prefix("x-amzn-errortype: "))
            .unwrap_or_else(|| panic!("no error: {self:?}"))
    }
}

impl Admin {
    pub(crate) fn start() -> Self {
        Self::start_with(false)
    }

    pub(crate) fn start_with(anonymous_loopback: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let first = || Identity::first("c".repeat(32), Millis(1));
        let peering = Peering {
            listener: None,
            name: "one".into(),
            addresses: Addresses::default(),
            secrets: Arc::default(),
        };
        let settings = autopilot::Settings::default();
        let opened =
            Door::open_among(dir.path(), Arc::clone(&clock), first, peering, settings).unwrap();
        let played = Arc::new(Played::default());
        let runtime: Arc<dyn Runtime> = Arc::<Played>::clone(&played);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let door = opened.door;
        let background = tokio::runtime::Runtime::new().unwrap();
        let identities = {
            let _entered = background.enter();
            let root = RootSource {
                key: RootKey {
                    access_key_id: ACCESS_KEY.into(),
                    secret_access_key: SECRET_KEY.into(),
                },
                dir: Some(dir.path().to_owned()),
            };
            Identities::start(&door, root, "000000000000")
        };
        let state = AdminState {
            door: door.clone(),
            identities,
            seed: Secret::new("what names are derived with"),
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
            endpoints: Endpoints {
                tls: false,
                suffix: "localhost".into(),
                port: Some(8080),
            },
            clock,
            runtime,
            connections: Arc::new(OneConnection::default()),
            turns: Turns::default(),
            backups: Backups::default(),
            pace: Pace::new(Throttle {
                rate_limit: Rate::MAX,
                burst_limit: u32::MAX,
            }),
            auditor: None,
            anonymous_loopback,
        };
        let server = start(listener, state).unwrap();
        Self {
            address,
            played,
            door,
            server: Some(server),
            background: Some(background),
            dir,
        }
    }

    /// A signed request.
    pub(crate) fn send(&self, method: &str, target: &str, body: &str) -> Reply {
        self.send_as(method, target, &[], body, ACCESS_KEY, SECRET_KEY)
    }

    /// A signed request with more headers, as another administrator.
    pub(crate) fn send_as(
        &self,
        method: &str,
        target: &str,
        more: &[(&str, &str)],
        body: &str,
        access_key: &str,
        secret: &str,
    ) -> Reply {
        let signer = signer(access_key, secret);
        let host = self.address.to_string();
        let mut headers: Vec<(&str, &str)> = vec![("host", &host)];
        headers.extend(more);
        let signed = sign(&signer, method, target, &headers, body);
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        self.raw(method, target, &headers, body)
    }

    /// A request that is signed for another service than the management ones.
    pub(crate) fn send_for(&self, service: &str, method: &str, target: &str, body: &str) -> Reply {
        self.send_for_by((ACCESS_KEY, SECRET_KEY), service, method, target, body)
    }

    /// [`Admin::send_for`] by a user: his access key and its secret.
    pub(crate) fn send_for_by(
        &self,
        (id, secret): (&str, &str),
        service: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> Reply {
        let signer = signer_for(service, id, secret);
        let host = self.address.to_string();
        let mut headers: Vec<(&str, &str)> = vec![("host", &host)];
        let signed = sign(&signer, method, target, &headers, body);
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        self.raw(method, target, &headers, body)
    }

    /// A signed request that declares the hash of its body.
    pub(crate) fn send_declared(&self, method: &str, target: &str, body: &str) -> Reply {
        self.declared(method, target, body, body)
    }

    /// A request that was signed with the declared hash of another body.
    pub(crate) fn send_lying(&self, method: &str, target: &str, body: &str) -> Reply {
        self.declared(method, target, "{}", body)
    }

    fn declared(&self, method: &str, target: &str, signed: &str, sent: &str) -> Reply {
        let signer = signer(ACCESS_KEY, SECRET_KEY).declaring_body();
        let host = self.address.to_string();
        let mut headers: Vec<(&str, &str)> = vec![("host", &host)];
        let signed = sign(&signer, method, target, &headers, signed);
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        self.raw(method, target, &headers, sent)
    }

    /// The head of a request by a known access key, signed with another secret, which ends with
    /// the header lines `framing`.
    pub(crate) fn unproven_head(&self, method: &str, target: &str, framing: &str) -> String {
        self.head_signed_with("another secret", method, target, framing)
    }

    /// The same, signed as it should be.
    pub(crate) fn proven_head(&self, method: &str, target: &str, framing: &str) -> String {
        self.head_signed_with(SECRET_KEY, method, target, framing)
    }

    fn head_signed_with(&self, secret: &str, method: &str, target: &str, framing: &str) -> String {
        let signer = signer(ACCESS_KEY, secret);
        let host = self.address.to_string();
        let signed = sign(&signer, method, target, &[("host", &host)], "");
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in signed {
            text += &format!("{name}: {value}\r\n");
        }
        text + framing + "\r\n"
    }

    /// A request as it stands.
    pub(crate) fn raw(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let length = format!("content-length: {}\r\n\r\n{body}", body.len());
        self.exchange(method, target, headers, &length)
    }

    /// A request's head with this last line, and nothing behind it.
    pub(crate) fn raw_head(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        last: &str,
    ) -> Reply {
        self.exchange(method, target, headers, &format!("{last}\r\n\r\n"))
    }

    fn exchange(&self, method: &str, target: &str, headers: &[(&str, &str)], rest: &str) -> Reply {
        let mut text = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += rest;
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        // A refused body may meet a closed socket; what matters is the answer.
        drop(socket.write_all(text.as_bytes()));
        let mut answer = Vec::new();
        drop(socket.read_to_end(&mut answer));
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {answer:?}"));
        Reply {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: lower_names(head),
            body: body.to_owned(),
        }
    }

    /// Waits until the data directory holds this root key.
    pub(crate) fn wait_for_root_file(&self, id: &str) {
        let deadline = std::time::Instant::now() + DEADLINE;
        loop {
            let kept = crate::credentials::load(self.dir.path()).unwrap();
            let kept = kept.map(|key| key.access_key_id);
            if kept.as_deref() == Some(id) {
                return;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "{kept:?} instead of {id}"
            );
            std::thread::yield_now();
        }
    }

    /// The number of the committed configuration.
    pub(crate) fn revision(&self) -> u64 {
        self.door.published().borrow().revision.0
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        if let Some(server) = self.server.take() {
            runtime.block_on(server.stop()).unwrap();
        }
        runtime.block_on(self.door.close());
        if let Some(background) = self.background.take() {
            background.shutdown_background();
        }
    }
}

/// A head with its names in lower case.
fn lower_names(head: &str) -> String {
    let lines = head.split("\r\n").map(|line| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn signer(access_key: &str, secret: &str) -> Signer {
    signer_for("apigateway", access_key, secret)
}

fn signer_for(service: &str, access_key: &str, secret: &str) -> Signer {
    let credentials = SigningCredentials {
        access_key: access_key.into(),
        secret: Secret::new(secret),
        session_token: None,
    };
    Signer::new(credentials, "us-east-1", service)
}

fn sign(
    signer: &Signer,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Vec<(&'static str, String)> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let view = RequestView {
        method,
        path,
        query,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes())),
    };
    let now = SystemClock::start().now().0;
    signer
        .sign(&view, Payload::Bytes(body.as_bytes()), now)
        .unwrap()
}
