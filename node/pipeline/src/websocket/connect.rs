//! The handshake: held until `$connect` is answered (reference 6.1). What that answers with 2xx
//! opens the connection, anything else goes to the client instead.
//!
//! The connection has its id, and its place on the node, from before `$connect` is asked: what a
//! back end sends to it meanwhile waits for the outcome.

use std::sync::Arc;

use bytes::Bytes;
use tollgate_config::snapshot::{RoutePlan, Snapshot, SocketRoute};
use tollgate_message::{Body, HeaderList, Response};

use super::integrate::{self, Answer, Ask};
use super::{HandshakeRefusal, Opening, Socket, SocketEvent, SocketEventKind, select};
use crate::address::Address;
use crate::admit;
use crate::client::ClientInfo;
use crate::exec_log::ExecLog;
use crate::fault::{Fault, FaultKind};
use crate::finished::{Head, Record};
use crate::forwarded::{Source, Told};
use crate::hop;
use crate::mapping::{self, MappedBody};
use crate::ports::{IntegrationError, IntegrationErrorKind, Ports};
use crate::trace::Trace;

/// A request to a stage of a WebSocket API.
pub(crate) struct Handshake<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) address: &'a Address<'a>,
    pub(crate) client: &'a ClientInfo,
    pub(crate) head: &'a Head,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderList,
    pub(crate) source: &'a Source,
    pub(crate) trace: Trace,
}

/// A place on the node that goes back unless the connection opens: also when the client leaves
/// while `$connect` is asked.
struct Place<'a, P: Ports> {
    ports: &'a P,
    connection_id: Arc<str>,
    open: bool,
}

impl<P: Ports> Drop for Place<'_, P> {
    fn drop(&mut self) {
        if !self.open {
            self.ports.release_socket(&self.connection_id);
        }
    }
}

/// Answers a handshake: with the connection, or with why there is none.
pub(crate) async fn connect<P: Ports>(
    ports: &P,
    ask: Handshake<'_>,
    record: &mut Record,
) -> Response {
    match opened(ports, &ask, record).await {
        Ok(response) => response,
        Err(fault) => {
            let upgrade = fault.kind == FaultKind::UpgradeRequired;
            let mut response = fault.respond(record);
            if upgrade {
                response.headers.append("upgrade", "websocket");
                response.headers.append("connection", "upgrade");
                response.headers.append("sec-websocket-version", "13");
            }
            response
        }
    }
}

async fn opened<P: Ports>(
    ports: &P,
    ask: &Handshake<'_>,
    record: &mut Record,
) -> Result<Response, Fault> {
    if ask.address.path != "/" {
        return Err(Fault::new(
            FaultKind::NotFound,
            "a WebSocket API is connected to at its stage and nowhere below",
        ));
    }
    let stage = ask.address.stage;
    let reserved = ports.reserve_socket(ask.head, ask.headers, (&stage.api_id, &stage.name));
    let mut place = Place {
        ports,
        connection_id: reserved.map_err(refused)?,
        open: false,
    };
    record.socket = Some(Arc::new(SocketEvent {
        kind: SocketEventKind::Connect,
        connection_id: Arc::clone(&place.connection_id),
        connected_at_ms: ask.head.received_ms,
        message_id: None,
        ended: None,
    }));
    let answer = match select::own_route(stage, "$connect") {
        None => None,
        Some(route) => {
            record.route = Some(Arc::clone(route));
            asked(ports, ask, route, record).await?
        }
    };
    let subprotocol = match answer {
        None => None,
        Some(answer) if (200..300).contains(&answer.status) => chosen(&answer, ask.headers),
        Some(answer) => return Ok(passed_on(answer)),
    };
    let socket = Socket {
        connection_id: Arc::clone(&place.connection_id),
        api_id: Arc::clone(&stage.api_id),
        stage: Arc::clone(&stage.name),
        connected_at_ms: ask.head.received_ms,
        source_ip: Arc::clone(&ask.head.source_ip),
        user_agent: ask.headers.get_str("user-agent").map(Into::into),
        domain: ask.head.domain.as_str().into(),
        key: record
            .key
            .is_some()
            .then(|| admit::digest_of(ask.headers))
            .flatten()
            .map(Box::new),
    };
    let opening = Opening {
        socket,
        subprotocol,
    };
    let response = ports.open_socket(opening, ask.headers);
    place.open = response.status == 101;
    Ok(response)
}

