//! The throttle actor: refills quota slots, reports what was used, gives back at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::{oneshot, watch};
use tollgate_cluster::{Door, DoorError, Outcome, Place, Scope, Times};
use tollgate_config::cells::{QuotaSlot, Refused, TokenBucket};
use tollgate_protocol::Clock;
use tollgate_protocol::ids::{KeyId, PlanId};
use tollgate_state::{Command, Effect, LeaseBatch, ProposalId, Reply};

use super::low::LowSlots;
use super::waiting::WaitLists;
use super::{Allowances, MAILBOX_MESSAGES_MAX};

/// How often slots tell what was used, some at a time, and those ask that run low.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
/// Between two batches for slots that run low with nobody waiting and cannot wait for the regular
/// one: each costs the cluster a flush.
const LOW_PAUSE: Duration = Duration::from_millis(50);
/// Before a batch whose outcome is unknown is sent again.
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// How long a request waits for tokens: a grant is a flush of the disk, and refusing what the quota
/// still has would be as wrong as admitting what it has not.
const WAIT_DEADLINE: Duration = Duration::from_secs(5);

/// Owns the node's allowances: hears who runs low, asks the state machine for more and pours what
/// was granted into the slots.
pub struct ThrottleActor {
    allowances: Allowances,
    partition: Arc<Partition>,
    door: Door,
    clock: Arc<dyn Clock>,
    /// Whether no majority answers this node.
    cut_off: watch::Receiver<bool>,
    /// Requests that wait for tokens.
    requests: WaitLists,
    /// Slots that run low, with nobody waiting.
    low: LowSlots,
    /// Reports that wait for the answer to the batch in flight, and to a later one.
    waiting: Vec<oneshot::Sender<()>>,
    next_waiting: Vec<oneshot::Sender<()>>,
    in_flight: bool,
    stopping: Option<oneshot::Sender<()>>,
}

/// A slot runs low, or ran dry with a request waiting.
#[derive(Message)]
#[rtype(result = "()")]
struct Want {
    place: Place,
    waiting: Option<oneshot::Sender<bool>>,
}

/// What the log did to quotas of this node.
#[derive(Message)]
#[rtype(result = "()")]
struct Affected(Effect);

/// Report what was spent, and with `ask` look again at what was used up.
#[derive(Message)]
#[rtype(result = "()")]
struct Report {
    of: Scope,
    ask: bool,
    done: oneshot::Sender<()>,
}

/// A batch was answered.
#[derive(Message)]
#[rtype(result = "()")]
struct Answered(Option<Vec<tollgate_state::LeaseReply>>);

/// Give everything back and tell when it is done.
#[derive(Message)]
#[rtype(result = "()")]
struct GiveBack(oneshot::Sender<()>);

/// Talks to the throttle actor from any thread.
#[derive(Clone)]
pub struct ThrottleHandle {
    address: Addr<ThrottleActor>,
    door: Door,
    partition: Arc<Partition>,
}

/// What requests know and tell of a partition.
#[derive(Debug, Default)]
struct Partition {
    /// Whether the node is cut off, as of the last report.
    cut_off: AtomicBool,
    /// Requests admitted beyond what was held.
    exceeded: AtomicU64,
}

impl ThrottleActor {
    /// Starts the actor on this thread's arbiter.
    #[must_use]
    pub fn start(allowances: Allowances, door: Door, clock: Arc<dyn Clock>) -> ThrottleHandle {
        let partition = Arc::<Partition>::default();
        let actor = Self {
            partition: Arc::clone(&partition),
            cut_off: door.cut_off(),
            allowances,
            door: door.clone(),
            clock,
            requests: WaitLists::default(),
            low: LowSlots::default(),
            waiting: Vec::new(),
            next_waiting: Vec::new(),
            in_flight: false,
            stopping: None,
        };
        ThrottleHandle {
            address: Actor::start(actor),
            door,
            partition,
        }
    }

    /// Sends the next batch, if there is news and none is in flight.
    fn advance(&mut self, context: &mut Context<Self>) {
        if self.in_flight {
            return;
        }
        let (batch, more) = {
            let leases = &mut self.allowances.lock().leases;
            if leases.has_news() {
                // They cost nothing in a batch that is sent in any case.
                self.low.ask(leases);
            }
            (leases.batch(self.clock.now()), leases.has_reports())
        };
        if !more {
            // Everything that was marked is in this batch or was in one before.
            self.waiting.append(&mut self.next_waiting);
        }
        let Some(batch) = batch else {
            self.wake();
            if let Some(done) = self.stopping.take() {
                // The drain may have given up waiting.
                done.send(()).ok();
            }
            return;
        };
        self.in_flight = true;
        let (door, address) = (self.door.clone(), context.address());
        actix::spawn(async move {
            let replies = exchange(&door, batch).await;
            if address.send(Answered(replies)).await.is_err() {
                tracing::debug!("the throttle actor ended before its answer came");
            }
        });
    }

