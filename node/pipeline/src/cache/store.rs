//! The cache of a node: bounded by bytes, with one request on its way per missing entry.
//!
//! Looking up is lock-free. Only a miss takes a lock, for as long as a map insert: next to the
//! call of a back end that follows, that is nothing. Expiry is decided by the caller's clock;
//! moka's own clock only frees memory.

use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;
use moka::sync::Cache;
use tollgate_message::HeaderList;

/// The cache of a node. A handle: clones share everything.
#[derive(Clone)]
pub struct ResponseCache {
    inner: Arc<Inner>,
}

struct Inner {
    entries: Cache<Arc<[u8]>, Arc<Cached>>,
    /// The fetches under way. As many as there are requests under way at most.
    flights: Mutex<HashMap<Arc<[u8]>, Arc<Flight>>>,
}

/// A stored response.
#[derive(Debug)]
pub struct Cached {
    /// The status.
    pub status: u16,
    /// The fields.
    pub headers: HeaderList,
    /// The body.
    pub body: Bytes,
    /// When it was stored, milliseconds since the epoch.
    pub stored_ms: u64,
    /// When it is no longer given out.
    pub expires_ms: u64,
}

/// What a look-up gives.
pub(crate) enum Turn {
    /// The entry, perhaps after waiting for the request that was fetching it.
    Hit(Arc<Cached>),
    /// Nobody fetches it: the caller does.
    Lead(Lead),
    /// The request that was fetching it stored nothing. The caller asks for itself, and for
    /// nobody else.
    Failed,
}

/// The duty to fetch an entry. Dropped without [`Lead::publish`], it lets the waiting go on.
pub(crate) struct Lead {
    cache: ResponseCache,
    key: Arc<[u8]>,
    flight: Arc<Flight>,
}

#[derive(Default)]
struct Flight {
    state: Mutex<FlightState>,
}

#[derive(Default)]
struct FlightState {
    /// `Some(None)`: ended without an entry.
    ended: Option<Option<Arc<Cached>>>,
    /// Who waits, by the number that each got when it came.
    wakers: HashMap<u64, Waker>,
    came: u64,
}

/// One that waits. When it leaves, nothing of it stays behind: a flight may take as long as a back
/// end likes, and anybody can come and go meanwhile.
struct Waiter<'a> {
    flight: &'a Flight,
    number: u64,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        lock(&self.flight.state).wakers.remove(&self.number);
    }
}

/// Frees the memory of entries when their time is over.
struct ByEntry;

impl Expiry<Arc<[u8]>, Arc<Cached>> for ByEntry {
    fn expire_after_create(
        &self,
        _key: &Arc<[u8]>,
        value: &Arc<Cached>,
        _at: Instant,
    ) -> Option<Duration> {
        Some(Duration::from_millis(
            value.expires_ms.saturating_sub(value.stored_ms),
        ))
    }

    fn expire_after_update(
        &self,
        _key: &Arc<[u8]>,
        value: &Arc<Cached>,
        _at: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(Duration::from_millis(
            value.expires_ms.saturating_sub(value.stored_ms),
        ))
    }
}

