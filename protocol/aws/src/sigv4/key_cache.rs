//! Signing keys and their cache.
//!
//! Deriving a key costs four HMACs, and a client uses one key a whole day. The cache has two
//! generations: when the young one is full, the old one is dropped and the young becomes the old.
//! That is a bound without a list of ages. Only keys that verified a signature enter, so a stranger
//! can not push out those in use.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::hmac;

use crate::Secret;

/// The key of one access key, day, region and service.
pub(super) fn derive(secret: &Secret, day: &str, region: &str, service: &str) -> hmac::Key {
    let sign = |key: &[u8], data: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes())
    };
    let start = format!("AWS4{}", secret.expose());
    let day = sign(start.as_bytes(), day);
    let region = sign(day.as_ref(), region);
    let service = sign(region.as_ref(), service);
    hmac::Key::new(
        hmac::HMAC_SHA256,
        sign(service.as_ref(), "aws4_request").as_ref(),
    )
}

#[derive(Debug)]
struct Entry {
    secret: Secret,
    key: Arc<hmac::Key>,
}

/// Keys by credential text: access key, day, region and service, joined as on the wire.
#[derive(Debug)]
pub(super) struct KeyCache {
    young: HashMap<Box<str>, Entry>,
    old: HashMap<Box<str>, Entry>,
    generation_max: usize,
}

impl KeyCache {
    /// A cache of at most `entries_max` keys.
    pub(super) fn new(entries_max: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation_max: (entries_max / 2).max(1),
        }
    }

    /// The key, if it is there and was made from this secret.
    pub(super) fn get(&mut self, credential: &str, secret: &Secret) -> Option<Arc<hmac::Key>> {
        if let Some(entry) = self.young.get(credential) {
            return entry.secret.same(secret).then(|| Arc::clone(&entry.key));
        }
        let (credential, entry) = self.old.remove_entry(credential)?;
        if !entry.secret.same(secret) {
            return None;
        }
        let key = Arc::clone(&entry.key);
        self.put(credential, entry);
        Some(key)
    }

    /// Keeps a key.
    pub(super) fn insert(&mut self, credential: &str, secret: Secret, key: Arc<hmac::Key>) {
        self.put(credential.into(), Entry { secret, key });
    }

    fn put(&mut self, credential: Box<str>, entry: Entry) {
        if self.young.len() >= self.generation_max && !self.young.contains_key(&credential) {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(credential, entry);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_bound_and_keeps_what_is_used() {
        let secret = Secret::new("s");
        let key = Arc::new(derive(&secret, "20150830", "us-east-1", "iam"));
        let mut cache = KeyCache::new(8);
        cache.insert("hot", secret.clone(), Arc::clone(&key));
        for n in 0..100 {
            cache.insert(&n.to_string(), secret.clone(), Arc::clone(&key));
            assert!(cache.get("hot", &secret).is_some(), "after {n}");
            assert!(cache.len() <= 8, "{}", cache.len());
        }
        assert!(cache.get("1", &secret).is_none());
    }

    #[test]
    fn a_changed_secret_is_not_served() {
        let (old, new) = (Secret::new("old"), Secret::new("new"));
        let mut cache = KeyCache::new(8);
        cache.insert("c", old.clone(), Arc::new(derive(&old, "d", "r", "s")));
        assert!(cache.get("c", &new).is_none());
        cache.insert("c", new.clone(), Arc::new(derive(&new, "d", "r", "s")));
        assert!(cache.get("c", &new).is_some());
        assert!(cache.get("c", &old).is_none());
    }
}
