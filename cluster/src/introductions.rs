//! How a node that lags behind comes to know nodes that joined meanwhile.
//!
//! A link takes calls of nodes that this one knows by their keys, and what a node knows is in the
//! log, which comes from a leader that it may not know yet. So it asks the nodes that it knows.
//! They answer from what is agreed on. A node that joins begins with what the member says that let
//! it in.
//!
//! One of those that are asked may have been removed, and this node not have heard of it: such a
//! machine can vouch for ids that nobody was given. So what others say is believed only while this
//! node cannot find out what is agreed on. Once its log has reached that, the log alone decides,
//! and what was believed before is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tollgate_link::net::Net;
use tollgate_link::{Peer, Pin};
use tollgate_protocol::codec::{self, CodecError, Decode, Encode};
use tollgate_state::{NodeId, State};

use crate::Door;
use crate::credentials::{self, CredentialsError};
use crate::lines::{Lines, Told};
use crate::peers::{Lane, Transport, kind};
use crate::raft::disk::lock;
use crate::raft::parts;

/// The envelopes' kinds of a question, an answer and the file; not one of `raft/wire.rs`,
/// `joining.rs` or `status.rs`.
const ASK: u8 = 67;
const ANSWER: u8 = 68;
const FILE: u8 = 69;
/// Nodes in one question: as many as links remember.
const ASKED_ABOUT_MAX: usize = tollgate_link::limits::STRANGERS_MAX;
/// Nodes that are asked at once.
const ASKED_MAX: usize = 32;
/// Nodes that are known because others were asked; further ones push out those that were introduced
/// first. Beside them are at most [`ASKED_ABOUT_MAX`] that are known from joining.
const INTRODUCED_MAX: usize = 256;
/// How long a node may take to answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(1);
/// Between two rounds of questions: strangers call again about as often.
const PAUSE: Duration = Duration::from_millis(200);
/// How often a node that believes others looks whether its log has caught up.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Below the data directory: who was known when this node was let in.
const NAME: &str = "tls/nodes";

/// A node, as another one knows it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Introduced {
    pub(crate) node: NodeId,
    pub(crate) key_hash: [u8; 32],
    pub(crate) addresses: Vec<String>,
    pub(crate) removed: bool,
}

#[derive(Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct Ask(Vec<NodeId>);

#[derive(Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct Answer(Vec<Introduced>);

/// Whom this node knows from others. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Introductions(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// From joining, on disk. Nothing that is heard later pushes them out: they are whom this node
    /// was let in by.
    saved: BTreeMap<NodeId, Peer>,
    /// From asking, each with its place in the order of introductions.
    heard: BTreeMap<NodeId, (u64, Peer)>,
    next: u64,
}

impl Known {
    /// Whom this node knows already stays who it is: a node never gets another key.
    fn is_new(&self, it: &Introduced) -> bool {
        let known = self.saved.contains_key(&it.node) || self.heard.contains_key(&it.node);
        !it.removed && !known
    }
}

impl Introduced {
    fn peer(self) -> Peer {
        Peer {
            key: Pin(self.key_hash),
            addresses: self.addresses,
        }
    }
}

impl Introductions {
    pub(crate) fn all(&self) -> BTreeMap<NodeId, Peer> {
        let known = lock(&self.0);
        let heard = known.heard.iter().map(|(id, (_, peer))| (id, peer));
        let all = heard.chain(&known.saved);
        all.map(|(id, peer)| (*id, peer.clone())).collect()
    }

    /// Whom the member named that let this node in, as long as its log has not caught up.
    pub(crate) fn saved(&self) -> BTreeSet<NodeId> {
        lock(&self.0).saved.keys().copied().collect()
    }

    fn is_empty(&self) -> bool {
        let known = lock(&self.0);
        known.saved.is_empty() && known.heard.is_empty()
    }

    /// Believes what the member said that let this node in, and [`save`] kept.
    pub(crate) fn add_saved(&self, nodes: impl IntoIterator<Item = Introduced>) {
        let mut known = lock(&self.0);
        for it in nodes.into_iter().take(ASKED_ABOUT_MAX) {
            if known.is_new(&it) {
                known.saved.insert(it.node, it.peer());
            }
        }
    }

    /// Believes what others said of nodes that they were asked about.
    fn add_asked(&self, asked: &BTreeSet<NodeId>, nodes: Vec<Introduced>) {
        let mut known = lock(&self.0);
        for it in nodes.into_iter().filter(|it| asked.contains(&it.node)) {
            if !known.is_new(&it) {
                continue;
            }
            let place = known.next;
            known.next += 1;
            known.heard.insert(it.node, (place, it.peer()));
            if known.heard.len() > INTRODUCED_MAX {
                let first = known.heard.iter().min_by_key(|(_, (place, _))| *place);
                let first = first.map(|(id, _)| *id);
                first.and_then(|id| known.heard.remove(&id));
            }
        }
    }