fn refused(why: HandshakeRefusal) -> Fault {
    match why {
        HandshakeRefusal::NotOne => Fault::new(
            FaultKind::UpgradeRequired,
            "the request is no WebSocket handshake of version 13",
        ),
        HandshakeRefusal::Malformed => Fault::new(
            FaultKind::BadRequest,
            "the WebSocket handshake is malformed",
        ),
        HandshakeRefusal::Full => Fault::new(
            FaultKind::SocketsFull,
            "the node holds as many WebSocket connections as it may",
        ),
    }
}

/// What `$connect` answers; `None` where nothing answers it.
async fn asked<P: Ports>(
    ports: &P,
    ask: &Handshake<'_>,
    route: &Arc<RoutePlan>,
    record: &mut Record,
) -> Result<Option<Answer>, Fault> {
    let stage = ask.address.stage;
    let missing = || Fault::new(FaultKind::Configuration, "a route of another protocol");
    let plan = route.socket.as_ref().ok_or_else(missing)?;
    crate::serve::authorize(route)?;
    let in_header = stage.sockets.as_ref().is_some_and(|it| it.key_in_header);
    if route.api_key_required && !in_header {
        let detail = "API keys that an authorizer names are not judged by this release";
        return Err(Fault::new(FaultKind::AuthorizerConfiguration, detail));
    }
    admit::check(ports, &ask.snapshot.keys, stage, route, ask.headers, record).await?;
    carries(plan, ask)?;
    if plan.opens {
        return Ok(None);
    }
    let log = ExecLog::new(ports, stage, route, &ask.head.request_id);
    log.starting(ask.head, route, ask.query);
    log.request(ask.headers, &Body::Empty);
    let headers = shown(ask);
    let event = record.socket.clone().ok_or_else(missing)?;
    let inner = Ask {
        ports,
        head: ask.head,
        route,
        socket: plan,
        event: &event,
        headers: Some(&headers),
        query: ask.query,
        message: None,
        body: &MappedBody::new(Bytes::new()),
        trace: ask.trace,
        log,
    };
    let answer = integrate::call(&inner, record).await?;
    match answer.error {
        None => Ok(Some(answer)),
        // Where no proxy is, a function that throws has answered, and with a status that it did
        // not give: its refusal must not open.
        Some(mut said) => {
            said.truncate(said.floor_char_boundary(integrate::ERROR_BYTES_KEPT));
            let error = IntegrationError::new(IntegrationErrorKind::Function, said);
            Err(Fault::integration(error, record))
        }
    }
}

/// Whether the handshake carries what the route requires.
fn carries(plan: &SocketRoute, ask: &Handshake<'_>) -> Result<(), Fault> {
    let side = mapping::RequestSide {
        headers: ask.headers,
        query: ask.query,
        path: "/",
        params: &[],
        body: None,
    };
    for wanted in &plan.required {
        if !mapping::carries(wanted, &side) {
            let detail = format!("the handshake lacks {wanted:?}");
            return Err(Fault::new(FaultKind::BadRequest, detail));
        }
    }
    Ok(())
}

/// The handshake's fields as the event shows them: what is about this connection only goes, what
/// tells of the way comes.
fn shown(ask: &Handshake<'_>) -> HeaderList {
    let told = Told::new(ask.client, ask.source, ask.headers);
    let mut headers = ask.headers.clone();
    headers.remove_if(|name, _| {
        hop::is_hop_by_hop(name) || name == "x-amzn-trace-id" || told.replaces(name)
    });
    told.append_x(&mut headers);
    headers.append("x-amzn-trace-id", ask.trace.xray());
    headers
}

/// The subprotocol that the integration chose, if the client offered it: another one would make
/// clients end the connection (RFC 6455, section 4.1).
fn chosen(answer: &Answer, handshake: &HeaderList) -> Option<String> {
    let chosen = answer.headers.get_str("sec-websocket-protocol")?.trim();
    let mut offered = handshake
        .get_all("sec-websocket-protocol")
        .flat_map(|value| value.split(|byte| *byte == b','));
    offered
        .any(|it| it.trim_ascii() == chosen.as_bytes())
        .then(|| chosen.to_owned())
}

/// A refusal of the integration's as the client gets it: status, body and what describes the body.
fn passed_on(answer: Answer) -> Response {
    let mut response = Response::new(answer.status).with_body(Body::from(answer.data));
    for name in [
        "content-type",
        "www-authenticate",
        "retry-after",
        "location",
    ] {
        for value in answer.headers.get_all(name) {
            response.headers.append(name, value);
        }
    }
    response
}
