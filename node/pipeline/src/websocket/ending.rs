//! The end of a connection: `$disconnect` is told, and nobody waits for what it says.

use std::sync::Arc;

use tollgate_config::snapshot::Snapshot;

use super::integrate::{self, Ask};
use super::{Ended, Socket, SocketEvent, SocketEventKind, begin, select};
use crate::exec_log::ExecLog;
use crate::fault::{Fault, FaultKind};
use crate::finished::{Completion, Finished};
use crate::mapping::MappedBody;
use crate::ports::Ports;
use crate::trace::Trace;

/// Tells the integration of `$disconnect`, where there is one, how a connection ended.
///
/// It is told also when its limits are used up: what a back end keeps of a connection would stay
/// for ever otherwise.
pub async fn disconnect<P: Ports>(ports: &P, snapshot: &Snapshot, socket: &Socket, ended: Ended) {
    let event = SocketEvent {
        kind: SocketEventKind::Disconnect,
        connection_id: Arc::clone(&socket.connection_id),
        connected_at_ms: socket.connected_at_ms,
        message_id: None,
        ended: Some(ended),
    };
    let (mut guard, trace) = begin(ports, snapshot, socket, event);
    let finished = &mut guard.finished;
    let told = tell(ports, finished, trace).await;
    let record = &mut finished.record;
    record.completion = Completion::Complete;
    record.head_latency_us = ports
        .monotonic_us()
        .saturating_sub(finished.head.started_us);
    record.status = 200;
    if let Err(fault) = told {
        record.status = fault.kind.status();
        record.fault = Some(fault.kind);
        record.error_message = Some(fault.detail);
    }
}

async fn tell<P: Ports>(ports: &P, finished: &mut Finished, trace: Trace) -> Result<(), Fault> {
    let Finished { head, record } = finished;
    let Some(stage) = record.stage.clone() else {
        return Ok(());
    };
    let Some(route) = select::own_route(&stage, "$disconnect") else {
        return Ok(());
    };
    record.route = Some(Arc::clone(route));
    let missing = || Fault::new(FaultKind::Configuration, "a route of another protocol");
    let plan = route.socket.as_ref().ok_or_else(missing)?;
    let log = ExecLog::new(ports, &stage, route, &head.request_id);
    log.starting(head, route, None);
    let event = record.socket.clone().ok_or_else(missing)?;
    let mut headers = tollgate_message::HeaderList::new();
    headers.append("host", &head.domain);
    let ask = Ask {
        ports,
        head,
        route,
        socket: plan,
        event: &event,
        headers: Some(&headers),
        query: None,
        message: None,
        body: &MappedBody::new(bytes::Bytes::new()),
        trace,
        log,
    };
    let answered = integrate::call(&ask, record).await;
    answered.map(drop)
}
