//! Accepts connections, finds out who is there, and serves them or says why not.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::select;
use tokio::time::{Instant, sleep, timeout};
use tollgate_protocol::ids::NodeId;

use crate::accepted::{Accepted, Terms};
use crate::error::Refusal;
use crate::frame::{Frame, Frames, Side};
use crate::handler::{Caller, Lane};
use crate::hello::{Hello, VERSION, Welcome};
use crate::limits::{ACCEPT_PAUSE, GREET_WITHIN, JOIN_WITHIN};
use crate::name::Member;
use crate::net::Net;
use crate::pump::{Endpoint as _, part, pump, send_frame};
use crate::shared::{Guard, Joining, Shared, lock};
use crate::tls::Channel;

/// Accepts until the links close.
pub(crate) async fn accept<N: Net>(shared: Arc<Shared<N>>, mut listener: N::Listener) {
    let mut closing = shared.closing.subscribe();
    loop {
        let accepted = select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => return,
            accepted = shared.net.accept(&mut listener) => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                // One too many is closed without a word: words are what there is too much of.
                if let Some(place) = shared.enter(from.ip()) {
                    let serving = Arc::clone(&shared);
                    let mut closing = shared.closing.subscribe();
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
                            _ = closing.wait_for(|closing| *closing) => {}
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
    Member(NodeId, Lane),
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

/// Whether this greeting is welcome. `proven` is what TLS says: `None` when there is none,
/// `Some(None)` of who showed no certificate.
fn judge<N: Net>(
    shared: &Arc<Shared<N>>,
    this: Member,
    proven: Option<Option<Member>>,
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
    let member = match proven {
        None => hello.from,
        Some(Some(member)) => member,
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
    if shared.with_nodes(|nodes| nodes.is_removed(member.node)) {
        return Err(removed(member.node));
    }
    Ok(Who::Member(member.node, lane))
}

async fn serve<N: Net>(shared: &Arc<Shared<N>>, guest: Guest<N>, from: SocketAddr) {
    let Guest { frames, out, who } = guest;
    let terms = match &who {
        Who::Member(node, lane) => Terms {
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
        Who::Member(node, lane) => {
            let here = Arc::clone(&accepted);
            let before = lock(&shared.accepted).insert((node, lane), here);
            if let Some(before) = before {
                before.tell(Refusal::new(
                    Refusal::SUPERSEDED,
                    "the lane was opened again",
                ));
            }
            // It may have been removed since its greeting was judged.
            if shared.with_nodes(|nodes| nodes.is_removed(node)) {
                accepted.tell(removed(node));
            }
            shared.contacts.called(node, Instant::now());
            let end = serve_member(frames, out, &accepted).await;
            let mut lanes = lock(&shared.accepted);
            if lanes
                .get(&(node, lane))
                .is_some_and(|now| Arc::ptr_eq(now, &accepted))
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

pub(crate) fn removed(node: NodeId) -> Refusal {
    let text = format!("node {node} was removed from the cluster");
    Refusal::new(Refusal::REMOVED, text)
}

/// Drops the handlers of a connection, however it ends.
struct Ending(Arc<Accepted>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}
