//! Who is in the cluster, who was, and who may come.
//!
//! A node is its key: the id is given for the key's hash, once. Ids count up and are never reused,
//! because an old member's id under another disk could vote twice for what it forgot. A removed
//! node stays in the table for ever, so that its key is refused for ever.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::limits::{
    AUTHORITY_BYTES_MAX, NODE_ADDRESS_BYTES_MAX, NODE_ADDRESSES_MAX, NODE_NAME_BYTES_MAX,
    NODE_VERSION_BYTES_MAX, NODES_EVER_MAX, NODES_MAX,
};

use crate::command::{AdmitRefusal, Hash, NodeId};
use crate::tokens::Tokens;

/// Where a node's listeners can be reached: `host:port`, at most 8 of each kind.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Addresses {
    /// For the other nodes.
    pub peer: Vec<String>,
    /// For the APIs' clients.
    pub http: Vec<String>,
    /// For administrators.
    pub admin: Vec<String>,
}

/// A node of the cluster, or one that was.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Node {
    /// What people call it; need not be unique.
    pub name: String,
    /// Where it said at its last start that it can be reached.
    pub addresses: Addresses,
    /// The hash of its public key.
    pub key_hash: Hash,
    /// When it was let in.
    pub joined: Millis,
    /// Its current life, 0 before the first.
    pub incarnation: u32,
    /// The release that it runs.
    pub version: String,
    /// The feature levels that it can work at, lowest and highest.
    pub levels: (u16, u16),
    /// When it was removed, if it was.
    pub removed: Option<Millis>,
}

/// What the cluster was founded with.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Founding {
    /// The cluster's id.
    pub cluster: [u8; 16],
    /// The certificate of the cluster's authority, DER.
    pub authority: Vec<u8>,
    /// The authority's key, sealed for voters.
    pub sealed_key: Vec<u8>,
    /// The first node.
    pub node: NodeId,
    /// The hash of the first node's public key.
    pub key_hash: Hash,
}

/// What admitted a node: showing the same again is a retry.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct Admission {
    node: NodeId,
    token: String,
    secret_hash: Hash,
}

/// A node that asks to be let in.
pub(crate) struct Joiner<'a> {
    pub(crate) token: &'a str,
    pub(crate) secret_hash: &'a Hash,
    pub(crate) key_hash: &'a Hash,
    pub(crate) name: &'a str,
    pub(crate) addresses: &'a Addresses,
}

/// What a node says of itself at a start.
pub(crate) struct Life<'a> {
    pub(crate) incarnation: u32,
    pub(crate) addresses: &'a Addresses,
    pub(crate) version: &'a str,
    pub(crate) levels: (u16, u16),
}

/// Why something about nodes was not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NodeRefusal {
    /// A life that is not newer than the known one.
    Stale,
    /// For a person to read.
    Because(&'static str),
}

/// The result of a command about nodes: whether the table changed.
type Changed = Result<bool, NodeRefusal>;

/// All nodes that are and were.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Nodes {
    founding: Option<Founding>,
    all: BTreeMap<NodeId, Node>,
    by_key: BTreeMap<Hash, Admission>,
    /// The highest id ever given.
    last: NodeId,
    /// How many of all were removed.
    removed: u64,
}

impl Nodes {
    pub(crate) fn founding(&self) -> Option<&Founding> {
        self.founding.as_ref()
    }

    pub(crate) fn all(&self) -> &BTreeMap<NodeId, Node> {
        &self.all
    }

    /// How many nodes are in the cluster now.
    pub(crate) fn live(&self) -> u64 {
        self.all.len() as u64 - self.removed
    }

    /// Makes the cluster. The same again changes nothing, anything else is refused.
    pub(crate) fn found(
        &mut self,
        now: Millis,
        founding: Founding,
        name: &str,
        addresses: &Addresses,
    ) -> Changed {
        if let Some(known) = &self.founding {
            return if *known == founding {
                Ok(false)
            } else {
                Err(NodeRefusal::Because("the cluster is founded already"))
            };
        }
        if founding.node == 0 {
            return Err(NodeRefusal::Because("node ids begin at 1"));
        }
        let long = founding.authority.len().max(founding.sealed_key.len()) > AUTHORITY_BYTES_MAX;
        if long || !fits(name, addresses) {
            return Err(TOO_LONG);
        }
        let (id, key_hash) = (founding.node, founding.key_hash);
        // A log that began without founding knows its only node already.
        let node = self.all.entry(id).or_insert_with(|| Node {
            joined: now,
            ..Node::default()
        });
        node.name = name.into();
        node.addresses = addresses.clone();
        node.key_hash = key_hash;
        self.last = self.last.max(id);
        let admission = Admission {
            node: id,
            token: String::new(),
            secret_hash: [0; 32],
        };
        self.by_key.insert(key_hash, admission);
        self.founding = Some(founding);
        Ok(true)
    }

