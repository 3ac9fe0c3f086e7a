//! Any connection from any node, in one hop: its id names the owner.
//!
//! Forged ids, and those of a node or a life that the cluster knows to be over, are gone without
//! asking anybody. An owner that cannot be reached is not known to be dead: that is "unknown", and
//! nothing is sent twice for it. A call is answered when its message is in the connection's queue,
//! so what is sent after an answer arrives after it, by whatever nodes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tollgate_cluster::{Answerer, Door, Topic};
use tollgate_websocket::{Kind, Outgoing, Sent, code};

use super::id::ConnectionId;
use super::places::{Held, Places};
use super::wire::{Answer, Question, Verb};
use super::{Tally, tally};
use crate::connections::{Address, Connection, Connections, Error};

/// How long another node may take to answer for one of its connections.
const HOP_TIMEOUT: Duration = Duration::from_millis(1_900);
/// The reason in the close frame of a connection that a back end closed.
const CLOSED: &str = "Connection Closed Normally";

/// The connections of the cluster, as this node reaches them.
pub struct Sockets {
    places: Arc<Places>,
    door: Door,
    tally: Tally,
}

impl Sockets {
    /// By this node's own table, and through this door to those of the others.
    pub(crate) fn new(places: Arc<Places>, door: Door, tally: Tally) -> Self {
        Self {
            places,
            door,
            tally,
        }
    }

    async fn ask(&self, at: Address<'_>, verb: Verb) -> Result<Answer, Error> {
        let id = self.places.read(at.connection_id).ok_or(Error::Gone)?;
        if (id.node, id.incarnation) == self.places.owner() {
            return Ok(carry_out(&self.places, &id, (at.api_id, at.stage), verb));
        }
        if self.is_over(&id) {
            return Err(Error::Gone);
        }
        let question = Question {
            connection_id: at.connection_id.to_owned(),
            api_id: at.api_id.to_owned(),
            stage: at.stage.to_owned(),
            verb,
        };
        let bytes = question.to_bytes().map_err(|_| Error::Unknown)?;
        let asked = self.door.ask(id.node, Topic::Sockets, &bytes, HOP_TIMEOUT);
        let answer = asked.await.ok().and_then(|it| Answer::from_bytes(&it).ok());
        self.tally.hop(answer.is_some());
        // It may have died while it was asked, or since.
        answer.ok_or_else(|| match self.is_over(&id) {
            true => Error::Gone,
            false => Error::Unknown,
        })
    }

    /// Whether the cluster knows that a connection's owner is no more what it was. Removed nodes stay
    /// known, and nobody forges an id: one of a node that is unknown here is of a node that joined
    /// and of which this one has not heard yet.
    fn is_over(&self, id: &ConnectionId) -> bool {
        id.node == self.places.owner().0
            || self.door.read(|state| match state.nodes().get(&id.node) {
                None => false,
                Some(node) => node.removed.is_some() || node.incarnation > id.incarnation,
            })
    }
}

impl Connections for Sockets {
    fn get<'a>(&'a self, at: Address<'a>) -> BoxFuture<'a, Result<Connection, Error>> {
        Box::pin(async move { self.ask(at, Verb::Get).await?.connection() })
    }

    fn send<'a>(&'a self, at: Address<'a>, data: &'a [u8]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let sent = self.ask(at, Verb::Send(data.to_vec())).await;
            let sent = sent.and_then(Answer::done);
            self.tally.sent(tally::outcome(sent));
            sent
        })
    }

    fn close<'a>(&'a self, at: Address<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.ask(at, Verb::Close).await?.done() })
    }
}

/// Answers the other nodes for the connections of this one.
pub(crate) fn answerer(places: Arc<Places>) -> Answerer {
    Box::new(move |question| {
        let places = Arc::clone(&places);
        Box::pin(async move {
            let asked = Question::from_bytes(&question).ok()?;
            let answer = match places.read(&asked.connection_id) {
                None => Answer::Gone,
                Some(id) => carry_out(&places, &id, (&asked.api_id, &asked.stage), asked.verb),
            };
            answer.to_bytes().ok()
        })
    })
}

