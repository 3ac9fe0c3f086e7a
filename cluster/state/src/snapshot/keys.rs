//! An API key in a record of a state snapshot. There can be millions, and reading them is most of
//! a start, so they are not JSON as the rest of the model is: that is more than half names of
//! members, each to be read and compared a million times.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use tollgate_model::ApiKey;
use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::ids::{KeyId, PlanId};

/// What a record says of a key. It never changes: a key that has more takes another record.
#[derive(Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(super) struct KeyV1 {
    id: KeyId,
    value: String,
    name: String,
    description: Option<String>,
    enabled: bool,
    customer_id: Option<String>,
    usage_plans: Vec<PlanId>,
    tags: BTreeMap<String, String>,
    created_date: Millis,
    last_updated_date: Millis,
}

impl KeyV1 {
    /// About how many bytes it takes in a record.
    pub(super) fn bytes(&self) -> usize {
        let texts =
            [&self.description, &self.customer_id].map(|it| it.as_ref().map_or(0, String::len));
        let plans = self.usage_plans.iter().map(|it| it.as_str().len() + 1);
        let tags = self
            .tags
            .iter()
            .map(|(key, value)| key.len() + value.len() + 10);
        let own = self.id.as_str().len() + self.value.len() + self.name.len();
        own + texts.iter().sum::<usize>() + plans.sum::<usize>() + tags.sum::<usize>() + 40
    }
}

// Both ways name every member, so that a new one is not forgotten.

impl From<&ApiKey> for KeyV1 {
    fn from(key: &ApiKey) -> Self {
        let ApiKey {
            id,
            value,
            name,
            description,
            enabled,
            customer_id,
            usage_plans,
            tags,
            created_date,
            last_updated_date,
        } = key.clone();
        Self {
            id,
            value,
            name,
            description,
            enabled,
            customer_id,
            usage_plans,
            tags,
            created_date,
            last_updated_date,
        }
    }
}

impl From<KeyV1> for ApiKey {
    fn from(key: KeyV1) -> Self {
        Self {
            id: key.id,
            value: key.value,
            name: key.name,
            description: key.description,
            enabled: key.enabled,
            customer_id: key.customer_id,
            usage_plans: key.usage_plans,
            tags: key.tags,
            created_date: key.created_date,
            last_updated_date: key.last_updated_date,
        }
    }
}
