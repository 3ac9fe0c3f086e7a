//! A sorted map that is cheap to copy and cheap to change after it was copied.
//!
//! Large tables of the state are held by several owners at once: the state, what is published to
//! the node, a state snapshot that is being written. A `BTreeMap` would be copied whole at the
//! next change, a million keys for one. Here the entries lie in sorted chunks behind reference
//! counts: a copy shares all of them, and a change copies one chunk and the list of chunks. Two
//! tables that share most chunks are compared by looking at the others only.
//!
//! Rejected: a hash trie (no order, and its shape follows a hash), and a persistent B-tree (more
//! levels than a million entries need).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::ops::Index;

mod codecs;
mod iter;

pub use iter::{Changes, Iter};

/// A chunk is cut in two when it would have more entries than this in a table of that many. A change
/// copies a chunk and the list of chunks, so that both grow with the root of the table: a million
/// entries make some three thousand chunks, a hundred make five.
const fn chunk_max(entries: usize) -> usize {
    match entries {
        0..1_024 => 32,
        1_024..32_768 => 128,
        _ => 512,
    }
}

/// Entries that two chunks have together at most when they are made one: there is room for more.
const fn chunk_fill(entries: usize) -> usize {
    chunk_max(entries) / 8 * 5
}

type Chunk<K, V> = Vec<(K, V)>;

/// A sorted map in shared chunks. Its interface is that of `BTreeMap` as far as it is needed.
#[derive(Clone)]
pub struct Table<K, V> {
    /// No chunk is empty; chunks and entries are in order.
    chunks: Arc<Vec<Arc<Chunk<K, V>>>>,
    len: usize,
}

impl<K, V> Table<K, V> {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self {
            chunks: Arc::new(Vec::new()),
            len: 0,
        }
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Where a key is or belongs: a chunk and, in it, the place.
struct Place {
    chunk: usize,
    at: Result<usize, usize>,
}

impl<K: Ord, V> Table<K, V> {
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Place
    where
        K: Borrow<Q>,
    {
        let after = self.chunks.partition_point(|chunk| {
            chunk
                .first()
                .is_some_and(|(first, _)| first.borrow() <= key)
        });
        let chunk = after.saturating_sub(1);
        let at = self.chunks.get(chunk).map_or(Err(0), |entries| {
            entries.binary_search_by(|(it, _)| it.borrow().cmp(key))
        });
        Place { chunk, at }
    }

    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The key as it is kept, and its value.
    #[must_use]
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        let (key, value) = self.chunks.get(place.chunk)?.get(place.at.ok()?)?;
        Some((key, value))
    }

    /// Whether the key is there.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).at.is_ok()
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// The value of a key, to change; copies its chunk when that is shared.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        let at = place.at.ok()?;
        let chunk = Arc::make_mut(&mut self.chunks).get_mut(place.chunk)?;
        let (_, value) = Arc::make_mut(chunk).get_mut(at)?;
        Some(value)
    }

    /// The value of a key, to change, made when it is not there.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let mut place = self.place(&key);
        if let Err(at) = place.at {
            place = self.put(place.chunk, at, (key, make()));
        }
        let chunks = Arc::make_mut(&mut self.chunks);
        let at = place.at.unwrap_or_else(|at| at);
        &mut Arc::make_mut(&mut chunks[place.chunk])[at].1
    }

    /// Sets the value of a key and returns the old one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.ends_before(&key) {
            // In ascending order, as tables are loaded, no search is needed.
            let chunk = self.chunks.len().saturating_sub(1);
            let at = self.chunks.get(chunk).map_or(0, |entries| entries.len());
            self.put(chunk, at, (key, value));
            return None;
        }
        let place = self.place(&key);
        match place.at {
            Ok(at) => {
                let chunk = Arc::make_mut(&mut self.chunks).get_mut(place.chunk)?;
                let (_, old) = Arc::make_mut(chunk).get_mut(at)?;
                Some(core::mem::replace(old, value))
            }
            Err(at) => {
                self.put(place.chunk, at, (key, value));
                None
            }
        }
    }

    /// Whether every key is smaller than this one.
    fn ends_before(&self, key: &K) -> bool {
        let last = self.chunks.last().and_then(|entries| entries.last());
        last.is_none_or(|(last, _)| last < key)
    }

    /// Puts a new entry in its place; says where it ended up.
    fn put(&mut self, chunk: usize, at: usize, entry: (K, V)) -> Place {
        self.len += 1;
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(entries) = chunks.get_mut(chunk) else {
            chunks.push(Arc::new([entry].into()));
            return Place {
                chunk: 0,
                at: Ok(0),
            };
        };
        let entries = Arc::make_mut(entries);
        entries.insert(at, entry);
        if entries.len() <= chunk_max(self.len) {
            return Place { chunk, at: Ok(at) };
        }
        // In ascending order, as bulk loads come, chunks stay full instead of half empty.
        let cut = if at + 1 == entries.len() {
            at
        } else {
            entries.len() / 2
        };
        let right = entries.split_off(cut);
        chunks.insert(chunk + 1, Arc::new(right));
        if at < cut {
            Place { chunk, at: Ok(at) }
        } else {
            Place {
                chunk: chunk + 1,
                at: Ok(at - cut),
            }
        }
    }

    /// Removes a key and returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        let at = place.at.ok()?;
        self.len -= 1;
        let chunks = Arc::make_mut(&mut self.chunks);
        let entries = Arc::make_mut(chunks.get_mut(place.chunk)?);
        let (_, value) = entries.remove(at);
        let few = entries.len() < chunk_max(self.len) / 4;
        if entries.is_empty() {
            chunks.remove(place.chunk);
        } else if few && place.chunk + 1 < chunks.len() {
            merge(chunks, place.chunk, chunk_fill(self.len));
        }
        Some(value)
    }

    /// Keeps the entries that `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        let gone: Vec<K> = self
            .iter()
            .filter(|(key, value)| !keep(key, value))
            .map(|(key, _)| key.clone())
            .collect();
        for key in &gone {
            self.remove(key);
        }
    }

    /// The values in the order of their keys, to change; copies every chunk that is shared.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let chunks = Arc::make_mut(&mut self.chunks).iter_mut();
        chunks.flat_map(|chunk| Arc::make_mut(chunk).iter_mut().map(|(_, value)| value))
    }
}

/// Puts a small chunk and the next one together when they have no more than `fill` entries.
fn merge<K: Clone, V: Clone>(chunks: &mut Vec<Arc<Chunk<K, V>>>, at: usize, fill: usize) {
    let together = chunks[at].len() + chunks[at + 1].len();
    if together <= fill {
        let next = chunks.remove(at + 1);
        Arc::make_mut(&mut chunks[at]).extend(Arc::unwrap_or_clone(next));
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && self
                .changes(other)
                .all(|(_, a, b)| a.zip(b).is_some_and(|(a, b)| a == b))
    }
}

impl<K: Ord, V: Eq> Eq for Table<K, V> {}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for Table<K, V> {
    type Output = V;

    /// # Panics
    /// When the key is not there, as `BTreeMap` does.
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key is in the table")
    }
}

impl<K: Ord + Clone, V: Clone> Extend<(K, V)> for Table<K, V> {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, entries: T) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut table = Self::new();
        table.extend(entries);
        table
    }
}

#[cfg(test)]
mod tests;
