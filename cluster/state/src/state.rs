//! The state and the only door to it.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use tollgate_model::{Change, Mark, Model, mark};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId, Revision};
use tollgate_protocol::limits::HISTORY_NAMED_MAX;

use crate::command::{Applied, Command, Effect, Entry, LeaseBatch, NodeId, ProposalId, Reply};
use crate::history::{self, Base, History, Marks, RevisionRecord, Touched};
use crate::iam::Iam;
use crate::nodes::{Founding, Node, Nodes};
use crate::proposals::Proposals;
use crate::quota::{QuotaTable, Scene};
use crate::tokens::{Token, Tokens};

/// Everything that the cluster agrees on.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct State {
    /// The last entry of the log that was applied; set by whoever owns the log.
    pub index: u64,
    /// The latest time that an entry carried: it never runs backwards.
    pub now: Millis,
    /// The configuration's version.
    pub revision: Revision,
    /// The configuration.
    pub model: Arc<Model>,
    /// The quotas.
    pub quota: QuotaTable,
    /// The feature level, 0 before any node lived.
    pub(crate) level: u16,
    pub(crate) proposals: Arc<Proposals>,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) history: Arc<History>,
    pub(crate) iam: Arc<Iam>,
}

impl State {
    /// Carries an entry out. Entries come in order and each once.
    pub fn apply(&mut self, entry: &Entry) -> Applied {
        self.now = self.now.max(entry.at);
        if let Some(reply) = self.proposals.get(&entry.proposal) {
            return Applied {
                reply: reply.clone(),
                effects: Vec::new(),
            };
        }
        if entry.command.level() > self.level() {
            return reply(Reply::Level(self.level()));
        }
        let applied = self.carry_out(&entry.command);
        if remembered(&entry.command) && entry.proposal != ProposalId::default() {
            let (id, reply) = (entry.proposal, applied.reply.clone());
            let bare = matches!(entry.command, Command::AdjustUsage { .. });
            Arc::make_mut(&mut self.proposals).remember(id, reply, bare);
        }
        applied
    }

    /// The answer that a proposal was given, while it is remembered: who repeats a call finds here
    /// that it was carried out.
    #[must_use]
    pub fn answer(&self, proposal: &ProposalId) -> Option<&Reply> {
        self.proposals.get(proposal)
    }

    /// Who is in the cluster and who was; removed nodes say so.
    #[must_use]
    pub fn nodes(&self) -> &BTreeMap<NodeId, Node> {
        self.nodes.all()
    }

    /// The ids of the nodes that belong to the cluster now: let in and not removed.
    pub fn live_ids(&self) -> impl Iterator<Item = NodeId> {
        let live = self.nodes().iter().filter(|(_, it)| it.removed.is_none());
        live.map(|(id, _)| *id)
    }

    /// What the cluster was founded with; `None` before that.
    #[must_use]
    pub fn founding(&self) -> Option<&Founding> {
        self.nodes.founding()
    }

    /// The join tokens by id, expired ones for a day.
    #[must_use]
    pub fn tokens(&self) -> &BTreeMap<String, Token> {
        self.tokens.all()
    }

    /// The newest changes of the configuration, oldest first, at most
    /// [`HISTORY_REVISIONS_MAX`](tollgate_protocol::limits::HISTORY_REVISIONS_MAX).
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &RevisionRecord> {
        self.history.records().iter().map(AsRef::as_ref)
    }

    /// The configuration as it was at a revision; `None` when it is not remembered or yet to come.
    #[must_use]
    pub fn model_at(&self, revision: Revision) -> Option<Model> {
        self.history.model_at(&self.model, self.revision, revision)
    }

    fn carry_out(&mut self, command: &Command) -> Applied {
        match command {
            Command::Configure {
                expected,
                rests_on,
                changes,
                who,
            } => {
                let base = expected.map(|revision| Base {
                    revision,
                    rests_on: rests_on.as_deref(),
                });
                self.configure(base, changes, who)
            }
            Command::Lease(batch) => self.lease(batch),
            Command::AdjustUsage {
                plan,
                key,
                remaining,
            } => self.adjust_usage(plan, key, *remaining),
            Command::Found { .. }
            | Command::CreateToken { .. }
            | Command::RevokeToken { .. }
            | Command::AdmitNode { .. }
            | Command::NodeUp { .. }
            | Command::RemoveNode { .. } => self.carry_out_membership(command),
            Command::Iam {
                expected,
                changes,
                who,
            } => self.change_iam(*expected, changes, who),
        }
    }

