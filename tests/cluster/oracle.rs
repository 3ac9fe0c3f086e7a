//! The back end that counts what reached it for each API key: no part of the gateway is asked how
//! often a customer was served.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tollgate_harness::{Answer, Backend};

/// A back end and its counts.
pub(crate) struct Oracle {
    backend: Backend,
    counts: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Oracle {
    /// A back end that takes this long: a node that dies has requests in flight.
    pub(crate) fn start(takes: Duration) -> Self {
        let counts = Arc::new(Mutex::new(BTreeMap::new()));
        let counting = Arc::clone(&counts);
        let backend = Backend::start(move |request| {
            let key = request.header("x-api-key").unwrap_or("none").to_owned();
            let mut counts = counting.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry(key).or_default() += 1;
            Answer::status(200, "served").after(takes)
        });
        Self { backend, counts }
    }

    pub(crate) fn url(&self) -> String {
        self.backend.url()
    }

    /// How often it was asked for this key.
    pub(crate) fn served(&self, key: &str) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(key).copied().unwrap_or(0)
    }
}
