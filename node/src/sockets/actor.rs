//! One connection's life on its worker: an actor that is started by the handshake, serves each
//! message and tells the end.
//!
//! The actor is a shell: frames are the session's, what a message leads to is the pipeline's, and
//! what others send goes into the connection's queue and never through a mailbox. What it adds is
//! that a message is served to its end when its client leaves in the midst of it: the work is the
//! actor's and not the socket's.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr, Context, Handler, ResponseFuture};
use tollgate_message::{Body, HeaderList, Request, Response, Upgrade, Upgraded};
use tollgate_pipeline::{Ended, HandshakeRefusal, Head, Message, Opening, Socket};
use tollgate_websocket::{
    Closed, Kind, Limits, Local, Outgoing, Receiver, Refusal, Sender, Sent, Session, accept, code,
};

use super::places::Known;
use super::{ConnectionId, Places, Tally};
use crate::worker::NodePorts;

/// The reason in the close frame of a client that does not take its answers.
const TOO_SLOW: &str = "too slow";

/// Opens the connections of one worker.
pub struct Opener {
    places: Arc<Places>,
    local: Rc<Local>,
    limits: Rc<Limits>,
    compression: bool,
    tally: Tally,
}

impl Opener {
    /// On the thread of the worker, in its runtime.
    pub(crate) fn new(places: &Arc<Places>, compression: bool, tally: Tally) -> Self {
        Self {
            local: Local::new(),
            limits: Rc::new(places.limits().clone()),
            places: Arc::clone(places),
            compression,
            tally,
        }
    }

    /// A place for the connection of this handshake.
    pub(crate) fn reserve(
        &self,
        head: &Head,
        headers: &HeaderList,
        (api_id, stage): (&Arc<str>, &Arc<str>),
    ) -> Result<Arc<str>, HandshakeRefusal> {
        let asked = handshake(head.version, &head.method, headers);
        accept(&asked).map_err(|why| match why {
            Refusal::NotUpgrade | Refusal::Version => HandshakeRefusal::NotOne,
            Refusal::Key | Refusal::Protocols => HandshakeRefusal::Malformed,
        })?;
        let known = Known {
            api_id: Arc::clone(api_id),
            stage: Arc::clone(stage),
            connected_at_ms: head.received_ms,
            source_ip: Arc::clone(&head.source_ip),
            user_agent: headers.get_str("user-agent").unwrap_or_default().into(),
        };
        let id = self.places.reserve(known).ok_or(HandshakeRefusal::Full)?;
        Ok(id.into())
    }

    /// A reserved place that is not needed.
    pub(crate) fn release(&self, connection_id: &str) {
        if let Some(id) = self.places.read(connection_id) {
            self.places.release(&id);
        }
    }

    /// The rest of the handshake, with what serves the connection behind it.
    pub(crate) fn open(
        &self,
        ports: &NodePorts,
        opening: Opening,
        headers: &HeaderList,
    ) -> Response {
        let Opening {
            socket,
            subprotocol,
        } = opening;
        let asked = handshake(
            tollgate_message::Version::Http11,
            &tollgate_message::Method::Get,
            headers,
        );
        let found = self.places.read(&socket.connection_id);
        let opened = found.and_then(|id| Some((id, self.places.open(&id)?)));
        // It was reserved by the same handshake a moment ago.
        let (Some((id, (held, receiver))), Ok(offer)) = (opened, accept(&asked)) else {
            return Response::new(500);
        };
        let agreed = offer.agree(subprotocol.as_deref(), self.compression);
        let life = Life {
            taken: Taken {
                places: Arc::clone(&self.places),
                id,
            },
            ports: ports.clone(),
            socket: Rc::new(socket),
            sender: held.sender,
            receiver,
            limits: Rc::clone(&self.limits),
            local: Rc::clone(&self.local),
            deflate: agreed.deflate,
            tally: self.tally.clone(),
        };
        Response {
            status: 101,
            headers: agreed.headers,
            body: Body::Upgrade(Upgrade::new(move |upgraded| life.run(upgraded))),
        }
    }
}

