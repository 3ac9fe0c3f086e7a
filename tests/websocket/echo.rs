//! The listeners of a node in this process, with sessions that send back what they are sent. The
//! path says by which limits.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tollgate_edge::{
    ConnInfo, Edge, EdgeConfig, EdgeHandle, EdgeLimits, ListenerConfig, Observation, Service, bind,
};
use tollgate_message::{Body, Request, Response, Upgrade};
use tollgate_websocket::{Deflate, Limits, Local, Outgoing, Sender, Session, accept, channel};

/// Payload bytes of a frame and of a message under `/small`.
pub(crate) const SMALL: (u64, usize) = (1_000, 4_000);
/// The subprotocol that is agreed to when it is offered.
pub(crate) const PROTOCOL: &str = "tollgate.test";

/// A server that ends with the value.
pub(crate) struct Echo {
    address: SocketAddr,
    edge: EdgeHandle,
}

impl Echo {
    pub(crate) fn start() -> Self {
        Self::start_with(EdgeLimits::default())
    }

    pub(crate) fn start_with(limits: EdgeLimits) -> Self {
        let sockets = bind("127.0.0.1:0".parse().expect("a server"), 2).expect("a server");
        let address = sockets.local_addr();
        let config = EdgeConfig {
            listeners: vec![ListenerConfig {
                sockets,
                tls: None,
                proxy_protocol: None,
            }],
            workers: 2,
            limits,
        };
        let edge = Edge::start(config, |_| EchoService {
            local: Local::with_tick(Duration::from_millis(20)),
        });
        Self {
            address,
            edge: edge.expect("a server"),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn observe(&self) -> Observation {
        self.edge.observe()
    }
}

struct EchoService {
    local: Rc<Local>,
}

impl Service for EchoService {
    async fn call(&self, request: Request, _: &Rc<ConnInfo>) -> Response {
        let offer = match accept(&request) {
            Ok(offer) => offer,
            Err(refusal) => return refusal.response(),
        };
        let limits = Rc::new(limits(&request.path));
        let agreed = offer.agree(Some(PROTOCOL), request.path != "/plain");
        let (sender, receiver) = channel(&limits);
        let local = Rc::clone(&self.local);
        let upgrade = Upgrade::new(move |upgraded| async move {
            let session = Session::new(upgraded, receiver, limits, agreed.deflate, &local);
            session
                .run(|message| {
                    let answer = Outgoing::new(message.kind, &message.payload);
                    send(&sender, answer);
                    None
                })
                .await;
        });
        Response {
            status: 101,
            headers: agreed.headers,
            body: Body::Upgrade(upgrade),
        }
    }
}

fn send(sender: &Sender, mut answer: Outgoing) {
    if sender.deflates() {
        answer = answer.deflate(&mut Deflate::new());
    }
    // A client that does not read loses answers here; those of a back end would be told.
    sender.try_send(&answer);
}

fn limits(path: &str) -> Limits {
    let defaults = Limits {
        close_ms: 2_000,
        ..Limits::default()
    };
    match path {
        "/small" => Limits {
            frame_bytes_max: SMALL.0,
            message_bytes_max: SMALL.1,
            ..defaults
        },
        "/text" => Limits {
            binary: false,
            ..defaults
        },
        "/large" => Limits {
            frame_bytes_max: 16 << 20,
            message_bytes_max: 16 << 20,
            queue_bytes_max: 32 << 20,
            ..defaults
        },
        "/impatient" => Limits {
            blocked_ms: 500,
            close_ms: 200,
            ping_ms: Some(200),
            pong_ms: 300,
            ..defaults
        },
        _ => defaults,
    }
}