    /// Lets a node in and says by which id and whether it is new. A key that is in already gets
    /// the id that it has.
    pub(crate) fn admit(
        &mut self,
        now: Millis,
        tokens: &mut Tokens,
        joiner: &Joiner<'_>,
    ) -> Result<(NodeId, bool), AdmitRefusal> {
        if self.founding.is_none() {
            return Err(AdmitRefusal::NotFounded);
        }
        let known = self.by_key.get(joiner.key_hash);
        if let Some(known) = known {
            let node = self.all.get(&known.node);
            if node.is_none_or(|it| it.removed.is_some()) {
                return Err(AdmitRefusal::RemovedKey);
            }
            // A node that lived has voted and agreed; under an empty log it would do so again.
            if node.is_some_and(|it| it.incarnation > 0) {
                return Err(AdmitRefusal::Lived);
            }
            // The founder was admitted by no token, and no token has an empty id.
            if known.token == joiner.token && known.secret_hash == *joiner.secret_hash {
                return Ok((known.node, false));
            }
        }
        let token = tokens.valid(now, joiner.token, joiner.secret_hash)?;
        if let Some(known) = known {
            return Ok((known.node, false));
        }
        if token.left == 0 {
            return Err(AdmitRefusal::UsedUp);
        }
        if self.live() >= NODES_MAX || self.all.len() >= NODES_EVER_MAX {
            return Err(AdmitRefusal::Full);
        }
        token.left -= 1;
        self.last += 1;
        let node = Node {
            name: joiner.name.into(),
            addresses: joiner.addresses.clone(),
            key_hash: *joiner.key_hash,
            joined: now,
            ..Node::default()
        };
        self.all.insert(self.last, node);
        let admission = Admission {
            node: self.last,
            token: joiner.token.into(),
            secret_hash: *joiner.secret_hash,
        };
        self.by_key.insert(*joiner.key_hash, admission);
        Ok((self.last, true))
    }

    /// What [`Nodes::admit`] certainly refuses, without changing anything.
    pub(crate) fn refuses(
        &self,
        now: Millis,
        tokens: &Tokens,
        (token, secret_hash): (&str, &Hash),
        key_hash: &Hash,
    ) -> Option<AdmitRefusal> {
        if self.founding.is_none() {
            return Some(AdmitRefusal::NotFounded);
        }
        let known = self.by_key.get(key_hash);
        let node = known.and_then(|known| self.all.get(&known.node));
        match (known, node) {
            (Some(_), None) => return Some(AdmitRefusal::RemovedKey),
            (_, Some(node)) if node.removed.is_some() => return Some(AdmitRefusal::RemovedKey),
            (_, Some(node)) if node.incarnation > 0 => return Some(AdmitRefusal::Lived),
            _ => {}
        }
        if known.is_some_and(|it| it.token == token && it.secret_hash == *secret_hash) {
            return None;
        }
        match tokens.check(now, token, secret_hash) {
            Err(refusal) => Some(refusal),
            Ok(0) if known.is_none() => Some(AdmitRefusal::UsedUp),
            Ok(_) => None,
        }
    }

    /// A node begins a new life.
    pub(crate) fn up(&mut self, now: Millis, id: NodeId, life: &Life<'_>) -> Changed {
        // Before a cluster is founded there is one node, which nobody had to let in.
        if self.founding.is_none() && id == 1 && !self.all.contains_key(&id) {
            let node = Node {
                joined: now,
                ..Node::default()
            };
            self.all.insert(id, node);
            self.last = self.last.max(id);
        }
        let Some(node) = self.all.get_mut(&id) else {
            return Err(NodeRefusal::Because("the cluster has no such node"));
        };
        if node.removed.is_some() {
            return Err(NodeRefusal::Because("the node was removed"));
        }
        if life.incarnation <= node.incarnation {
            return Err(NodeRefusal::Stale);
        }
        if !fits("", life.addresses) || life.version.len() > NODE_VERSION_BYTES_MAX {
            return Err(TOO_LONG);
        }
        node.incarnation = life.incarnation;
        node.addresses = life.addresses.clone();
        node.version = life.version.into();
        node.levels = life.levels;
        Ok(true)
    }

    /// Leaves one node in a cluster that is to be founded anew.
    pub(crate) fn only(&mut self, now: Millis, kept: NodeId) {
        self.founding = None;
        for (id, node) in &mut self.all {
            if *id != kept && node.removed.is_none() {
                node.removed = Some(now);
                node.addresses = Addresses::default();
                self.removed += 1;
            }
        }
    }

    /// Removes a node for ever.
    pub(crate) fn remove(&mut self, now: Millis, id: NodeId) -> Changed {
        let live = self.live();
        let Some(node) = self.all.get_mut(&id) else {
            return Err(NodeRefusal::Because("the cluster has no such node"));
        };
        if node.removed.is_some() {
            return Ok(false);
        }
        if live == 1 {
            return Err(NodeRefusal::Because("the last node cannot be removed"));
        }
        node.removed = Some(now);
        node.addresses = Addresses::default();
        self.removed += 1;
        Ok(true)
    }
}

const TOO_LONG: NodeRefusal =
    NodeRefusal::Because("a name, an address or a certificate is too long");

/// Whether a name and addresses keep to their bounds.
pub(crate) fn fits(name: &str, addresses: &Addresses) -> bool {
    let lists = [&addresses.peer, &addresses.http, &addresses.admin];
    name.len() <= NODE_NAME_BYTES_MAX
        && lists.iter().all(|list| {
            list.len() <= NODE_ADDRESSES_MAX
                && list.iter().all(|it| it.len() <= NODE_ADDRESS_BYTES_MAX)
        })
}
