//! One task per lane: dials when there is a call, runs the connection, pauses after failures.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{ReadHalf, WriteHalf};
use tokio::select;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tollgate_protocol::ids::NodeId;

use crate::Pin;
use crate::calls::Calls;
use crate::error::{CallError, Refusal, Unreachable};
use crate::frame::{Frames, Shape, Side};
use crate::handler::Lane;
use crate::hello::{Hello, VERSION, Welcome};
use crate::limits::{BACKOFF_MAX, DIAL_WITHIN};
use crate::name::Member;
use crate::net::Net;
use crate::pump::{End, pump, send_frame};
use crate::shared::{Guard, Shared};
use crate::tls::Channel;

/// The dialler's lane to one node.
pub(crate) struct Dialled {
    pub(crate) node: NodeId,
    pub(crate) lane: Lane,
    pub(crate) calls: Arc<Calls>,
    /// The node's addresses changed: no need to wait out a pause.
    pub(crate) moved: Notify,
}

/// A connection whose both ends know who they are.
pub(crate) struct Greeted<S> {
    pub(crate) frames: Frames<ReadHalf<Channel<S>>>,
    pub(crate) out: WriteHalf<Channel<S>>,
    pub(crate) peer: Member,
}

/// Why a dial failed.
pub(crate) enum DialError {
    Unreachable(Unreachable),
    Refused(Refusal),
}

impl From<DialError> for CallError {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Unreachable(why) => Self::Unreachable(why),
            DialError::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// A reason for people, with what is behind it.
pub(crate) fn unreachable(error: &dyn std::error::Error) -> DialError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    DialError::Unreachable(Unreachable::Dial(text))
}

/// Drives a lane until it is closed.
pub(crate) async fn drive<N: Net>(shared: Arc<Shared<N>>, lane: Arc<Dialled>) {
    let mut failures = 0;
    loop {
        lane.calls.wanted().await;
        if lane.calls.is_closed() {
            return;
        }
        let began = Instant::now();
        match dial(&shared, &lane).await {
            Ok(connection) => {
                shared.contacts.refused(lane.node, None);
                shared.contacts.answered(lane.node, Instant::now());
                let end = pump(connection.frames, connection.out, &*lane.calls).await;
                let (node, name) = (lane.node, lane.lane);
                tracing::debug!(node, lane = ?name, reason = %end, "lane closed");
                lane.calls.fail_sent();
                let why = match end {
                    End::Refused(refusal) => {
                        shared.contacts.refused(lane.node, Some(refusal.clone()));
                        CallError::Refused(refusal)
                    }
                    End::Idle => {
                        failures = 0;
                        continue;
                    }
                    // One that lived is dialled again at once; one that did not is no success.
                    _ if began.elapsed() > BACKOFF_MAX => {
                        failures = 0;
                        continue;
                    }
                    _ => CallError::Unreachable(Unreachable::Ended),
                };
                failures += 1;
                pause(&shared, &lane, &why, failures).await;
            }
            Err(error) => {
                failures += 1;
                if let DialError::Refused(refusal) = &error {
                    shared.contacts.refused(lane.node, Some(refusal.clone()));
                }
                let why = CallError::from(error);
                tracing::debug!(node = lane.node, lane = ?lane.lane, %why, "dial failed");
                pause(&shared, &lane, &why, failures).await;
            }
        }
    }
}

/// Refuses calls for a while.
async fn pause<N: Net>(shared: &Shared<N>, lane: &Dialled, why: &CallError, failures: u32) {
    lane.calls.fail_unsent(why, true);
    let pause = shared.pause(failures);
    select! {
        biased;
        () = lane.moved.notified() => {}
        () = sleep(pause) => {}
    }
    lane.calls.reopen();
}

/// Tries the node's addresses in order. A refusal by the node itself is final.
async fn dial<N: Net>(shared: &Shared<N>, lane: &Dialled) -> Result<Greeted<N::Stream>, DialError> {
    let mut last = DialError::Unreachable(Unreachable::NoAddress);
    let guard = shared.guard();
    for address in shared.addresses(lane.node) {
        let dialling = async {
            let stream = shared.net.dial(&address).await?;
            let (channel, key) = guard.dialled(stream, lane.node).await?;
            let known = shared.with_nodes(|nodes| nodes.key(lane.node));
            if key.is_some_and(|key| Some(key) != known) {
                return Err(io::Error::other("the node there has another key"));
            }
            let peer = Member {
                cluster: guard.member().cluster,
                node: lane.node,
            };
            let hello = Hello::member(guard.member(), lane.node, lane.lane);
            io::Result::Ok(greet(channel, hello, peer).await)
        };
        last = match timeout(DIAL_WITHIN, dialling).await {
            Ok(Ok(Ok(connection))) => return Ok(connection),
            // Another node at this address says nothing of the one that was meant.
            Ok(Ok(Err(DialError::Refused(refusal)))) if refusal.code != Refusal::WRONG_NODE => {
                return Err(DialError::Refused(refusal));
            }
            Ok(Ok(Err(error))) => error,
            Ok(Err(error)) => unreachable(&error),
            Err(_) => late(&address, DIAL_WITHIN),
        };
    }
    Err(last)
}

fn late(address: &str, within: Duration) -> DialError {
    let text = format!("{address} did not answer within {} s", within.as_secs());
    DialError::Unreachable(Unreachable::Dial(text))
}

/// Says who dials, and hears whether that is welcome, from the very `peer`.
pub(crate) async fn greet<S>(
    channel: Channel<S>,
    hello: Hello,
    peer: Member,
) -> Result<Greeted<S>, DialError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (reader, mut out) = tokio::io::split(channel);
    let mut frames = Frames::new(reader, Side::Dialler);
    let sent = send_frame(&mut out, &hello.to_frame()).await;
    // A refusal may have come before the greeting could be sent.
    let answer = match (frames.next().await, sent) {
        (Ok(answer), _) => answer,
        (Err(_), Err(error)) => return Err(unreachable(&error)),
        (Err(error), Ok(())) => return Err(unreachable(&error)),
    };
    if answer.shape == Shape::Refused {
        let refusal = answer.refusal().map_err(|error| unreachable(&error))?;
        return Err(DialError::Refused(refusal));
    }
    let welcome = Welcome::read(&answer).map_err(|error| unreachable(&error))?;
    let wrong = |code, text: &str| Err(DialError::Refused(Refusal::new(code, text)));
    if welcome.version != VERSION {
        return wrong(Refusal::VERSION, "the peer speaks another version");
    }
    if welcome.from.cluster != peer.cluster {
        return wrong(Refusal::WRONG_CLUSTER, "the peer is of another cluster");
    }
    if welcome.from.node != peer.node {
        return wrong(Refusal::WRONG_NODE, "another node answers there");
    }
    Ok(Greeted { frames, out, peer })
}

impl<N: Net> Shared<N> {
    fn addresses(&self, node: NodeId) -> Vec<String> {
        self.with_nodes(|nodes| nodes.addresses(node).unwrap_or_default().to_vec())
    }
}

impl Guard {
    async fn dialled<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
        &self,
        stream: S,
        node: NodeId,
    ) -> io::Result<(Channel<S>, Option<Pin>)> {
        match self {
            Self::Tls(identity) => {
                let (channel, key) = identity.secure_dialled(stream, node).await?;
                Ok((channel, Some(key)))
            }
            Self::Claimed(_) => Ok((Channel::Plain(stream), None)),
        }
    }
}