    /// Asks for the slots that run low, and not again before a pause.
    fn ask_low(&mut self, context: &mut Context<Self>) {
        self.low.ask(&mut self.allowances.lock().leases);
        self.advance(context);
        context.run_later(LOW_PAUSE, |actor, context| {
            if actor.low.end_pause() {
                actor.ask_low(context);
            }
        });
    }

    /// Wakes requests and sets timers as an answer says.
    fn settle(&mut self, outcomes: Vec<Outcome>, context: &mut Context<Self>) {
        for outcome in outcomes {
            if let Some(again) = outcome.wake {
                self.requests.wake(&outcome.place, again);
            }
            if let Some(ms) = outcome.retry_ms {
                let (place, after) = (outcome.place, Duration::from_millis(ms));
                context.run_later(after, move |actor, context| {
                    actor.allowances.lock().leases.retry(&place);
                    actor.advance(context);
                });
            }
        }
    }

    fn wake(&mut self) {
        for waiting in self.waiting.drain(..) {
            // The request may be gone.
            waiting.send(()).ok();
        }
    }
}

/// Sends a batch until it is answered: the same bytes with the same number, so that a repetition
/// grants nothing twice. `None` when the node is stopping or the answer is that it is stale.
async fn exchange(door: &Door, batch: LeaseBatch) -> Option<Vec<tollgate_state::LeaseReply>> {
    loop {
        let command = Command::Lease(batch.clone());
        match door.propose(ProposalId::default(), command).await {
            Ok(Reply::Leased(replies)) => return Some(replies),
            Ok(other) => {
                tracing::error!(?other, "a lease batch got another answer");
                return None;
            }
            Err(DoorError::Stopped) => return None,
            Err(_) => tokio::time::sleep(RETRY_DELAY).await,
        }
    }
}

impl Actor for ThrottleActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        context.run_interval(REPORT_INTERVAL, |actor, context| {
            actor.allowances.sweep();
            {
                let leases = &mut actor.allowances.lock().leases;
                leases.report_some();
                actor.low.ask(leases);
            }
            let cut_off = *actor.cut_off.borrow();
            actor.partition.cut_off.store(cut_off, Ordering::Relaxed);
            if cut_off {
                actor.requests.clear();
            }
            actor.advance(context);
        });
    }
}

impl Handler<Want> for ThrottleActor {
    type Result = ();

    fn handle(&mut self, Want { place, waiting }: Want, context: &mut Self::Context) {
        let Some(waiting) = waiting else {
            let now = self.clock.now();
            let lasts_ms = self.allowances.lock().leases.lasts_ms(&place, now);
            if self.low.add(place, lasts_ms) {
                self.ask_low(context);
            }
            return;
        };
        // A slot that is gone gets nothing: its requests see their senders dropped.
        if self.allowances.lock().leases.want(&place) {
            // Where nobody can grant a token, waiting for one is no use.
            if !*self.cut_off.borrow() {
                self.requests.add(place, waiting);
            }
            self.advance(context);
        }
    }
}

impl Handler<Affected> for ThrottleActor {
    type Result = ();

    fn handle(&mut self, Affected(effect): Affected, context: &mut Self::Context) {
        {
            let leases = &mut self.allowances.lock().leases;
            match effect {
                Effect::Recall { plan, key, .. } => leases.recall(&(plan, key)),
                Effect::Reopened { plan, key } => leases.reopen(&(plan, key)),
                Effect::QuotaChanged { plan } => leases.reopen_plan(&plan),
                Effect::PublishConfig(_) | Effect::PublishIam(_) | Effect::NodesChanged => {}
            }
        }
        self.advance(context);
    }
}

impl Handler<Report> for ThrottleActor {
    type Result = ();

    fn handle(&mut self, Report { of, ask, done }: Report, context: &mut Self::Context) {
        {
            let leases = &mut self.allowances.lock().leases;
            match of {
                Scope::All if ask => leases.report_and_ask(),
                Scope::All => leases.report(),
                Scope::Of(places) => places.iter().for_each(|place| leases.report_of(place)),
            }
        }
        self.next_waiting.push(done);
        self.advance(context);
    }
}

impl Handler<Answered> for ThrottleActor {
    type Result = ();

