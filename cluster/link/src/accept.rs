//! Accepts connections, finds out who is there, and serves them or says why not.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::select;
use tokio::time::{Instant, sleep, timeout};
use tollgate_protocol::ids::NodeId;

use crate::Pin;
use crate::accepted::{Accepted, Terms};
use crate::error::Refusal;
use crate::frame::{Frame, Frames, Side};
use crate::handler::{Caller, Lane};
use crate::hello::{Hello, VERSION, Welcome};
use crate::limits::{ACCEPT_PAUSE, GREET_WITHIN, JOIN_WITHIN};
use crate::name::Member;
use crate::net::Net;
use crate::nodes::Nodes;
use crate::pump::{Endpoint as _, part, pump, send_frame};
use crate::shared::{Guard, Joining, Shared, lock};
use crate::tls::Channel;

/// Accepts until the links close.
pub(crate) async fn accept<N: Net>(shared: Arc<Shared<N>>, mut listener: N::Listener) {
    let closing = shared.closing.listen();
    loop {
        let accepted = select! {
            biased;
            () = closing.heard() => return,
            accepted = shared.net.accept(&mut listener) => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                // One too many is closed without a word: words are what there is too much of.
                if let Some(place) = shared.enter(from.ip()) {
                    let serving = Arc::clone(&shared);
                    let closing = shared.closing.listen();
                    tokio::spawn(async move {
                        let connection = async {
                            let greeted =
                                timeout(GREET_WITHIN, greet(&serving, stream, from)).await;
                            drop(place);
                            if let Ok(Some(guest)) = greeted {
                                Box::pin(serve(&serving, guest, from)).await;
                            }
                        };
                        select! {
                            biased;
                            () = closing.heard() => {}
                            () = connection => {}
                        }
                    });
                }
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Who is there.
enum Who<N: Net> {
    /// A member, and the key that it proved to have where there is TLS.
    Member(NodeId, Lane, Option<Pin>),
    Joiner(Joining<N>),
}

struct Guest<N: Net> {
    frames: Frames<ReadHalf<Channel<N::Stream>>>,
    out: WriteHalf<Channel<N::Stream>>,
    who: Who<N>,
}

/// Secures a connection and hears its greeting; `None` when there is nobody to serve.
async fn greet<N: Net>(
    shared: &Arc<Shared<N>>,
    stream: N::Stream,
    from: SocketAddr,
) -> Option<Guest<N>> {
    let guard = shared.guard();
    let (channel, proven) = match &guard {
        Guard::Tls(identity) => match identity.secure_accepted(stream).await {
            Ok((channel, peer)) => (channel, Some(peer)),
            Err(error) => {
                tracing::debug!(%from, %error, "handshake failed");
                return None;
            }
        },
        Guard::Claimed(_) => (Channel::Plain(stream), None),
    };
    let (reader, mut out) = tokio::io::split(channel);
    let mut frames = Frames::new(reader, Side::Greeting);
    let judged = match frames.next().await {
        Ok(frame) => Hello::read(&frame)
            .map_err(|error| Refusal::new(Refusal::MALFORMED, error.to_string()))
            .and_then(|hello| judge(shared, guard.member(), proven, hello)),
        Err(crate::frame::ReadError::Malformed(error)) => {
            Err(Refusal::new(Refusal::MALFORMED, error.to_string()))
        }
        Err(_) => return None,
    };
    let answer = match &judged {
        Ok(_) => Welcome::new(guard.member()).to_frame(),
        Err(refusal) => Frame::refused(0, refusal),
    };
    if let Err(error) = send_frame(&mut out, &answer).await {
        tracing::debug!(%from, %error, "greeting failed");
        return None;
    }
    match judged {
        Ok(who) => {
            frames.become_side(match who {
                Who::Member(..) => Side::Acceptor,
                Who::Joiner(_) => Side::JoinAcceptor,
            });
            Some(Guest { frames, out, who })
        }
        Err(refusal) => {
            tracing::info!(%from, %refusal, "connection refused");
            part(frames, out).await;
            None
        }
    }
}

/// What TLS says of the other end: `None` when there is none, `Some(None)` of who showed no
/// certificate.
type Proven = Option<Option<(Member, Pin)>>;

/// Whether this greeting is welcome.
fn judge<N: Net>(
    shared: &Arc<Shared<N>>,
    this: Member,
    proven: Proven,
    hello: Hello,
) -> Result<Who<N>, Refusal> {
    let refused = |code, text: &str| Err(Refusal::new(code, text));
    if !hello.fits() {
        let (low, high) = hello.versions;
        let text = format!("link version {VERSION} is spoken here, not {low} to {high}");
        return refused(Refusal::VERSION, &text);
    }
    let Some(lane) = hello.lane else {
        return match shared.admit_joiner(Instant::now()) {
            _ if shared.join_kind.is_none() => {
                refused(Refusal::NOT_A_MEMBER, "nobody can join here")
            }
            Some(place) => Ok(Who::Joiner(place)),
            None => refused(Refusal::OVERLOADED, "too many join at a time; try again"),
        };
    };
    let (member, key) = match proven {
        None => (hello.from, None),
        Some(Some((member, key))) => (member, Some(key)),
        Some(None) => return refused(Refusal::NOT_A_MEMBER, "members have a certificate"),
    };
    if member.cluster != this.cluster {
        return refused(Refusal::WRONG_CLUSTER, "this node is of another cluster");
    }
    if hello.to != this.node {
        let text = format!("this is node {}, not node {}", this.node, hello.to);
        return refused(Refusal::WRONG_NODE, &text);
    }
    if member != hello.from || member.node == this.node || member.node == 0 {
        return refused(
            Refusal::MALFORMED,
            "the greeting does not fit the certificate",
        );
    }
    if let Some(refusal) = shared.with_nodes(|nodes| stranger(nodes, member.node, key)) {
        if refusal.code == Refusal::UNKNOWN_NODE {
            shared.strangers.called(member.node);
        }
        return Err(refusal);
    }
    Ok(Who::Member(member.node, lane, key))
}

async fn serve<N: Net>(shared: &Arc<Shared<N>>, guest: Guest<N>, from: SocketAddr) {
    let Guest { frames, out, who } = guest;
    let terms = match &who {
        Who::Member(node, lane, _) => Terms {
            caller: Caller::Node(*node),
            calls_max: lane.calls_max(),
            only: None,
        },
        Who::Joiner(_) => Terms {
            caller: Caller::Joiner(from),
            calls_max: 1,
            only: shared.join_kind,
        },
    };
    let accepted = Accepted::new(
        terms,
        Arc::clone(&shared.handler),
        Arc::clone(&shared.contacts),
    );
    let ending = Ending(Arc::clone(&accepted));
    let end = match who {
        Who::Member(node, lane, key) => {
            let here = Arc::clone(&accepted);
            let before = lock(&shared.accepted).insert((node, lane), (here, key));
            if let Some((before, _)) = before {
                before.tell(Refusal::new(
                    Refusal::SUPERSEDED,
                    "the lane was opened again",
                ));
            }
            // What is known of it may have changed since its greeting was judged.
            if let Some(refusal) = shared.with_nodes(|nodes| stranger(nodes, node, key)) {
                accepted.tell(refusal);
            }
            shared.contacts.called(node, Instant::now());
            let end = serve_member(frames, out, &accepted).await;
            let mut lanes = lock(&shared.accepted);
            if lanes
                .get(&(node, lane))
                .is_some_and(|(now, _)| Arc::ptr_eq(now, &accepted))
            {
                lanes.remove(&(node, lane));
            }
            end
        }
        Who::Joiner(_place) => {
            let serving = timeout(JOIN_WITHIN, pump(frames, out, &*accepted));
            serving
                .await
                .map(|end| end.to_string())
                .unwrap_or_else(|_| "the time to join was up".to_owned())
        }
    };
    drop(ending);
    tracing::debug!(%from, caller = ?terms.caller, reason = %end, "connection ended");
}

async fn serve_member<S: AsyncRead + AsyncWrite>(
    frames: Frames<ReadHalf<S>>,
    out: WriteHalf<S>,
    accepted: &Accepted,
) -> String {
    pump(frames, out, accepted).await.to_string()
}

/// Why a node with this key may not call; `None` when it may.
pub(crate) fn stranger(nodes: &Nodes, node: NodeId, key: Option<Pin>) -> Option<Refusal> {
    if nodes.is_removed(node) {
        let text = format!("node {node} was removed from the cluster");
        return Some(Refusal::new(Refusal::REMOVED, text));
    }
    let Some(known) = nodes.key(node) else {
        let text = format!("node {node} is not known here, or not yet; try again");
        return Some(Refusal::new(Refusal::UNKNOWN_NODE, text));
    };
    let text = || format!("node {node} of this cluster has another key");
    let wrong = key.is_some_and(|key| key != known);
    wrong.then(|| Refusal::new(Refusal::WRONG_KEY, text()))
}

/// Drops the handlers of a connection, however it ends.
struct Ending(Arc<Accepted>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}