/// The parts of a request that a handshake is made of.
fn handshake(
    version: tollgate_message::Version,
    method: &tollgate_message::Method,
    headers: &HeaderList,
) -> Request {
    Request {
        method: method.clone(),
        version,
        headers: headers.clone(),
        ..Request::default()
    }
}

/// A place that is free again when this is dropped, whichever way the connection ends.
struct Taken {
    places: Arc<Places>,
    id: ConnectionId,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.places.release(&self.id);
    }
}

/// What a connection is made of once its handshake is written.
struct Life {
    taken: Taken,
    ports: NodePorts,
    socket: Rc<Socket>,
    sender: Sender,
    receiver: Receiver,
    limits: Rc<Limits>,
    local: Rc<Local>,
    deflate: bool,
    tally: Tally,
}

impl Life {
    async fn run(self, upgraded: Upgraded) {
        let actor = ConnectionActor {
            ports: self.ports,
            socket: self.socket,
        }
        .start();
        let session = Session::new(
            upgraded,
            self.receiver,
            self.limits,
            self.deflate,
            &self.local,
        );
        let (talking, sender, tally) = (actor.clone(), self.sender, self.tally.clone());
        let closed = session
            .run(move |message| {
                let said = Message {
                    data: message.payload,
                    binary: message.kind == Kind::Binary,
                };
                let (actor, sender, tally) = (talking.clone(), sender.clone(), tally.clone());
                Some(Box::pin(serve(actor, sender, tally, said)))
            })
            .await;
        // From now on it is gone, also to those who are told of the end.
        drop(self.taken);
        self.tally.closed(&closed);
        // The actor is there until its last message is served, and ends with its last address.
        actor.send(Over(closed)).await.ok();
    }
}

/// Has a message served and queues what comes of it. Nothing more is read meanwhile, so a client
/// that sends faster than it is served waits.
async fn serve(actor: Addr<ConnectionActor>, sender: Sender, tally: Tally, said: Message) {
    let Ok(Some(reply)) = actor.send(Said(said)).await else {
        return;
    };
    let kind = match reply.binary {
        true => Kind::Binary,
        false => Kind::Text,
    };
    if sender.try_send(&Outgoing::new(kind, &reply.data)) == Sent::Full {
        // An answer is not dropped in silence: who does not take its answers is closed.
        tally.slow();
        sender.close(code::POLICY, TOO_SLOW);
    }
}

/// A connection's life as the pipeline sees it.
struct ConnectionActor {
    ports: NodePorts,
    socket: Rc<Socket>,
}

impl Actor for ConnectionActor {
    type Context = Context<Self>;
}

/// The client said something.
#[derive(actix::Message)]
#[rtype(result = "Option<Message>")]
struct Said(Message);

/// The connection ended.
#[derive(actix::Message)]
#[rtype(result = "()")]
struct Over(Closed);

impl Handler<Said> for ConnectionActor {
    type Result = ResponseFuture<Option<Message>>;

    fn handle(&mut self, Said(said): Said, _: &mut Self::Context) -> Self::Result {
        let (ports, socket) = (self.ports.clone(), Rc::clone(&self.socket));
        Box::pin(async move {
            // The snapshot of this moment: a change holds for the next message.
            let snapshot = ports.snapshot();
            tollgate_pipeline::message(&ports, &snapshot, &socket, said).await
        })
    }
}

impl Handler<Over> for ConnectionActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Over(closed): Over, _: &mut Self::Context) -> Self::Result {
        let (ports, socket) = (self.ports.clone(), Rc::clone(&self.socket));
        Box::pin(async move {
            let snapshot = ports.snapshot();
            let ended = Ended {
                code: closed.code,
                reason: closed.reason.into(),
            };
            tollgate_pipeline::disconnect(&ports, &snapshot, &socket, ended).await;
        })
    }
}