    fn lease(&mut self, batch: &LeaseBatch) -> Applied {
        let scene = Scene {
            model: &self.model,
            now: self.now,
            live: self.nodes.live(),
        };
        let mut effects = Vec::new();
        let replies = self.quota.lease(scene, batch, &mut effects);
        Applied {
            reply: replies.map_or(Reply::Stale, Reply::Leased),
            effects,
        }
    }

    fn adjust_usage(&mut self, plan: &PlanId, key: &KeyId, remaining: u64) -> Applied {
        let place = (plan, key);
        match self.quota.adjust(&self.model, self.now, place, remaining) {
            Some(effects) => Applied {
                reply: Reply::Done,
                effects,
            },
            None => reply(Reply::Refused("the key has no quota in this plan".into())),
        }
    }

    fn configure(&mut self, base: Option<Base<'_>>, json: &[u8], who: &str) -> Applied {
        let conflict = |state: &Self| reply(Reply::Conflict(state.revision));
        if base.is_some_and(|base| !self.history.holds(self.revision, base)) {
            return conflict(self);
        }
        if json.is_empty() {
            return reply(Reply::Configured(self.revision));
        }
        let changes: Vec<Change> = match serde_json::from_slice(json) {
            Ok(changes) => changes,
            Err(error) => return reply(Reply::Refused(unreadable(&error))),
        };
        // Whatever its author said that it rests on: nobody's change is overwritten unseen.
        if let Some(base) = base.filter(|base| base.revision != self.revision) {
            let own = changes.iter().map(Change::subject);
            let own: Vec<Mark> = own.map(|(kind, name)| mark(kind, name)).collect();
            let rests_on = Some(&*own);
            if !self.history.holds(self.revision, Base { rests_on, ..base }) {
                return conflict(self);
            }
        }
        let effects = self.change(changes, who);
        Applied {
            reply: Reply::Configured(self.revision),
            effects,
        }
    }

    /// Carries changes out as one revision.
    fn change(&mut self, changes: Vec<Change>, who: &str) -> Vec<Effect> {
        let (mut effects, mut undo) = (Vec::new(), VecDeque::new());
        let (count, mut named) = (changes.len() as u64, Vec::new());
        let mut marks = Marks::default();
        let model = Arc::make_mut(&mut self.model);
        for change in changes {
            effects.extend(changed_quota(model, &change));
            marks.add(model, &change);
            let inverse = model.inverse(&change);
            if named.len() < HISTORY_NAMED_MAX {
                named.push(Touched::by(&change, &inverse));
            }
            undo.push_front(inverse);
            model.apply(change);
        }
        self.revision = Revision(self.revision.0 + 1);
        // What the model holds can be written: it was read from JSON.
        let mut undo = serde_json::to_vec(&undo).unwrap_or_default();
        // It stays for a thousand changes.
        undo.shrink_to_fit();
        Arc::make_mut(&mut self.history).push(RevisionRecord {
            revision: self.revision,
            at: self.now,
            who: history::cut_who(who),
            changes: count,
            named,
            marks: marks.sorted(),
            undo,
        });
        self.quota.prune(&self.model, self.now);
        effects.push(Effect::PublishConfig(self.revision));
        effects
    }
}

pub(crate) fn reply(reply: Reply) -> Applied {
    Applied {
        reply,
        effects: Vec::new(),
    }
}

/// What a change of a plan means for nodes that were told that its quota is used up.
fn changed_quota(model: &Model, change: &Change) -> Option<Effect> {
    let Change::PutUsagePlan(plan) = change else {
        return None;
    };
    let before = model.usage_plans.get(&plan.id).and_then(|it| it.quota);
    (before != plan.quota).then(|| Effect::QuotaChanged {
        plan: plan.id.clone(),
    })
}

/// Leases and lives carry their own numbers, and a confirmation did nothing; what is left must be
/// answered once.
fn remembered(command: &Command) -> bool {
    match command {
        Command::Lease(_) | Command::NodeUp { .. } => false,
        Command::Configure { changes, .. } if changes.is_empty() => false,
        Command::Iam { changes, .. } if changes.is_empty() => false,
        Command::Configure { .. }
        | Command::AdjustUsage { .. }
        | Command::Found { .. }
        | Command::CreateToken { .. }
        | Command::RevokeToken { .. }
        | Command::AdmitNode { .. }
        | Command::RemoveNode { .. }
        | Command::Iam { .. } => true,
    }
}

fn unreadable(error: &serde_json::Error) -> String {
    // The text of a serde error can quote a value, which can be a secret: only its place is told.
    let place = (error.line().to_string(), error.column().to_string());
    [
        "the changes cannot be read at line ",
        &place.0,
        ", column ",
        &place.1,
    ]
    .concat()
}
