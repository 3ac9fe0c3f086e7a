//! API keys and the usage plans that limit them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use tollgate_protocol::ids::{ApiId, KeyId, PlanId, StageName};
use tollgate_protocol::limits::BURST_MAX;
use tollgate_protocol::{Millis, Rate};

/// An API key (AWS v1: ApiKey).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiKey {
    /// The id, which is not secret.
    pub id: KeyId,
    /// The secret that clients send, 20 to 128 characters, unique in the cluster.
    pub value: String,
    /// A name for people, at most 1,024 characters.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether requests with it are let in.
    pub enabled: bool,
    /// The customer's id in a market place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The usage plans that it is in, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub usage_plans: Vec<PlanId>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created_date: Millis,
    /// When it last changed.
    pub last_updated_date: Millis,
}

impl Default for ApiKey {
    fn default() -> Self {
        Self {
            id: KeyId::default(),
            value: String::new(),
            name: String::new(),
            description: None,
            enabled: true,
            customer_id: None,
            usage_plans: Vec::new(),
            tags: BTreeMap::new(),
            created_date: Millis(0),
            last_updated_date: Millis(0),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("enabled", &self.enabled)
            .field("usage_plans", &self.usage_plans)
            .finish_non_exhaustive()
    }
}

/// A usage plan (AWS v1: UsagePlan). Its limits count per key, summed over all its stages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsagePlan {
    /// The id.
    pub id: PlanId,
    /// A name for people.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The stages that it opens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_stages: Vec<ApiStage>,
    /// The rate of one key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
    /// The number of requests of one key in a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// What a node does that is cut off from the majority.
    #[serde(skip_serializing_if = "OnPartition::is_default")]
    pub on_partition: OnPartition,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// A stage of a usage plan (AWS v1: ApiStage).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiStage {
    /// The API.
    pub api_id: ApiId,
    /// The stage.
    pub stage: StageName,
    /// Rates of one key by route key (`GET /pets`; AWS's `/pets/GET` is taken too).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub throttle: BTreeMap<String, Throttle>,
}

/// A token bucket: `burst_limit` requests at once, then `rate_limit` per second.
// Where one of the two is left out it is read as `Throttle::of` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["burstLimit", "rateLimit"])))]
#[serde(rename_all = "camelCase", default)]
pub struct Throttle {
    /// Requests at once.
    pub burst_limit: u32,
    /// Requests per second.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "f64", range(min = 0, max = 1_000_000_000))
    )]
    pub rate_limit: Rate,
}

/// What AWS gives an account (aws.md, 14): the limit where a narrower one says nothing.
const ACCOUNT_RATE_PER_SECOND: u64 = 10_000;
const ACCOUNT_BURST: u32 = 5_000;

impl Throttle {
    /// A limit of which a part may be left out: a rate alone allows one second's worth at once, and
    /// what is not said at all is the account's, as AWS falls back to it.
    #[must_use]
    pub fn of(burst_limit: Option<u32>, rate_limit: Option<Rate>) -> Self {
        let account = Rate::from_micros(ACCOUNT_RATE_PER_SECOND * Rate::ONE.micros());
        let second = |rate: Rate| rate.micros().div_ceil(Rate::ONE.micros());
        let whole = |rate| u32::try_from(second(rate)).map_or(BURST_MAX, |it| it.min(BURST_MAX));
        Self {
            burst_limit: burst_limit.unwrap_or_else(|| rate_limit.map_or(ACCOUNT_BURST, whole)),
            rate_limit: rate_limit.unwrap_or(account),
        }
    }
}

impl<'de> Deserialize<'de> for Throttle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(rename = "Throttle", rename_all = "camelCase", default)]
        struct Parts {
            burst_limit: Option<u32>,
            rate_limit: Option<Rate>,
        }
        let parts = Parts::deserialize(deserializer)?;
        Ok(Self::of(parts.burst_limit, parts.rate_limit))
    }
}

/// A number of requests in a calendar period (UTC).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["limit", "period"])))]
#[serde(rename_all = "camelCase", default)]
pub struct Quota {
    /// Requests in a period.
    pub limit: u64,
    /// The day of the period on which it starts: DAY 0, WEEK 0 (Sunday) to 6, MONTH 0 to 27.
    pub offset: u32,
    /// How long a period is.
    pub period: Period,
}

/// What a node does about a quota while it is cut off from the majority of the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnPartition {
    /// It spends what it holds, then refuses. The quota stays exact.
    #[default]
    Lease,
    /// It refuses. The quota stays exact.
    Deny,
    /// It spends what it holds and goes on admitting. The quota may be exceeded.
    Allow,
}

impl OnPartition {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The length of a quota's period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Period {
    /// A UTC day.
    #[default]
    Day,
    /// Seven UTC days.
    Week,
    /// A calendar month, UTC.
    Month,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_throttle_is_completed_and_not_zero() {
        let read = |text: &str| serde_json::from_str::<Throttle>(text).unwrap();
        let of = |burst_limit, rate: f64| Throttle {
            burst_limit,
            rate_limit: Rate::from_f64(rate).unwrap(),
        };
        assert_eq!(read(r#"{"rateLimit": 2.5}"#), of(3, 2.5));
        assert_eq!(read(r#"{"burstLimit": 7}"#), of(7, 10_000.0));
        assert_eq!(read(r#"{"rateLimit": 0, "burstLimit": 0}"#), of(0, 0.0));
        assert_eq!(read("{}"), of(5_000, 10_000.0));
    }
}
