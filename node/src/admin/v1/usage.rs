//! What keys have used of their quotas, exact to the last request of this node.

use serde_json::{Map, Value, json};
use time::{Date, OffsetDateTime};
use tollgate_aws::{AwsError, ErrorKind, Service};
use tollgate_model::{Quota, UsagePlan};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId};
use tollgate_protocol::limits::QUOTA_MAX;
use tollgate_state::{Bucket, Command, Reply as Answer, State, window_at};

use super::patch;
use super::plan_keys;
use super::usage_plans::find_plan;
use crate::admin::call::Call;
use crate::admin::change::propose;
use crate::admin::list::cut;
use crate::admin::reply::{Outcome, Reply};

/// Days of one question (AWS: 90).
const DAYS_MAX: u64 = 90;

/// Days since 1970-01-01, first and last.
#[derive(Clone, Copy)]
struct Days {
    first: u64,
    last: u64,
}

/// `GET /usageplans/{usageplanId}/usage?startDate&endDate[&keyId]`
pub(super) async fn get(call: &Call<'_>, plan: &str) -> Outcome {
    let days = Days {
        first: day(call, "startDate")?,
        last: day(call, "endDate")?,
    };
    if days.last < days.first || days.last - days.first >= DAYS_MAX {
        return Err(AwsError::bad_request(format!(
            "Invalid date range. At most {DAYS_MAX} days, the start first"
        )));
    }
    answer(call, plan, call.parameter("keyId").as_deref(), days).await
}

/// `PATCH /usageplans/{usageplanId}/keys/{keyId}/usage`: what is left of the current period.
pub(super) async fn update(call: &Call<'_>, plan: &str, key: &str) -> Outcome {
    let patches = patch::read(call)?;
    let mut remaining: Option<u64> = None;
    for patch in &patches {
        if patch.op != "replace" || patch.path != "/remaining" {
            return Err(patch.refused(&["/remaining"]));
        }
        remaining = Some(patch.parse()?).filter(|it| *it <= QUOTA_MAX);
        if remaining.is_none() {
            return Err(AwsError::bad_request(format!(
                "what remains is a number from 0 to {QUOTA_MAX}"
            )));
        }
    }
    let (_, model) = call.model().await?;
    plan_keys::find(&model, plan, key)?;
    if let Some(remaining) = remaining {
        // What is spent must be known before what is left can be set.
        let (plan, key) = (PlanId::from(plan), KeyId::from(key));
        let of = Some((plan.clone(), key.clone()));
        call.state.runtime.report_usage(of).await;
        let command = Command::AdjustUsage {
            plan: plan.clone(),
            key: key.clone(),
            remaining,
        };
        match propose(call, call.seed.proposal(0), command).await? {
            // What this node holds already may be more than what is left now.
            Answer::Done => call.state.runtime.ask_quota(&plan, &key).await,
            Answer::Refused(why) => return Err(AwsError::bad_request(why)),
            _ => {
                return Err(AwsError::new(
                    ErrorKind::Internal,
                    "the state answered another question",
                ));
            }
        }
    }
    let today = call.state.clock.now().day();
    let days = Days {
        first: today,
        last: today,
    };
    answer(call, plan, Some(key), days).await
}

async fn answer(call: &Call<'_>, plan: &str, key: Option<&str>, days: Days) -> Outcome {
    let one = key.map(KeyId::from);
    let of = one.clone().map(|key| (PlanId::from(plan), key));
    call.state.runtime.report_usage(of).await;
    let (_, model) = call.model().await?;
    let plan = find_plan(&model, plan)?;
    let (id, wanted) = (plan.id.clone(), one.clone());
    let buckets: Vec<(KeyId, Bucket)> = call
        .read(move |state: &State| match wanted {
            Some(key) => {
                let bucket = state.quota.bucket(&id, &key);
                bucket.map(|bucket| (key, bucket)).into_iter().collect()
            }
            None => {
                let used = state.quota.buckets_of(&id);
                used.map(|(key, bucket)| (key.clone(), bucket)).collect()
            }
        })
        .await?;
    let all = one.is_none().then(|| model.api_keys.iter());
    let one = one.and_then(|key| model.api_keys.get_key_value(&key));
    let keys = all.into_iter().flatten().chain(one);
    let keys = keys.filter(|(_, it)| it.usage_plans.contains(&plan.id));
    let used = keys.map(|(id, _)| {
        let at = buckets.binary_search_by(|(key, _)| key.cmp(id)).ok();
        (id.as_str(), at.map(|at| &buckets[at].1))
    });
    let name = format!("usageplans/{}/usage", plan.id);
    let (items, position) = cut(call, Service::ApiGateway, &name, used)?;
    let mut values = Map::new();
    for (key, bucket) in items {
        if let Some(rows) = rows(plan, bucket, days) {
            values.insert(key.to_owned(), rows);
        }
    }
    let mut body = json!({
        "usagePlanId": plan.id,
        "startDate": date(days.first),
        "endDate": date(days.last),
        "values": values,
    });
    if let Some(position) = position {
        body["position"] = position.into();
    }
    Ok(Reply::json(200, body))
}

/// `[used, remaining]` of each day; `None` for a plan without quota, which nothing counts.
fn rows(plan: &UsagePlan, bucket: Option<&Bucket>, days: Days) -> Option<Value> {
    let quota = plan.quota?;
    let rows = (days.first..=days.last).map(|day| match bucket {
        None => json!([0, quota.limit]),
        Some(bucket) => {
            let used = bucket.days.get(&day).copied().unwrap_or_default();
            json!([used, remaining(&quota, bucket, day)])
        }
    });
    Some(rows.collect())
}

/// What was left of the period at the end of a day. What nodes lost when they died counts as
/// spent, in the current period.
fn remaining(quota: &Quota, bucket: &Bucket, day: u64) -> u64 {
    let window = window_at(quota, Millis(day * Millis::DAY));
    let used: u64 = bucket
        .days
        .range(window.start.day()..=day)
        .map(|(_, used)| used)
        .sum();
    if window.start == bucket.current.start {
        let lost = bucket.current.assumed;
        return bucket
            .current
            .cap(quota)
            .saturating_sub(used.saturating_add(lost));
    }
    quota.limit.saturating_sub(used)
}

/// The day of a query parameter, `YYYY-MM-DD`.
fn day(call: &Call<'_>, name: &str) -> Result<u64, AwsError> {
    let text = call
        .parameter(name)
        .ok_or_else(|| AwsError::bad_request(format!("{name} is required")))?;
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let days = Date::parse(&text, format)
        .ok()
        .map(|date| date - OffsetDateTime::UNIX_EPOCH.date())
        .and_then(|since| u64::try_from(since.whole_days()).ok());
    days.ok_or_else(|| AwsError::bad_request(format!("Invalid {name}. Must be YYYY-MM-DD")))
}

/// `YYYY-MM-DD` of a day since 1970-01-01.
fn date(day: u64) -> String {
    let ms = day.saturating_mul(Millis::DAY);
    tollgate_aws::wire::to_iso8601(ms)
        .chars()
        .take(10)
        .collect()
}
