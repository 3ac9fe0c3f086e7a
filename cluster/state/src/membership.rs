//! Commands about nodes and join tokens, from the words of a command to the tables.

use alloc::string::String;
use alloc::sync::Arc;

use tollgate_protocol::Millis;

use crate::State;
use crate::command::{AdmitRefusal, Applied, Command, Effect, Hash, NodeId, Reply};
use crate::nodes::{self, Founding, Joiner, Life, NodeRefusal};
use crate::state::reply;
use crate::tokens::Token;

impl State {
    /// Carries out a command about nodes or tokens; other commands do nothing here.
    pub(crate) fn carry_out_membership(&mut self, command: &Command) -> Applied {
        match command {
            Command::Found {
                cluster,
                authority,
                sealed_key,
                node,
                key_hash,
                name,
                addresses,
            } => {
                let founding = Founding {
                    cluster: *cluster,
                    authority: authority.clone(),
                    sealed_key: sealed_key.clone(),
                    node: *node,
                    key_hash: *key_hash,
                };
                let now = self.now;
                changed(Arc::make_mut(&mut self.nodes).found(now, founding, name, addresses))
            }
            Command::CreateToken {
                id,
                secret_hash,
                expires,
                uses,
                who,
            } => self.create_token(id, secret_hash, *expires, *uses, who),
            Command::RevokeToken { id } => self.revoke_token(id),
            Command::AdmitNode {
                token,
                secret_hash,
                key_hash,
                name,
                addresses,
            } => self.admit(&Joiner {
                token,
                secret_hash,
                key_hash,
                name,
                addresses,
            }),
            Command::NodeUp {
                node,
                incarnation,
                addresses,
                version,
                levels,
            } => self.node_up(
                *node,
                &Life {
                    incarnation: *incarnation,
                    addresses,
                    version,
                    levels: *levels,
                },
            ),
            Command::RemoveNode { node, who: _ } => self.remove_node(*node),
            Command::Configure { .. }
            | Command::Lease(_)
            | Command::AdjustUsage { .. }
            | Command::Iam { .. } => reply(Reply::Refused("the command is not about nodes".into())),
        }
    }

    /// Why [`Command::AdmitNode`] would not let this key in with this token, at `now` or later;
    /// `None` when the command has to be tried. But for a token or a cluster that is not known
    /// (yet), what is refused here once is refused for ever.
    #[must_use]
    pub fn refuses(
        &self,
        now: Millis,
        token: &str,
        secret_hash: &Hash,
        key_hash: &Hash,
    ) -> Option<AdmitRefusal> {
        let now = self.now.max(now);
        self.nodes
            .refuses(now, &self.tokens, (token, secret_hash), key_hash)
    }

    fn create_token(
        &mut self,
        id: &str,
        secret_hash: &Hash,
        expires: Millis,
        uses: u32,
        who: &str,
    ) -> Applied {
        let token = Token {
            secret_hash: *secret_hash,
            expires,
            uses,
            left: uses,
            who: who.into(),
            created: self.now,
        };
        let now = self.now;
        match Arc::make_mut(&mut self.tokens).create(now, id, token) {
            Ok(()) => reply(Reply::Done),
            Err(why) => reply(Reply::Refused(why.into())),
        }
    }

    fn revoke_token(&mut self, id: &str) -> Applied {
        let now = self.now;
        if Arc::make_mut(&mut self.tokens).revoke(now, id) {
            reply(Reply::Done)
        } else {
            reply(Reply::Refused("there is no such join token".into()))
        }
    }

    fn admit(&mut self, joiner: &Joiner<'_>) -> Applied {
        if !nodes::fits(joiner.name, joiner.addresses) {
            return reply(Reply::Refused("a name or an address is too long".into()));
        }
        let (now, tokens) = (self.now, Arc::make_mut(&mut self.tokens));
        match Arc::make_mut(&mut self.nodes).admit(now, tokens, joiner) {
            Ok((node, new)) => Applied {
                reply: Reply::Admitted(node),
                effects: new.then_some(Effect::NodesChanged).into_iter().collect(),
            },
            Err(refusal) => reply(Reply::NotAdmitted(refusal)),
        }
    }

    fn node_up(&mut self, node: NodeId, life: &Life<'_>) -> Applied {
        if !self.may_live(node, life.levels) {
            return reply(Reply::Level(self.level()));
        }
        let now = self.now;
        let result = Arc::make_mut(&mut self.nodes).up(now, node, life);
        if result.is_ok() {
            self.quota.begin_life(node, life.incarnation);
            self.rise();
        }
        changed(result)
    }

    fn remove_node(&mut self, node: NodeId) -> Applied {
        let now = self.now;
        let result = Arc::make_mut(&mut self.nodes).remove(now, node);
        if result == Ok(true) {
            self.quota.end(node);
            self.rise();
        }
        changed(result)
    }
}

fn changed(result: Result<bool, NodeRefusal>) -> Applied {
    match result {
        Ok(new) => Applied {
            reply: Reply::Done,
            effects: new.then_some(Effect::NodesChanged).into_iter().collect(),
        },
        Err(NodeRefusal::Stale) => reply(Reply::Stale),
        Err(NodeRefusal::Because(why)) => reply(Reply::Refused(String::from(why))),
    }
}