    fn forget(&self) {
        let mut known = lock(&self.0);
        known.saved.clear();
        known.heard.clear();
    }
}

/// What the state says of some nodes.
pub(crate) fn introduce(state: &State, nodes: impl IntoIterator<Item = NodeId>) -> Vec<Introduced> {
    let known = |id: NodeId| {
        let node = state.nodes().get(&id)?;
        Some(Introduced {
            node: id,
            key_hash: node.key_hash,
            addresses: node.addresses.peer.clone(),
            removed: node.removed.is_some(),
        })
    };
    let nodes = nodes.into_iter().take(ASKED_ABOUT_MAX);
    nodes.filter_map(known).collect()
}

/// Answers a node that asks who others are.
pub(crate) fn answer(state: &State, body: &[u8]) -> Result<Vec<u8>, CodecError> {
    let Ask(nodes) = codec::open(ASK, body)?;
    tell(introduce(state, nodes))
}

/// What a node that asks is told.
pub(crate) fn tell(nodes: Vec<Introduced>) -> Result<Vec<u8>, CodecError> {
    codec::seal(ANSWER, &Answer(nodes))
}

/// Keeps who was known when this node was let in: it has to recognise who sends it the log.
pub(crate) fn save(dir: &Path, nodes: Vec<Introduced>) -> Result<(), CredentialsError> {
    let path = dir.join(NAME);
    let bytes = codec::seal(FILE, &Answer(nodes));
    let bytes = bytes.map_err(|_| CredentialsError::Damaged { path: path.clone() })?;
    credentials::write(&path, &bytes)
}

/// What [`save`] kept; nothing on a node that nobody let in.
pub(crate) fn load(dir: &Path) -> Result<Vec<Introduced>, CredentialsError> {
    let path = dir.join(NAME);
    let Some(bytes) = credentials::read(&path)? else {
        return Ok(Vec::new());
    };
    let Answer(nodes) =
        codec::open(FILE, &bytes).map_err(|_| CredentialsError::Damaged { path })?;
    Ok(nodes)
}

/// What several nodes say of others: believed where they agree. One that knows of a removal is
/// ahead of the others.
fn agreed(answers: Vec<Vec<Introduced>>) -> Vec<Introduced> {
    let mut by_node: BTreeMap<NodeId, Vec<Introduced>> = BTreeMap::new();
    for it in answers.into_iter().flatten() {
        by_node.entry(it.node).or_default().push(it);
    }
    let mut agreed = Vec::new();
    for (node, mut said) in by_node {
        let same = said
            .windows(2)
            .all(|two| two[0].key_hash == two[1].key_hash);
        if !same {
            tracing::warn!(
                node,
                "nodes disagree on the key of another; it is not let in"
            );
        } else if said.iter().all(|it| !it.removed)
            && let Some(it) = said.pop()
        {
            agreed.push(it);
        }
    }
    agreed
}

