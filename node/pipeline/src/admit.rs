//! Whether a request is let in: API key, rates, quota (reference 13 and 14).
//!
//! The order is AWS's: the key's rate for the route, the key's rate over the plan, the stage's
//! rate for the route, then the quota. A refused request costs nothing: what earlier levels took
//! is put back, later levels are not asked.

pub(crate) mod headers;

use std::sync::Arc;

use aws_lc_rs::digest;
use tollgate_config::cells::{QuotaSlot, Take, TokenBucket};
use tollgate_config::snapshot::{KeyDigest, KeyEntry, KeyPlan, KeyTable, RoutePlan, StagePlan};
use tollgate_message::HeaderList;
use tollgate_model::OnPartition;
use tollgate_protocol::Millis;

use crate::fault::{Fault, FaultKind, Refusal};
use crate::finished::Record;
use crate::ports::Ports;

/// The leave to go on. Only [`check`] makes one.
#[derive(Debug)]
pub(crate) struct Permit {
    /// The key's bucket that is tightest, for headers.
    bucket: Option<Arc<TokenBucket>>,
    /// The key's quota, for headers.
    quota: Option<Arc<QuotaSlot>>,
}

/// Lets a request in or refuses it.
///
/// # Errors
/// `InvalidApiKey`, `Throttled` or `QuotaExceeded`.
pub(crate) async fn check<P: Ports>(
    ports: &P,
    keys: &KeyTable,
    stage: &StagePlan,
    route: &RoutePlan,
    headers: &HeaderList,
    record: &mut Record,
) -> Result<Permit, Fault> {
    if !route.api_key_required {
        if let Some(bucket) = &route.throttle {
            take(ports, bucket, &mut ports.monotonic_us(), "route").await?;
        }
        return Ok(Permit {
            bucket: None,
            quota: None,
        });
    }
    let refuse = || Fault::new(FaultKind::InvalidApiKey, "no API key");
    let digest = digest_of(headers).ok_or_else(refuse)?;
    by_key(
        ports,
        find_key(keys, stage, &digest)?,
        (stage, route),
        record,
    )
    .await
}

/// Lets a message of a connection in or refuses it. `key` is what its handshake showed: it must
/// still be good, and its limits count messages as they count requests.
///
/// # Errors
/// `InvalidApiKey`, `Throttled` or `QuotaExceeded`.
pub(crate) async fn check_message<P: Ports>(
    ports: &P,
    keys: &KeyTable,
    stage: &StagePlan,
    route: &RoutePlan,
    key: Option<&KeyDigest>,
    record: &mut Record,
) -> Result<(), Fault> {
    if let Some(digest) = key {
        let found = find_key(keys, stage, digest)?;
        return by_key(ports, found, (stage, route), record).await.map(drop);
    }
    match &route.throttle {
        Some(bucket) => take(ports, bucket, &mut ports.monotonic_us(), "route").await,
        None => Ok(()),
    }
}

/// What the table of keys knows the request's key by.
pub(crate) fn digest_of(headers: &HeaderList) -> Option<KeyDigest> {
    let value = headers.get("x-api-key")?;
    let digest = digest::digest(&digest::SHA256, value);
    digest.as_ref().try_into().ok()
}

/// Takes what the limits of a key's plan and of the route's stage ask for.
async fn by_key<P: Ports>(
    ports: &P,
    (key, plan_index): (&Arc<KeyEntry>, usize),
    (stage, route): (&StagePlan, &RoutePlan),
    record: &mut Record,
) -> Result<Permit, Fault> {
    let now_us = ports.monotonic_us();
    record.key = Some((Arc::clone(key), plan_index));
    let plan = &key.plans[plan_index];
    let own_route = route_bucket(plan, stage, &route.route_key);
    let levels = [
        (own_route, "key-route"),
        (plan.throttle.as_ref(), "key"),
        (route.throttle.as_ref(), "route"),
    ];
    take_all(ports, &levels, now_us).await?;
    let quota = plan.quota(&key.key_id);
    if let Some(slot) = quota
        && let Err(fault) = take_quota(ports, slot, plan.terms.on_partition).await
    {
        put_back(&levels);
        return Err(fault);
    }
    let bucket = own_route.or(plan.throttle.as_ref()).cloned();
    Ok(Permit {
        bucket,
        quota: quota.cloned(),
    })
}

impl Permit {
    /// Tells the holder of a key what is left of its limits.
    pub(crate) fn stamp<P: Ports>(&self, ports: &P, response: &mut HeaderList) {
        if let Some(bucket) = &self.bucket {
            headers::admitted_rate(bucket, ports.monotonic_us(), response);
        }
        if let Some(slot) = &self.quota {
            headers::admitted_quota(slot, ports.now_ms(), response);
        }
    }
}

/// The key that the request carries and the index of the plan that opens the stage to it. Every
/// way to fail looks the same to the client.
fn find_key<'a>(
    keys: &'a KeyTable,
    stage: &StagePlan,
    digest: &KeyDigest,
) -> Result<(&'a Arc<KeyEntry>, usize), Fault> {
    let refuse = |detail: &'static str| Fault::new(FaultKind::InvalidApiKey, detail);
    let key = keys.get(digest).ok_or_else(|| refuse("unknown API key"))?;
    if !key.enabled {
        return Err(refuse("the API key is disabled"));
    }
    let (plan, _) = key
        .plan_for(&stage.api_id, &stage.name)
        .ok_or_else(|| refuse("no usage plan of the API key holds the stage"))?;
    let index = key
        .plans
        .iter()
        .position(|it| core::ptr::eq(it, plan))
        .unwrap_or_default();
    Ok((key, index))
}

