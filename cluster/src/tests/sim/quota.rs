//! A node's quota: the product's leases, driven as the throttle actor drives them, and requests.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tollgate_config::cells::{QuotaSlot, Take};
use tollgate_protocol::Clock;
use tollgate_state::{Command, Effect, LeaseBatch, LeaseReply, NodeId, ProposalId, Reply};

use super::random::Random;
use super::world::World;
use crate::raft::disk::lock;
use crate::{Door, DoorError, Effects, Leases, Place, QuotaNews, Times};

const REPORT_INTERVAL: Duration = Duration::from_millis(500);
const RETRY_DELAY: Duration = Duration::from_millis(50);
const WAIT_DEADLINE: Duration = Duration::from_secs(5);

/// A node's allowance of the one key.
pub(super) struct Shop {
    world: Arc<World>,
    node: NodeId,
    door: Door,
    inner: Mutex<Inner>,
    news: Notify,
}

struct Inner {
    leases: Leases,
    slot: Option<Arc<QuotaSlot>>,
    waiting: Vec<oneshot::Sender<bool>>,
    retry_at: Option<Instant>,
}

type Answered = Pin<Box<dyn Future<Output = Option<Vec<LeaseReply>>> + Send>>;

fn place() -> Place {
    ("gold".into(), "k".into())
}

impl Shop {
    pub(super) fn new(world: &Arc<World>, node: NodeId, door: Door, incarnation: u32) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::clone(world),
            node,
            door,
            inner: Mutex::new(Inner {
                leases: Leases::new(node, incarnation),
                slot: None,
                waiting: Vec::new(),
                retry_at: None,
            }),
            news: Notify::new(),
        })
    }

    fn now(&self) -> tollgate_protocol::Millis {
        self.world.machines[&self.node].clock.now()
    }

    /// What the throttle actor does.
    pub(super) async fn keep(self: Arc<Self>, effects: Effects) {
        let mut report = tokio::time::interval(REPORT_INTERVAL);
        let mut published = self.door.published();
        let mut flight: Option<Answered> = None;
        self.configure();
        loop {
            if flight.is_none() {
                flight = self.depart();
            }
            let retry_at = lock(&self.inner).retry_at;
            tokio::select! {
                biased;
                replies = async { flight.as_mut().expect("in flight").await }, if flight.is_some() => {
                    flight = None;
                    self.settle(replies);
                }
                news = effects.quota_news(self.node) => self.hear(news),
                () = tokio::time::sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => {
                    let mut inner = lock(&self.inner);
                    inner.retry_at = None;
                    inner.leases.retry(&place());
                }
                changed = published.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.configure();
                }
                () = self.news.notified() => {}
                _ = report.tick() => lock(&self.inner).leases.report_some(),
            }
        }
    }

    /// The slot as the configuration wants it.
    fn configure(&self) {
        let quota = self.door.read(|state| {
            let plan = state.model.usage_plans.get("gold");
            plan.and_then(|plan| plan.quota)
        });
        if let Some(quota) = quota {
            let mut inner = lock(&self.inner);
            let slot = inner.leases.slot(&"gold".into(), &"k".into(), quota);
            inner.slot = Some(slot);
        }
    }

    fn depart(&self) -> Option<Answered> {
        let batch = lock(&self.inner).leases.batch(self.now())?;
        Some(Box::pin(exchange(self.door.clone(), batch)))
    }

    fn hear(&self, news: QuotaNews) {
        let leases = &mut lock(&self.inner).leases;
        if news.everything {
            leases.report_and_ask();
        }
        for effect in news.effects {
            match effect {
                Effect::Recall { plan, key, .. } => leases.recall(&(plan, key)),
                Effect::Reopened { plan, key } => leases.reopen(&(plan, key)),
                Effect::QuotaChanged { plan } => leases.reopen_plan(&plan),
                Effect::PublishConfig(_) | Effect::PublishIam(_) | Effect::NodesChanged => {}
            }
        }
    }

    fn settle(&self, replies: Option<Vec<LeaseReply>>) {
        let mut inner = lock(&self.inner);
        let Some(replies) = replies else {
            inner.waiting.clear();
            return;
        };
        let times = Times {
            own: self.now(),
            cluster: self.door.read(|state| state.now),
        };
        for outcome in inner.leases.answer(replies, times) {
            if let Some(again) = outcome.wake {
                for waiting in inner.waiting.drain(..) {
                    // The request may have given up.
                    waiting.send(again).ok();
                }
            }
            if let Some(ms) = outcome.retry_ms {
                inner.retry_at = Some(Instant::now() + Duration::from_millis(ms));
            }
        }
    }

    /// One request, as the pipeline admits it.
    async fn request(self: Arc<Self>) {
        let Some(slot) = lock(&self.inner).slot.clone() else {
            return;
        };
        let waiting = slot.begin_wait();
        loop {
            match slot.take(self.now()) {
                taken @ (Take::Taken | Take::TakenLow) => {
                    let window = lock(&self.inner).leases.window(&place());
                    let window = window.unwrap_or(self.world.began);
                    self.world.oracle().admit(self.node, window);
                    self.world.shared().refusing.remove(&self.node);
                    if taken == Take::TakenLow {
                        lock(&self.inner).leases.want(&place());
                        self.news.notify_one();
                    }
                    break;
                }
                Take::Exhausted { .. } => {
                    self.world.shared().refusing.insert(self.node);
                    break;
                }
                Take::Ask => {
                    let (answer, answered) = oneshot::channel();
                    {
                        let mut inner = lock(&self.inner);
                        inner.waiting.push(answer);
                        inner.leases.want(&place());
                    }
                    self.news.notify_one();
                    let answered = tokio::time::timeout(WAIT_DEADLINE, answered).await;
                    if !matches!(answered, Ok(Ok(true))) {
                        break;
                    }
                }
            }
        }
        drop(waiting);
    }

    /// Requests at random, while they are wanted.
    pub(super) async fn requests(self: Arc<Self>, mut random: Random) {
        let permits = Arc::new(tokio::sync::Semaphore::new(16));
        let busy = 3 + random.below(40);
        loop {
            tokio::time::sleep(random.millis(1, 2 * busy)).await;
            if !self.world.shared().requests {
                continue;
            }
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            let shop = Arc::clone(&self);
            tokio::spawn(async move {
                shop.request().await;
                drop(permit);
            });
        }
    }
}

/// The same bytes with the same number until they are answered.
async fn exchange(door: Door, batch: LeaseBatch) -> Option<Vec<LeaseReply>> {
    loop {
        let command = Command::Lease(batch.clone());
        match door.propose(ProposalId::default(), command).await {
            Ok(Reply::Leased(replies)) => return Some(replies),
            Ok(_) | Err(DoorError::Stopped) => return None,
            Err(_) => tokio::time::sleep(RETRY_DELAY).await,
        }
    }
}