/// Asks about nodes that call and are not known, while the node runs and lags.
pub(crate) async fn run<N: Net>(lines: Lines<N>, door: Door) {
    let Some(links) = lines.links().cloned() else {
        return;
    };
    loop {
        let strangers = tokio::select! {
            biased; // A simulation has no choice that its seed does not make.
            strangers = links.strangers() => strangers,
            () = tokio::time::sleep(LOOK_INTERVAL), if !lines.introductions.is_empty() => {
                BTreeSet::new()
            }
        };
        round(&lines, &door, strangers).await;
        // Anew, so that what was told before is no reason not to tell it.
        Told::default().tell(&lines, &door.machine);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Hears what others know of nodes; nothing of it counts on a node whose log has caught up.
async fn round<N: Net>(lines: &Lines<N>, door: &Door, strangers: BTreeSet<NodeId>) {
    let ask = async {
        if strangers.is_empty() {
            return Vec::new();
        }
        let known = acquaintances(lines, door, &strangers);
        ask_all(lines, known, &strangers).await
    };
    let (caught_up, answers) = tokio::join!(door.reach_read_index(), ask);
    if caught_up {
        tracing::debug!(?strangers, "the log decides who unknown nodes are");
        lines.introductions.forget();
        return;
    }
    let nodes = agreed(answers);
    tracing::debug!(?strangers, found = nodes.len(), "unknown nodes called");
    lines.introductions.add_asked(&strangers, nodes);
}

/// Who can be asked: every node that is known, however.
fn acquaintances<N: Net>(
    lines: &Lines<N>,
    door: &Door,
    strangers: &BTreeSet<NodeId>,
) -> BTreeSet<NodeId> {
    let me = door.members().node;
    let mut known: BTreeSet<NodeId> = door.read(|state| state.live_ids().collect());
    known.extend(lines.introductions.all().into_keys());
    known.retain(|node| *node != me && !strangers.contains(node));
    known
}

async fn ask_all<N: Net>(
    lines: &Lines<N>,
    whom: BTreeSet<NodeId>,
    about: &BTreeSet<NodeId>,
) -> Vec<Vec<Introduced>> {
    let Ok(body) = codec::seal(ASK, &Ask(about.iter().copied().collect())) else {
        return Vec::new();
    };
    let (mut whom, mut asked, mut answers) = (whom.into_iter(), JoinSet::new(), Vec::new());
    loop {
        while asked.len() < ASKED_MAX
            && let Some(node) = whom.next()
        {
            let (lines, body) = (lines.clone(), body.clone());
            asked.spawn(async move {
                let transport: &dyn Transport = &lines;
                let place = (node, Lane::Rpc, kind::WHO);
                let answer = parts::call(transport, place, body.into(), ANSWER_DEADLINE).await;
                let Answer(nodes) = codec::open(ANSWER, &answer.ok()?).ok()?;
                Some(nodes)
            });
        }
        match asked.join_next().await {
            Some(Ok(Some(nodes))) => answers.push(nodes),
            Some(_) => {}
            None => return answers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(node: NodeId, key: u8, removed: bool) -> Introduced {
        Introduced {
            node,
            key_hash: [key; 32],
            addresses: vec![format!("node{node}:1")],
            removed,
        }
    }

    #[test]
    fn nodes_are_believed_where_they_agree_and_none_knows_of_a_removal() {
        let said = vec![
            vec![node(4, 4, false), node(5, 5, false), node(6, 6, false)],
            vec![],
            vec![node(4, 4, false), node(5, 9, false), node(6, 6, true)],
        ];
        assert_eq!(agreed(said), [node(4, 4, false)]);
    }

    fn ids(introductions: &Introductions) -> Vec<NodeId> {
        introductions.all().into_keys().collect()
    }

    fn hear(introductions: &Introductions, nodes: Vec<Introduced>) {
        let asked = nodes.iter().map(|it| it.node).collect();
        introductions.add_asked(&asked, nodes);
    }

    #[test]
    fn a_removed_node_is_not_introduced_and_the_oldest_that_were_heard_of_make_place() {
        let introductions = Introductions::default();
        introductions.add_saved([node(1, 1, true), node(2, 2, false)]);
        hear(&introductions, vec![node(4, 4, true), node(5, 5, false)]);
        assert_eq!(ids(&introductions), [2, 5]);
        // The highest ids come first: age counts and not the number.
        let most = INTRODUCED_MAX as u64;
        let many = (1000..1000 + most).map(|id| node(id, 0, false));
        hear(&introductions, many.collect());
        hear(&introductions, vec![node(3, 3, false)]);
        let now = ids(&introductions);
        assert_eq!(now.len(), INTRODUCED_MAX + 1);
        assert_eq!(now[..3], [2, 3, 1001], "5 and 1000 were heard of first");
        assert_eq!(introductions.saved(), [2].into());
    }

    #[test]
    fn no_more_are_kept_from_joining_than_a_member_names() {
        let introductions = Introductions::default();
        introductions.add_saved((1..=1000).map(|id| node(id, 0, false)));
        assert_eq!(introductions.saved().len(), ASKED_ABOUT_MAX);
    }

    #[test]
    fn only_what_was_asked_is_believed_and_nobody_gets_another_key() {
        let introductions = Introductions::default();
        introductions.add_saved([node(2, 2, false)]);
        let said = vec![node(2, 9, false), node(4, 4, false), node(77, 7, false)];
        introductions.add_asked(&[2, 4].into(), said);
        assert_eq!(ids(&introductions), [2, 4]);
        assert_eq!(introductions.all()[&2].key, Pin([2; 32]));
        introductions.forget();
        assert!(introductions.is_empty());
    }

    #[test]
    fn who_was_known_at_joining_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), []);
        save(dir.path(), vec![node(1, 1, false)]).unwrap();
        assert_eq!(load(dir.path()).unwrap(), [node(1, 1, false)]);
        std::fs::write(dir.path().join(NAME), b"?").unwrap();
        assert!(load(dir.path()).is_err());
    }
}