/// Does what is asked to a connection of this node.
fn carry_out(
    places: &Places,
    id: &ConnectionId,
    (api_id, stage): (&str, &str),
    verb: Verb,
) -> Answer {
    // The caller was judged by this API and this stage, and by no others.
    let found = places
        .find(id)
        .filter(|it| (api_id, stage) == (&*it.known.api_id, &*it.known.stage));
    let Some(Held { sender, known }) = found else {
        return Answer::Gone;
    };
    match verb {
        Verb::Get if sender.is_closed() => Answer::Gone,
        Verb::Get => Answer::Known(
            known.connected_at_ms,
            sender.active_ms(),
            known.source_ip.to_string(),
            known.user_agent.to_string(),
        ),
        Verb::Send(data) => {
            let kind = match std::str::from_utf8(&data) {
                Ok(_) => Kind::Text,
                Err(_) => Kind::Binary,
            };
            match sender.try_send(&Outgoing::new(kind, &data)) {
                Sent::Queued => Answer::Done,
                Sent::Full => Answer::Busy,
                Sent::Closed => Answer::Gone,
            }
        }
        Verb::Close => match sender.close(code::NORMAL, CLOSED) {
            true => Answer::Done,
            false => Answer::Gone,
        },
    }
}

#[cfg(test)]
mod tests {
    use tollgate_cluster::{Peering, autopilot};
    use tollgate_protocol::{Clock, Millis};
    use tollgate_state::Addresses;
    use tollgate_store::Identity;
    use tollgate_websocket::Limits;

    use super::*;
    use crate::clock::SystemClock;
    use crate::metrics::Metrics;
    use crate::sockets::places::Known;

    fn held(limits: Limits) -> (Places, ConnectionId) {
        let (places, text) = held_by((1, 1), limits);
        let id = places.read(&text).unwrap();
        (places, id)
    }

    fn held_by(owner: (u64, u32), limits: Limits) -> (Places, String) {
        let places = Places::new(owner, &[0; 32], limits, 10);
        let known = Known {
            api_id: "chat".into(),
            stage: "prod".into(),
            connected_at_ms: 5,
            source_ip: "10.0.0.1".into(),
            user_agent: "test".into(),
        };
        let text = places.reserve(known).unwrap();
        (places, text)
    }

    #[tokio::test]
    async fn a_connection_of_a_node_that_is_not_known_yet_is_not_gone() {
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
        let opened = Door::open_among(dir.path(), clock, first, peering, settings).unwrap();
        let (places, _) = held(Limits::default());
        let tally = Tally::new(&Metrics::default());
        let sockets = Sockets::new(Arc::new(places), opened.door, tally);
        let ask = async |owner: (u64, u32)| {
            let (_, connection_id) = held_by(owner, Limits::default());
            let at = Address {
                api_id: "chat",
                stage: "prod",
                connection_id: &connection_id,
            };
            sockets.get(at).await
        };
        assert_eq!(ask((77, 1)).await, Err(Error::Unknown));
        assert_eq!(ask((1, 9)).await, Err(Error::Gone), "another life");
    }

    #[test]
    fn a_connection_answers_under_its_own_api_and_stage() {
        let (places, id) = held(Limits::default());
        for (at, found) in [
            (("chat", "prod"), true),
            (("*", "*"), false),
            (("*", "prod"), false),
            (("chat", "*"), false),
            (("", ""), false),
            (("chat", "other"), false),
            (("other", "prod"), false),
        ] {
            let answer = carry_out(&places, &id, at, Verb::Get);
            assert_eq!(matches!(answer, Answer::Known(5, _, _, _)), found, "{at:?}");
        }
    }

    #[test]
    fn a_full_queue_is_told_and_a_closed_connection_is_gone() {
        let limits = Limits {
            queue_frames_max: 1,
            ..Limits::default()
        };
        let (places, id) = held(limits);
        let at = ("chat", "prod");
        let send = |text: &str| carry_out(&places, &id, at, Verb::Send(text.into()));
        assert_eq!(send("one"), Answer::Done);
        assert_eq!(send("two"), Answer::Busy);
        assert_eq!(carry_out(&places, &id, at, Verb::Close), Answer::Done);
        for verb in [Verb::Close, Verb::Send(vec![]), Verb::Get] {
            assert_eq!(carry_out(&places, &id, at, verb), Answer::Gone);
        }
        places.release(&id);
        assert_eq!(carry_out(&places, &id, at, Verb::Get), Answer::Gone);
    }
}
