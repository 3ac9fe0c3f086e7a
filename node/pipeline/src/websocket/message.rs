//! A message of an open connection: its route, the limits, the integration, what goes back.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tollgate_config::snapshot::{Snapshot, SocketRoute};

use super::integrate::{self, Ask};
use super::{Message, Socket, SocketEvent, SocketEventKind, answer, begin, select};
use crate::admit;
use crate::exec_log::ExecLog;
use crate::fault::{Fault, FaultKind};
use crate::finished::{Completion, Finished};
use crate::mapping::MappedBody;
use crate::ports::Ports;
use crate::trace::Trace;

/// Serves a message; what is to be sent back over the connection, if anything is.
pub async fn message<P: Ports>(
    ports: &P,
    snapshot: &Snapshot,
    socket: &Socket,
    message: Message,
) -> Option<Message> {
    let request_id = ports.request_id();
    let event = SocketEvent {
        kind: SocketEventKind::Message,
        connection_id: Arc::clone(&socket.connection_id),
        connected_at_ms: socket.connected_at_ms,
        message_id: Some(request_id),
        ended: None,
    };
    let (mut guard, trace) = begin(ports, snapshot, socket, event);
    let finished = &mut guard.finished;
    finished.record.request_bytes = message.data.len() as u64;
    let answered = serve(ports, snapshot, socket, finished, (message, trace)).await;
    let record = &mut finished.record;
    record.completion = Completion::Complete;
    record.head_latency_us = ports
        .monotonic_us()
        .saturating_sub(finished.head.started_us);
    let reply = match answered {
        Ok(reply) => {
            record.status = 200;
            reply
        }
        Err(fault) => {
            let id = &socket.connection_id;
            Some(answer::error(fault, id, &finished.head, record))
        }
    };
    record.response_bytes = reply.as_ref().map_or(0, |it| it.data.len() as u64);
    reply
}

async fn serve<P: Ports>(
    ports: &P,
    snapshot: &Snapshot,
    socket: &Socket,
    finished: &mut Finished,
    (message, trace): (Message, Trace),
) -> Result<Option<Message>, Fault> {
    let Finished { head, record } = finished;
    let gone = || Fault::new(FaultKind::Configuration, "the stage was removed");
    let stage = record.stage.clone().ok_or_else(gone)?;
    let body = MappedBody::new(message.data.clone());
    let none = || Fault::new(FaultKind::NotFound, "no route is for the message");
    let route = select::route(&stage, &body).ok_or_else(none)?;
    record.route = Some(Arc::clone(route));
    let missing = || Fault::new(FaultKind::Configuration, "a route of another protocol");
    let plan = route.socket.as_ref().ok_or_else(missing)?;
    crate::serve::authorize(route)?;
    let key = socket.key.as_deref();
    admit::check_message(ports, &snapshot.keys, &stage, route, key, record).await?;
    let (message, body) = encoded(plan, message, body);
    let log = ExecLog::new(ports, &stage, route, &head.request_id);
    log.starting(head, route, None);
    let event = record.socket.clone().ok_or_else(missing)?;
    let ask = Ask {
        ports,
        head,
        route,
        socket: plan,
        event: &event,
        headers: None,
        query: None,
        message: Some(message),
        body: &body,
        trace,
        log,
    };
    let answered = integrate::call(&ask, record).await;
    answered.and_then(|answer| answer::of(&ask, answer, record))
}

/// The message as its integration gets it: bytes as base64, where the integration says so.
fn encoded(plan: &SocketRoute, message: Message, body: MappedBody) -> (Message, MappedBody) {
    if !plan.encodes || !message.binary {
        return (message, body);
    }
    let data = Bytes::from(STANDARD.encode(&message.data));
    let body = MappedBody::new(data.clone());
    let binary = false;
    (Message { data, binary }, body)
}