impl ResponseCache {
    /// A cache of at most `bytes_max` bytes of keys, fields and bodies.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let entries = Cache::builder()
            .max_capacity(bytes_max)
            .weigher(|key: &Arc<[u8]>, value: &Arc<Cached>| {
                let bytes = key.len() + value.headers.byte_len() + value.body.len() + OVERHEAD;
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .expire_after(ByEntry)
            .build();
        Self {
            inner: Arc::new(Inner {
                entries,
                flights: Mutex::default(),
            }),
        }
    }

    /// The entry, if it is there and its time is not over.
    #[must_use]
    pub fn get(&self, key: &[u8], now_ms: u64) -> Option<Arc<Cached>> {
        self.inner
            .entries
            .get(key)
            .filter(|it| now_ms < it.expires_ms)
    }

    /// Stores an entry in the place of any other.
    pub fn put(&self, key: Arc<[u8]>, entry: Arc<Cached>) {
        self.inner.entries.insert(key, entry);
    }

    /// Drops the entries whose key begins with a prefix: an API, a stage or a namespace followed
    /// by what ends it.
    pub fn flush(&self, prefix: &[u8]) {
        for (key, _) in &self.inner.entries {
            if key.starts_with(prefix) {
                self.inner.entries.invalidate(&**key);
            }
        }
    }

    /// Drops everything.
    pub fn flush_all(&self) {
        self.inner.entries.invalidate_all();
    }

    /// Looks an entry up; waits when another request is fetching it.
    pub(crate) async fn turn(&self, key: &Arc<[u8]>, now_ms: u64) -> Turn {
        if let Some(entry) = self.get(key, now_ms) {
            return Turn::Hit(entry);
        }
        let flight = {
            let mut flights = lock(&self.inner.flights);
            match flights.get(key) {
                Some(flight) => Arc::clone(flight),
                None => {
                    // It may have landed between the look-up and the lock.
                    if let Some(entry) = self.get(key, now_ms) {
                        return Turn::Hit(entry);
                    }
                    let flight = Arc::new(Flight::default());
                    flights.insert(Arc::clone(key), Arc::clone(&flight));
                    let cache = self.clone();
                    return Turn::Lead(Lead {
                        cache,
                        key: Arc::clone(key),
                        flight,
                    });
                }
            }
        };
        match flight.wait().await {
            Some(entry) => Turn::Hit(entry),
            None => Turn::Failed,
        }
    }

    /// The entries and their bytes, for metrics. Does the housekeeping that is due first.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        self.inner.entries.run_pending_tasks();
        (
            self.inner.entries.entry_count(),
            self.inner.entries.weighted_size(),
        )
    }
}

/// What an entry costs beside its bytes: spans of the header list, moka's own nodes (estimated).
const OVERHEAD: usize = 256;

impl Flight {
    async fn wait(&self) -> Option<Arc<Cached>> {
        let number = {
            let mut state = lock(&self.state);
            state.came += 1;
            state.came
        };
        let waiter = Waiter {
            flight: self,
            number,
        };
        poll_fn(|cx| {
            let mut state = lock(&waiter.flight.state);
            if let Some(ended) = &state.ended {
                return Poll::Ready(ended.clone());
            }
            state.wakers.insert(waiter.number, cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn end(&self, entry: Option<Arc<Cached>>) {
        let wakers = {
            let mut state = lock(&self.state);
            if state.ended.is_some() {
                return;
            }
            state.ended = Some(entry);
            core::mem::take(&mut state.wakers)
        };
        wakers.into_values().for_each(Waker::wake);
    }
}

impl Lead {
    /// Stores the entry and gives it to everyone who waits.
    pub(crate) fn publish(self, entry: Arc<Cached>) {
        self.cache.put(Arc::clone(&self.key), Arc::clone(&entry));
        self.flight.end(Some(entry));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        lock(&self.cache.inner.flights).remove(&self.key);
        self.flight.end(None);
    }
}

/// A panic while the lock is held leaves a map and a list whole, so the poison is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use core::future::Future;
    use core::pin::pin;
    use core::task::Context;

    use super::*;

    #[test]
    fn who_leaves_a_flight_leaves_nothing_behind() {
        let cache = ResponseCache::new(1_000);
        let key: Arc<[u8]> = Arc::from(&b"key"[..]);
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Turn::Lead(lead)) = pin!(cache.turn(&key, 0)).poll(&mut cx) else {
            panic!("nobody else fetches it");
        };
        let waiting = || lock(&lead.flight.state).wakers.len();
        {
            let mut staying = pin!(cache.turn(&key, 0));
            for _ in 0..3 {
                let mut leaving = pin!(cache.turn(&key, 0));
                assert!(leaving.as_mut().poll(&mut cx).is_pending());
                assert!(leaving.as_mut().poll(&mut cx).is_pending());
                assert!(staying.as_mut().poll(&mut cx).is_pending());
                assert_eq!(waiting(), 2, "each waits once");
            }
            assert_eq!(waiting(), 1);
        }
        assert_eq!(waiting(), 0);
    }
}
