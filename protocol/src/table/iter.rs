//! Walks through tables: whole, from a key on, and where two differ.

use alloc::sync::Arc;
use core::borrow::Borrow;
use core::cmp::Ordering;

use super::{Chunk, Table};

/// The entries of a table in order.
pub struct Iter<'a, K, V> {
    chunks: &'a [Arc<Chunk<K, V>>],
    /// The rest of the first chunk.
    current: &'a [(K, V)],
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(((key, value), rest)) = self.current.split_first() {
                self.current = rest;
                return Some((key, value));
            }
            let (chunk, rest) = self.chunks.split_first()?;
            self.chunks = rest;
            self.current = chunk;
        }
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self {
            chunks: self.chunks,
            current: self.current,
        }
    }
}

impl<'a, K, V> Iter<'a, K, V> {
    fn peek(&self) -> Option<(&'a K, &'a V)> {
        self.clone().next()
    }

    /// Steps over a chunk that both walks are at the beginning of.
    fn skip_shared(&mut self, other: &mut Self) -> bool {
        if !self.current.is_empty() || !other.current.is_empty() {
            return false;
        }
        let (Some((a, rest)), Some((b, other_rest))) =
            (self.chunks.split_first(), other.chunks.split_first())
        else {
            return false;
        };
        let shared = Arc::ptr_eq(a, b);
        if shared {
            self.chunks = rest;
            other.chunks = other_rest;
        }
        shared
    }
}

/// The keys whose values may differ between two tables: with the values of both.
pub struct Changes<'a, K, V> {
    old: Iter<'a, K, V>,
    new: Iter<'a, K, V>,
}

impl<'a, K: Ord, V> Iterator for Changes<'a, K, V> {
    type Item = (&'a K, Option<&'a V>, Option<&'a V>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.old.skip_shared(&mut self.new) {}
        let order = match (self.old.peek(), self.new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let old = order.is_le().then(|| self.old.next()).flatten();
        let new = order.is_ge().then(|| self.new.next()).flatten();
        let (key, _) = old.or(new)?;
        Some((key, old.map(|(_, it)| it), new.map(|(_, it)| it)))
    }
}

impl<K, V> Table<K, V> {
    /// The entries in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter {
            chunks: &self.chunks,
            current: &[],
        }
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// Whether two tables share all they have, which is quick to see. `false` says nothing.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chunks, &other.chunks)
    }
}

impl<K: Ord, V> Table<K, V> {
    /// The entries from this key on, in order.
    #[must_use]
    pub fn range_from<Q: Ord + ?Sized>(&self, key: &Q) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        let at = place.at.unwrap_or_else(|at| at);
        let mut chunks = self.chunks.get(place.chunk..).unwrap_or_default();
        let mut current: &[(K, V)] = &[];
        if let Some((first, rest)) = chunks.split_first() {
            current = first.get(at..).unwrap_or_default();
            chunks = rest;
        }
        Iter { chunks, current }
    }

    /// The keys whose values may differ between this table and a newer one, in order, without
    /// looking into chunks that both share.
    #[must_use]
    pub fn changes<'a>(&'a self, newer: &'a Self) -> Changes<'a, K, V> {
        Changes {
            old: self.iter(),
            new: newer.iter(),
        }
    }
}

impl<'a, K, V> IntoIterator for &'a Table<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K: Clone, V: Clone> IntoIterator for Table<K, V> {
    type Item = (K, V);
    type IntoIter = alloc::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        let mut entries = alloc::vec::Vec::with_capacity(self.len);
        for chunk in Arc::unwrap_or_clone(self.chunks) {
            entries.extend(Arc::unwrap_or_clone(chunk));
        }
        entries.into_iter()
    }
}