/// The key's own bucket for a route of a stage.
fn route_bucket<'a>(
    plan: &'a KeyPlan,
    stage: &StagePlan,
    route_key: &str,
) -> Option<&'a Arc<TokenBucket>> {
    if plan.route_throttles.is_empty() {
        return None;
    }
    let wanted = (&*stage.api_id, &*stage.name);
    let terms = &plan.terms;
    let at = terms
        .stages
        .binary_search_by(|it| (&*it.api_id, &*it.stage).cmp(&wanted))
        .ok()?;
    let found = terms
        .routes
        .binary_search_by(|it| (it.stage, &*it.route_key).cmp(&(at, route_key)))
        .ok()?;
    plan.route_throttles.get(found)
}

type Level<'a> = (Option<&'a Arc<TokenBucket>>, &'static str);

/// Takes a token of each level, or of none.
async fn take_all<P: Ports>(ports: &P, levels: &[Level<'_>], mut now_us: u64) -> Result<(), Fault> {
    for (at, (bucket, name)) in levels.iter().enumerate() {
        if let Some(bucket) = bucket
            && let Err(fault) = take(ports, bucket, &mut now_us, name).await
        {
            put_back(&levels[..at]);
            return Err(fault);
        }
    }
    Ok(())
}

fn put_back(levels: &[Level<'_>]) {
    for bucket in levels.iter().filter_map(|(bucket, _)| *bucket) {
        bucket.put_back();
    }
}

/// Takes a token of a bucket. Without one at hand only a bucket that is too small to be divided is
/// asked for elsewhere. That takes time, and `now_us` is then what it is after: by what it was
/// before, a share that lapsed meanwhile would still let the request in at the next level.
async fn take<P: Ports>(
    ports: &P,
    bucket: &TokenBucket,
    now_us: &mut u64,
    name: &'static str,
) -> Result<(), Fault> {
    let Err(mut refused) = bucket.try_take(*now_us) else {
        return Ok(());
    };
    if refused.elsewhere {
        let answer = ports.take_elsewhere(bucket).await;
        *now_us = ports.monotonic_us();
        match answer {
            Ok(()) => return Ok(()),
            Err(there) => {
                refused = there;
                bucket.deny(*now_us, there.retry_after_us);
            }
        }
    }
    let mut fault = Fault::new(FaultKind::Throttled, name);
    fault.limit = Some(Refusal {
        name,
        limit: u64::from(bucket.limit().burst_limit),
        // The cell adds a microsecond against rounding; it is no reason for another second.
        retry_after_ms: refused.retry_after_us / 1000,
    });
    Err(fault)
}

/// Times that one request asks for tokens. Near the end of a quota tokens come one by one, and
/// another request may take the one that was granted: each time some request gets on, so this is
/// reached only when hundreds fight for the last tokens.
const QUOTA_ASKS_MAX: u32 = 512;

/// Takes a token of the quota. Without one at hand the node is asked, and asked again while it
/// answers: a request is refused only when the quota is used up or nobody answers.
async fn take_quota<P: Ports>(
    ports: &P,
    slot: &Arc<QuotaSlot>,
    on_partition: OnPartition,
) -> Result<(), Fault> {
    if on_partition == OnPartition::Deny && ports.is_cut_off() {
        let detail = "the node is cut off, and the plan then denies";
        return Err(exhausted(slot, QUOTA_RETRY_MS, detail));
    }
    let mut waiting = None;
    for _ in 0..QUOTA_ASKS_MAX {
        match slot.take(Millis(ports.now_ms())) {
            Take::Taken => return Ok(()),
            Take::TakenLow => {
                ports.quota_low(slot);
                return Ok(());
            }
            Take::Exhausted { reset } => {
                let wait_ms = reset.0.saturating_sub(ports.now_ms());
                return Err(exhausted(
                    slot,
                    wait_ms,
                    "the quota of the period is used up",
                ));
            }
            Take::Ask if on_partition == OnPartition::Allow && ports.is_cut_off() => {
                ports.quota_exceeded();
                return Ok(());
            }
            Take::Ask => {
                waiting.get_or_insert_with(|| slot.begin_wait());
                let answered = ports.quota_wait(slot).await;
                // What nobody answers may be for want of contact, which the plan then overlooks.
                let allows = on_partition == OnPartition::Allow;
                if !answered && (!allows || !ports.is_cut_off()) {
                    break;
                }
            }
        }
    }
    Err(exhausted(
        slot,
        QUOTA_RETRY_MS,
        "no quota was granted in time",
    ))
}

/// What a client is told to wait when the cluster did not answer in time.
const QUOTA_RETRY_MS: u64 = 1_000;

fn exhausted(slot: &QuotaSlot, retry_after_ms: u64, detail: &'static str) -> Fault {
    let mut fault = Fault::new(FaultKind::QuotaExceeded, detail);
    fault.limit = Some(Refusal {
        name: "quota",
        limit: slot.limit(),
        retry_after_ms,
    });
    fault
}
