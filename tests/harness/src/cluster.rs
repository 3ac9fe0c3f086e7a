//! Several nodes as one gateway: the first was started, the others joined it.
//!
//! A node is named by its place, from 0; its id in the cluster is one more. Every node keeps its
//! ports across restarts.

use std::thread;

use serde_json::Value;

use crate::cli::CliOutput;
use crate::clocks::Clocks;
use crate::disk::SmallDisk;
use crate::network::Network;
use crate::node::{Node, NodeOptions};
use crate::ports;
use crate::wait::{DEADLINE, wait_until};

/// A node as a member of the cluster sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// `leader`, `voter`, `learner`, `joining` or `removed`.
    pub role: String,
}

/// A running cluster. Dropping it kills its nodes.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    network: Option<Network>,
    clocks: Option<Clocks>,
    voters: usize,
}

/// Nodes vote by threes unless a test says otherwise.
const VOTERS: usize = 3;

impl Cluster {
    /// Starts a cluster of `count` nodes that serve the API file `api`, and waits until as many
    /// vote as such a cluster lets vote.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn start(count: usize, api: &str) -> Self {
        let mut cluster = Self::first(api);
        cluster.grow(count);
        cluster
    }

    /// [`Cluster::start`] of nodes that reach each other through a [`Network`] only, and of which
    /// up to `voters` vote.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn networked(count: usize, voters: usize, api: &str) -> Self {
        let mut cluster = Self {
            network: Some(Network::new()),
            voters,
            ..Self::empty()
        };
        cluster.begin(NodeOptions::new(), api);
        cluster.grow(count);
        cluster
    }

    /// [`Cluster::start`] of nodes with [`Clocks`] that a test sets.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn clocked(count: usize, api: &str) -> Self {
        let mut cluster = Self {
            clocks: Some(Clocks::new()),
            ..Self::empty()
        };
        cluster.begin(NodeOptions::new(), api);
        cluster.grow(count);
        cluster
    }

    /// A cluster of one that serves the API file `api`.
    ///
    /// # Panics
    ///
    /// If it does not come up, or refuses the file.
    pub fn first(api: &str) -> Self {
        let mut cluster = Self::empty();
        cluster.begin(NodeOptions::new(), api);
        cluster
    }

    /// [`Cluster::start`] whose first node, its first leader, has its data on this disk.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn on_disk(disk: &SmallDisk, count: usize, api: &str) -> Self {
        let mut cluster = Self::empty();
        cluster.begin(disk.hold(NodeOptions::new()), api);
        cluster.grow(count);
        cluster
    }

    fn empty() -> Self {
        Self {
            nodes: Vec::new(),
            network: None,
            clocks: None,
            voters: VOTERS,
        }
    }

    /// Starts the first node, and applies the API file.
    fn begin(&mut self, first: NodeOptions, api: &str) {
        let first = Node::start(self.options(first));
        self.nodes.push(first);
        let applied = self.apply(0, api);
        assert_eq!(applied.code, 0, "{applied:?}");
    }

    fn grow(&mut self, count: usize) {
        for _ in 1..count {
            self.add();
        }
        let odd = [5, 3, 1]
            .into_iter()
            .find(|odd| *odd <= count.min(self.voters));
        self.wait_voters(odd.expect("a node is there"));
    }

    /// How the next node is started.
    fn options(&self, mut options: NodeOptions) -> NodeOptions {
        if let Some(network) = &self.network {
            let peer = ports::fixed();
            let outside = network.attach(peer).ip().to_string();
            options = options.arg("--peer").arg(&peer.to_string());
            options = options.arg("--advertise").arg(&outside);
        }
        if let Some(clocks) = &self.clocks {
            options = clocks.give(self.nodes.len(), options);
        }
        // Suites that measure changes ask for more than a node takes of one account.
        for setting in ["TOLLGATE_MANAGEMENT_RATE", "TOLLGATE_MANAGEMENT_BURST"] {
            options = options.env(setting, "1000000");
        }
        let voters = self.voters.to_string();
        options.arg("--voters").arg(&voters).fixed_ports()
    }

    /// Lets one more node join through the first, and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If it is not let in.
    pub fn add(&mut self) -> &mut Node {
        let token = self.token(0, &[]);
        let member = self.nodes[0].addresses().peer;
        let options = self.options(NodeOptions::join(member, &token));
        self.nodes.push(Node::start(options));
        self.nodes.last_mut().expect("one was added")
    }

    /// A join token of the node `at`; `args` go behind `token create`.
    ///
    /// # Panics
    ///
    /// If it makes none.
    pub fn token(&self, at: usize, args: &[&str]) -> String {
        let mut command = vec!["token", "create", "-o", "json"];
        command.extend_from_slice(args);
        let made = self.nodes[at].cli(&command).json();
        made["token"]
            .as_str()
            .unwrap_or_else(|| panic!("no token in {made}"))
            .to_owned()
    }

    /// What is between the nodes.
    ///
    /// # Panics
    ///
    /// If the cluster is none of [`Cluster::networked`].
    pub fn network(&self) -> &Network {
        self.network.as_ref().expect("a networked cluster")
    }

    /// The nodes' clocks.
    ///
    /// # Panics
    ///
    /// If the cluster is none of [`Cluster::clocked`].
    pub fn clocks(&self) -> &Clocks {
        self.clocks.as_ref().expect("a clocked cluster")
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// All nodes, to do one thing to some while another thing is done to others.
    pub fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// One node, to stop, kill, freeze or restart.
    pub fn node(&mut self, at: usize) -> &mut Node {
        &mut self.nodes[at]
    }

    /// Applies an API file through the node `at`.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn apply(&self, at: usize, api: &str) -> CliOutput {
        self.nodes[at].administrator().apply("applied.yaml", api)
    }

    /// The members as the node `at` sees them, or why it does not tell.
    ///
    /// # Errors
    ///
    /// What the command said.
    pub fn members(&self, at: usize) -> Result<Vec<Member>, String> {
        Ok(members(&self.told(at)?))
    }

    /// Waits until the node `at` knows a leader that is not `instead_of`, and returns its place.
    ///
    /// # Panics
    ///
    /// If it knows none in time.
    pub fn leader(&self, at: usize, instead_of: Option<usize>) -> usize {
        wait_until(DEADLINE, "a leader", || {
            let told = self.told(at)?;
            let leader = told["leaderId"].as_u64().map(place);
            leader
                .filter(|leader| Some(*leader) != instead_of)
                .ok_or_else(|| told.to_string())
        })
    }

    /// Waits until `count` nodes vote and none is about to join, as the first sees it.
    ///
    /// # Panics
    ///
    /// If it does not come to that.
    pub fn wait_voters(&self, count: usize) {
        wait_until(DEADLINE, "voters", || {
            let members = self.members(0)?;
            let has = |roles: &[&str]| {
                let with = members.iter().filter(|it| roles.contains(&&*it.role));
                with.count()
            };
            if has(&["leader", "voter"]) == count && has(&["joining"]) == 0 {
                Ok(())
            } else {
                Err(format!("{members:?}"))
            }
        });
    }

    /// Ends every node at once without warning.
    pub fn kill9_all(&mut self) {
        // All are silenced before the first is dead, so that none sees another go.
        for node in &mut self.nodes {
            node.process().freeze();
        }
        for node in &mut self.nodes {
            node.kill9();
        }
    }

    /// Starts every node again at once, and waits until all are ready.
    ///
    /// # Panics
    ///
    /// If one does not come up.
    pub fn restart_all(&mut self) {
        thread::scope(|scope| {
            for node in &mut self.nodes {
                scope.spawn(|| node.restart());
            }
        });
    }

    fn told(&self, at: usize) -> Result<Value, String> {
        let asked = self.nodes[at].cli(&["members", "-o", "json"]);
        if asked.code == 0 {
            Ok(asked.json())
        } else {
            Err(asked.stderr)
        }
    }
}

/// The place of the node with this id.
fn place(id: u64) -> usize {
    usize::try_from(id).expect("a few nodes") - 1
}

fn members(told: &Value) -> Vec<Member> {
    let items = told["items"].as_array();
    let items = items.unwrap_or_else(|| panic!("no items: {told}"));
    let read = |item: &Value| Member {
        id: item["nodeId"].as_u64().expect("an id"),
        role: item["role"].as_str().expect("a role").to_owned(),
    };
    items.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Member, members};

    #[test]
    fn members_are_read() {
        let told = json!({"items": [{"nodeId": 2, "role": "voter", "name": "b"}]});
        let role = "voter".to_owned();
        assert_eq!(members(&told), [Member { id: 2, role }]);
    }
}