    fn handle(&mut self, Answered(replies): Answered, context: &mut Self::Context) {
        self.in_flight = false;
        match replies {
            Some(replies) => {
                let times = Times {
                    own: self.clock.now(),
                    cluster: self.door.read(|state| state.now),
                };
                let outcomes = self.allowances.lock().leases.answer(replies, times);
                self.settle(outcomes, context);
            }
            None => {
                self.requests.clear();
                // Nothing of the batch is known to be agreed on.
                self.waiting.clear();
            }
        }
        self.wake();
        self.advance(context);
    }
}

impl Handler<GiveBack> for ThrottleActor {
    type Result = ();

    fn handle(&mut self, GiveBack(done): GiveBack, context: &mut Self::Context) {
        self.low.clear();
        self.allowances.lock().leases.close_all();
        self.stopping = Some(done);
        self.advance(context);
    }
}

impl ThrottleHandle {
    /// A slot runs low. A full mailbox is no harm: the slot asks again when it is dry.
    pub fn low(&self, slot: &QuotaSlot) {
        let want = Want {
            place: (slot.plan.clone(), slot.key.clone()),
            waiting: None,
        };
        if self.address.try_send(want).is_err() {
            tracing::debug!("the throttle actor's mailbox is full");
        }
    }

    /// Asks for tokens and waits for the answer; `false` when none came in time.
    pub async fn wait(&self, slot: &QuotaSlot) -> bool {
        self.ask(&slot.plan, &slot.key).await
    }

    /// Asks what is left of a key's quota and waits for the answer: from then on this node admits
    /// no more than that. `false` when none came in time.
    pub async fn ask(&self, plan: &PlanId, key: &KeyId) -> bool {
        let (waiting, answered) = oneshot::channel();
        let want = Want {
            place: (plan.clone(), key.clone()),
            waiting: Some(waiting),
        };
        if self.address.try_send(want).is_err() {
            return false;
        }
        matches!(
            tokio::time::timeout(WAIT_DEADLINE, answered).await,
            Ok(Ok(true))
        )
    }

    /// Takes a token of a bucket that another node has all of.
    ///
    /// # Errors
    /// [`Refused`] when there is none, or nobody says that there is one in time.
    pub async fn take_elsewhere(&self, bucket: &TokenBucket) -> Result<(), Refused> {
        self.door.take_elsewhere(bucket.key()).await
    }

    /// Whether this node has no contact with a majority, as of half a second ago.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.partition.cut_off.load(Ordering::Relaxed)
    }

    /// A request is admitted beyond what the node holds.
    pub fn exceed(&self) {
        self.partition.exceeded.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests admitted beyond what the node held.
    #[must_use]
    pub fn exceeded(&self) -> u64 {
        self.partition.exceeded.load(Ordering::Relaxed)
    }

    /// Passes on what the log did to quotas (recalls of this node, reopened keys, changed plans).
    /// `false` when the mailbox is full: a recall is repeated while somebody waits; what was
    /// reopened must be passed on again.
    pub fn affected(&self, effect: Effect) -> bool {
        self.address.try_send(Affected(effect)).is_ok()
    }

    /// Reports what was spent until now, and returns when that is committed; `false` when it cannot
    /// be, or takes too long.
    pub async fn report(&self, of: Scope) -> bool {
        self.tell(of, false).await
    }

    /// The same of all nodes, of one key in a plan or of all keys: this one shows what they spent,
    /// but for nodes that do not answer.
    pub async fn report_everywhere(&self, of: Option<Place>) {
        let others = self.door.reported_everywhere(of.clone());
        let (own, told) = futures_util::future::join(self.report(of.into()), others).await;
        if !(own && told) {
            tracing::debug!("not all nodes told what their leases spent");
        }
    }

    /// [`ThrottleHandle::report`], and asks again for keys whose quota was used up.
    pub async fn report_and_ask(&self) {
        self.tell(Scope::All, true).await;
    }

    /// Whether it was told in time. Late numbers are not lost: they are reported with a later batch.
    async fn tell(&self, of: Scope, ask: bool) -> bool {
        let (done, answered) = oneshot::channel();
        if self.address.try_send(Report { of, ask, done }).is_err() {
            return false;
        }
        matches!(
            tokio::time::timeout(WAIT_DEADLINE, answered).await,
            Ok(Ok(()))
        )
    }

    /// Gives back everything that is held, and returns when that is committed or cannot be.
    pub async fn give_back(&self) {
        let (done, given) = oneshot::channel();
        if self.address.send(GiveBack(done)).await.is_ok() {
            // An actor that ended has nothing to give back any more.
            drop(given.await);
        }
    }
}
